# SPDX-License-Identifier: GPL-3.0-or-later
"""``auth``: what an sshd log says, line by line as JSON or summed up as text."""

from __future__ import annotations

import argparse
import contextlib
import sys
from typing import BinaryIO, ContextManager, Iterator, Tuple

from ..errors import ConfigError
from ..report import EXIT_OK
from ..sshlog.replay import Counts, Replay, to_json
from ..sshlog.scan import scan
from ..sshlog.summary import Logins, Summary, Tally, Who
from . import text

HIGHEST = 10
"""Most names listed of a tally."""


def auth(options: argparse.Namespace) -> int:
    """Print what a log says, and how many lines were and were not recognised on stderr."""
    with _source(options.file) as stream:
        counts = _lines(stream) if options.format == "json" else _sum(stream)
    sys.stdout.flush()
    overlong = f", {counts.overlong} longer than 64 KiB not read" if counts.overlong else ""
    print(
        f"vps-sentry: {counts.recognised} sshd lines recognised, {counts.unrecognised} not{overlong}", file=sys.stderr
    )
    return EXIT_OK


def _lines(stream: BinaryIO) -> Counts:
    replay, write = Replay(stream), sys.stdout.write
    for event in replay:
        write(to_json(event) + "\n")
    return replay.counts


def _sum(stream: BinaryIO) -> Summary:
    summary = scan(stream)
    sys.stdout.writelines(text.visible(line) + "\n" for line in _summary(summary))
    return summary


def _source(name: str) -> ContextManager[BinaryIO]:
    if name == "-":
        return contextlib.nullcontext(sys.stdin.buffer)
    try:
        return open(name, "rb", buffering=0)
    except OSError as exc:
        raise ConfigError(f"cannot read {name}: {exc.strerror}") from exc


def _summary(found: Summary) -> Iterator[str]:
    for event, count in sorted(found.events.items()):
        attempts = f", {found.attempts} attempts" if event == "failed" else ""
        yield f"{event:<18} {count} lines{attempts}"
    yield from _tally("failed attempts by network", found.networks)
    yield from _tally("failed attempts by user", found.users)
    if found.logins:
        yield ""
        yield "logins"
        yield from map(_login, found.logins.items())
    if found.more_logins:
        yield f"  and {found.more_logins} more; --format json lists every one"


def _tally(title: str, tally: Tally) -> Iterator[str]:
    listed = tally.highest(HIGHEST)
    if listed:
        yield ""
        # A rare name may have been forgotten and come back, so then a count is a floor.
        yield title + (" (at least)" if tally.forgotten else "")
        yield from (f"{count:>10}  {name or '(empty)'}" for name, count in listed)
        rest = tally.total() - sum(count for _, count in listed)
        if rest:
            yield f"{rest:>10}  from others"


def _login(entry: Tuple[Who, Logins]) -> str:
    (user, address, method, key, trusted), seen = entry
    times = f"  {seen.first}" if seen.count == 1 else f"  {seen.first} to {seen.last}, {seen.count} times:"
    doubt = "" if trusted else " [unverified]"
    return f"{times}  {user} from {address or 'an unknown address'} by {method}{' ' if key else ''}{key}{doubt}"
