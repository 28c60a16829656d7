# SPDX-License-Identifier: GPL-3.0-or-later
"""``ack``: the command line of an acknowledgement."""

from __future__ import annotations

import argparse
import os

from ..acknowledge import Request, acknowledge
from ..core import codec
from ..core.units import duration
from ..errors import ConfigError
from ..report import EXIT_OK
from .output import print_json, print_lines
from .setup import operator, read_login_uid, setup
from .text import visible


def ack(options: argparse.Namespace) -> int:
    """Silence one alert until it changes, ends, or the time is over."""
    try:
        seconds = duration(options.time) if options.time else 0
    except ValueError as exc:
        raise ConfigError(f"--for: {exc}") from exc
    if options.time and not seconds:
        raise ConfigError("--for: no time at all silences nothing")
    if not options.reason.strip():
        raise ConfigError("--reason: say why, for whoever reads the history")
    by = operator(os.environ, login_uid=read_login_uid())
    entry = acknowledge(setup(options), Request(options.id, by, options.reason, seconds))
    if options.format == "json":
        print_json(codec.encode(entry))
    else:
        print_lines([visible(entry.sentence()), "nothing is trusted by this; to trust the item, accept it"])
    return EXIT_OK
