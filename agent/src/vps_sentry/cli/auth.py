# SPDX-License-Identifier: GPL-3.0-or-later
"""``auth``: what an sshd log says, line by line."""

from __future__ import annotations

import argparse
import contextlib
import sys
from typing import BinaryIO, ContextManager, Dict

from ..errors import ConfigError
from ..report import EXIT_OK
from ..sshlog.replay import Replay, to_json
from . import text


def auth(options: argparse.Namespace) -> int:
    """Print the recognised lines of a log, and how many were and were not recognised on stderr."""
    write = sys.stdout.write
    with _source(options.file) as stream:
        replay = Replay(stream)
        for event in replay:
            write((to_json(event) if options.format == "json" else _sentence(event)) + "\n")
    sys.stdout.flush()
    counts = replay.counts
    overlong = f", {counts.overlong} longer than 64 KiB not read" if counts.overlong else ""
    print(
        f"vps-sentry: {counts.recognised} sshd lines recognised, {counts.unrecognised} not{overlong}", file=sys.stderr
    )
    return EXIT_OK


def _source(name: str) -> ContextManager[BinaryIO]:
    if name == "-":
        return contextlib.nullcontext(sys.stdin.buffer)
    try:
        return open(name, "rb")
    except OSError as exc:
        raise ConfigError(f"cannot read {name}: {exc.strerror}") from exc


def _sentence(event: Dict[str, object]) -> str:
    who = f"{event['user']!s}" if event["user"] is not None else "nobody"
    where = f" from {event['address']}" if event["address"] else ""
    how = f" by {event['method']}" if event["method"] else ""
    times = f" ({event['attempts']} times)" if event["attempts"] not in (0, 1) else ""
    doubt = "" if event["trusted"] else " [unverified]"
    return text.visible(f"{event['time']}  {event['event']:<18} {who}{where}{how}{times}{doubt}")
