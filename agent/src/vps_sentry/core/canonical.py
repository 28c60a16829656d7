# SPDX-License-Identifier: GPL-3.0-or-later
"""Canonical JSON: one value, one sequence of bytes (docs/contracts.md section 1)."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, Iterator, List, Tuple

MAX_INTEGER = 2**53 - 1
_PIECE = 1000
"""Entries of an object that are encoded at once."""
_LEVELS = 2
"""How many objects deep ``pieces`` looks for one with many entries."""
_ESCAPE = re.compile(r"\\x([0-9a-f]{2})")
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


class CanonicalError(ValueError):
    """The value or the bytes have no canonical form; the message says where."""


def escape(raw: bytes) -> str:
    """Bytes from the machine (a path, a name) as printable text, reversibly.

    Whatever is not printable UTF-8, and the backslash, becomes ``\\xHH``; bidirectional
    and zero-width characters count as not printable.
    """
    text = raw.decode("utf-8", "surrogateescape")
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(c if c.isprintable() and c != "\\" else _escape_char(c) for c in text)


def _escape_char(char: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape"))


def unescape(text: str) -> bytes:
    """The bytes that ``escape`` was given."""
    return _ESCAPE.sub(_unescape_byte, text).encode("utf-8", "surrogateescape")


def _unescape_byte(match: re.Match[str]) -> str:
    return bytes((int(match[1], 16),)).decode("utf-8", "surrogateescape")


def dumps(value: Any) -> bytes:
    """Canonical JSON bytes of ``value``: sorted keys, no spaces, ASCII, integers only."""
    _refuse_inexact(value, "$")
    return _encode(value)


def _encode(value: Any) -> bytes:
    return _ENCODER.encode(value).encode("ascii")


def pieces(value: Any) -> Iterator[bytes]:
    """``dumps`` piece by piece: of a hundred thousand items only a thousand are in memory a second time."""
    _refuse_inexact(value, "$")
    return _pieces(value, _LEVELS)


def _pieces(value: Any, levels: int) -> Iterator[bytes]:
    if type(value) is dict and len(value) > _PIECE:
        names = sorted(value)
        for start in range(0, len(names), _PIECE):
            # Without its braces, an object is a piece of a larger one.
            yield (b"," if start else b"{") + _encode({n: value[n] for n in names[start : start + _PIECE]})[1:-1]
        yield b"}"
    elif type(value) is dict and levels:
        for number, name in enumerate(sorted(value)):
            yield (b"," if number else b"{") + _encode(name) + b":"
            yield from _pieces(value[name], levels - 1)
        yield b"}" if value else b"{}"
    else:
        yield _encode(value)


def _refuse_inexact(value: Any, path: str) -> None:
    kind = type(value)
    if kind is dict:
        _refuse_inexact_entries(value, path)
    elif kind is list or kind is tuple:
        for entry in value:
            if type(entry) is not str:
                _refuse_inexact(entry, path)
    elif kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise CanonicalError(f"{path}: integer {value} is outside +-2^53")
    elif value is not None and kind is not str and kind is not bool:
        raise CanonicalError(f"{path}: {kind.__name__} has no canonical form")


def _refuse_inexact_entries(value: Dict[Any, Any], path: str) -> None:
    for key, entry in value.items():
        if type(key) is not str:
            raise CanonicalError(f"{path}: key {key!r} is not text")
        # Nearly all there is to look at is text and small numbers, and a call for each would be most of the cost.
        if type(entry) is not str and not (type(entry) is int and -MAX_INTEGER <= entry <= MAX_INTEGER):
            _refuse_inexact(entry, key)


def loads(data: bytes) -> Any:
    """Parse JSON strictly: UTF-8, unique keys, integers below 2^53, no floats.

    Raises CanonicalError for anything else, nesting too deep for the parser included.
    """
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_float=_no_float,
            parse_constant=_no_float,
            parse_int=_small_int,
        )
    except CanonicalError:
        raise
    except RecursionError as exc:
        raise CanonicalError("nested too deeply") from exc
    except ValueError as exc:
        raise CanonicalError(str(exc)) from exc


def _unique(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        raise CanonicalError(f"key {next(k for k in keys if keys.count(k) > 1)!r} stands twice")
    return found


def _no_float(text: str) -> Any:
    raise CanonicalError(f"{text[:40]} is not an integer")


def _small_int(text: str) -> int:
    if len(text) > 17 or not -MAX_INTEGER <= int(text) <= MAX_INTEGER:
        raise CanonicalError(f"integer {text[:40]} is outside +-2^53")
    return int(text)
