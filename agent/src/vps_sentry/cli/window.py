# SPDX-License-Identifier: GPL-3.0-or-later
"""``window``: open, show or close a maintenance window."""

from __future__ import annotations

import argparse
import os
import time

from .. import maintenance
from ..core import codec
from ..deliveries import Outlet
from ..errors import ConfigError
from ..pipeline import run_once
from ..report import EXIT_OK, Identity
from ..setup import Setup
from ..store import Store
from .output import print_json, print_lines
from .setup import operator, read_login_uid, setup
from .text import visible


def window(options: argparse.Namespace) -> int:
    """Carry out one step."""
    steps = {"open": _open, "close": _close, "show": _show}
    return steps[options.step](options)


def _open(options: argparse.Namespace) -> int:
    if not options.time or not options.reason.strip():
        raise ConfigError("window open: say for how long and why, with --for 2h --reason TEXT")
    by = operator(os.environ, login_uid=read_login_uid())
    request = maintenance.Request(by, options.reason.strip(), maintenance.length(options.time))
    prepared = setup(options)
    entry = maintenance.begin(prepared, _outlet(prepared), request=request)
    if options.format == "json":
        print_json(codec.encode(entry))
    else:
        print_lines([visible(entry.sentence())])
    return EXIT_OK


def _close(options: argparse.Namespace) -> int:
    if maintenance.finish(setup(options)) is None:
        raise ConfigError("no maintenance window is open; see: vps-sentry baseline log")
    # Quiet ticks would let what was held back wait for the end that was planned.
    run_once(setup(options))
    if options.format == "json":
        print_json({"open": False})
    else:
        print_lines(["closed; what happened meanwhile is told now, and stands in: vps-sentry baseline log"])
    return EXIT_OK


def _show(options: argparse.Namespace) -> int:
    found, now = maintenance.load(Store(options.state_dir)), int(time.time())
    standing = found if found is not None and found.is_open(now) else None
    if options.format == "json":
        print_json({"open": standing is not None, "window": None if standing is None else codec.encode(standing)})
    elif standing is None:
        print_lines(["no maintenance window is open"])
    else:
        print_lines([visible(str(standing))])
    return EXIT_OK


def _outlet(prepared: Setup) -> Outlet:
    identity = Identity(prepared.host.name(), prepared.host.machine_id(), prepared.version)
    return Outlet(prepared.store, prepared.config, identity, prepared.now, prepared.test, prepared.former)
