# SPDX-License-Identifier: GPL-3.0-or-later
"""What a document may measure before anything parses it, and what its texts may hold."""

from __future__ import annotations

import re
import zlib
from base64 import b64decode
from typing import Any, Iterator, Tuple

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 8
MAX_VALUES = 1_500_000
MAX_TEXT = 16 * 1024
"""Characters of one string: a path of 4,096 bytes, each written as four characters."""

_GZIP = b"\x1f\x8b"
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_NO_BRACKET = bytes(byte for byte in range(256) if byte not in b"[]{}")


class LimitError(ValueError):
    """The document is larger, deeper or stranger than any honest one; the message is safe to print."""


def unpack(answer: bytes) -> bytes:
    """The bundle in an answer: as it is (from a forced command), gzip, or gzip as base64; at most MAX_BYTES of it.

    The first byte tells them apart: ``{`` is no letter of base64. Raises LimitError.
    """
    if not answer.strip():
        raise LimitError("an empty answer: does `vps-sentry bundle` work there?")
    if is_bare(answer):
        if len(answer) > MAX_BYTES:
            raise LimitError(f"larger than {MAX_BYTES} bytes")
        return answer
    try:
        packed = answer if answer[:2] == _GZIP else b64decode(answer.strip(), validate=True)
        return inflate(packed)
    except ValueError as exc:
        if isinstance(exc, LimitError):
            raise
        raise LimitError("the answer is no bundle: something else on the host writes to the answer") from exc


def is_bare(answer: bytes) -> bool:
    """Whether it is JSON as the agent writes it: our command, which packs, gave way to the only one of that login."""
    return answer.lstrip()[:1] == b"{"


def inflate(packed: bytes) -> bytes:
    """The bytes behind gzip, at most MAX_BYTES of them. Raises LimitError."""
    unzip = zlib.decompressobj(wbits=31)
    try:
        data = unzip.decompress(packed, MAX_BYTES + 1)
    except zlib.error as exc:
        raise LimitError("the answer is no bundle: something else on the host writes to the answer") from exc
    if len(data) > MAX_BYTES:
        raise LimitError(f"the bundle inflates to more than {MAX_BYTES} bytes")
    if not unzip.eof or unzip.unused_data:
        raise LimitError("the answer is cut off or has something behind its end")
    return data


def measure(data: bytes) -> None:
    """Refuse ``data`` by size, number of values or nesting before a parser spends memory on it."""
    if len(data) > MAX_BYTES:
        raise LimitError(f"larger than {MAX_BYTES} bytes")
    # Commas and brackets inside strings count too: this is a ceiling, not a census.
    if data.count(b",") + data.count(b"[") + data.count(b"{") > MAX_VALUES:
        raise LimitError(f"more than {MAX_VALUES} values")
    depth = 0
    for byte in _STRING.sub(b"", data).translate(None, _NO_BRACKET):
        depth += 1 if byte in b"[{" else -1
        if depth > MAX_DEPTH:
            raise LimitError(f"nested deeper than {MAX_DEPTH} levels")


def texts(document: Any) -> Iterator[str]:
    """Every string inside a parsed JSON value, keys included, in no particular order."""
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if type(value) is str:
            yield value
        elif type(value) is dict:
            yield from value
            waiting += value.values()
        elif isinstance(value, (list, tuple)):
            waiting += value


def printable(value: Any, *, limit: int = MAX_TEXT) -> None:
    """Every string in ``value`` is short and escaped as docs/contracts.md section 1 says. Raises LimitError."""
    short(value, limit=limit)
    for text in texts(value):
        if not text.isprintable():
            raise LimitError(f"{show(text)} holds characters that must be written as \\xHH")


def short(value: Any, *, limit: int = MAX_TEXT) -> None:
    """Every string inside ``value`` is short enough, whatever it holds. Raises LimitError."""
    for text in texts(value):
        if len(text) > limit:
            raise LimitError(f"{show(text)} is longer than {limit} characters")


def show(text: str, *, limit: int = 80) -> str:
    """Host text for a person: one line, printable, cut with a mark."""
    cut = text[: limit + 1]
    plain = "".join(char if char.isprintable() else _escaped(char) for char in cut[:limit])
    return plain + ("…" if len(cut) > limit else "")


def _escaped(char: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogatepass"))


def show_path(parts: Tuple[Any, ...]) -> str:
    """A place inside a document, ``checks.ports.root``, safe to print."""
    return show(".".join(str(part) for part in parts) or "the document", limit=120)
