# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole log, line by line, in bounded memory: what ``vps-sentry auth --format json`` prints."""

from __future__ import annotations

from dataclasses import dataclass
from json.encoder import encode_basestring_ascii
from typing import BinaryIO, Dict, Iterator

from .blocks import raw_lines
from .lines import split
from .messages import parse

_BOOLEAN = ("false", "true")


@dataclass(frozen=True)
class Counts:
    """What a replay read. ``unrecognised`` lines are sshd's by name, but say nothing known."""

    lines: int = 0
    recognised: int = 0
    unrecognised: int = 0
    overlong: int = 0
    """Lines over 64 KiB, whosever they are; they were not read."""


class Replay:
    """The recognised sshd lines of ``stream``, once; ``counts`` is complete when the iteration is."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.counts = Counts()

    def __iter__(self) -> Iterator[Dict[str, object]]:
        number = recognised = unrecognised = overlong = 0
        for raw in raw_lines(self._stream.read):
            number += 1
            if raw is None:
                overlong += 1
                continue
            if b"sshd" not in raw:
                continue
            line = split(raw)
            if line is None:
                continue
            event = None if line.message is None else parse(line.message)
            if event is None:
                unrecognised += 1
                continue
            recognised += 1
            yield {
                "line": number,
                "time": line.time,
                "event": event.event,
                "user": event.user,
                "address": event.address,
                "port": event.port,
                "method": event.method,
                "key": event.key,
                "login": event.login,
                "attempts": event.attempts,
                "trusted": line.trusted,
            }
        self.counts = Counts(number, recognised, unrecognised, overlong)


def replay(stream: BinaryIO) -> Replay:
    """Iterate for one dict per recognised line, keys as in docs/contracts.md section 2; ``.counts`` afterwards."""
    return Replay(stream)


def to_json(row: Dict[str, object]) -> str:
    """A row as JSON text. Written out, because ``json.dumps`` would cost half of a whole replay."""
    port = "null" if row["port"] is None else row["port"]
    return (
        f'{{"line":{row["line"]},"time":{_text(row["time"])},"event":"{row["event"]}","user":{_text(row["user"])}'
        f',"address":{_text(row["address"])},"port":{port},"method":{_text(row["method"])},"key":{_text(row["key"])}'
        f',"login":{_BOOLEAN[bool(row["login"])]},"attempts":{row["attempts"]}'
        f',"trusted":{_BOOLEAN[bool(row["trusted"])]}}}'
    )


def _text(value: object) -> str:
    return "null" if value is None else encode_basestring_ascii(str(value))
