# SPDX-License-Identifier: GPL-3.0-or-later
"""Canonical JSON and escaping: reversible, strict, one form only."""

from __future__ import annotations

import pytest
from vps_sentry.core import canonical

ESCAPES = [
    pytest.param(b"/etc/passwd", "/etc/passwd", id="plain"),
    pytest.param("/srv/größe".encode(), "/srv/größe", id="printable UTF-8 stays"),
    pytest.param(b"/tmp/\xff", "/tmp/\\xff", id="not UTF-8"),
    pytest.param(b"a\nb\x1b[31m", "a\\x0ab\\x1b[31m", id="newline and terminal escape"),
    pytest.param(b"a\\x41", "a\\x5cx41", id="a backslash cannot fake an escape"),
    pytest.param("a\u202eb".encode(), "a\\xe2\\x80\\xaeb", id="bidirectional override"),
    pytest.param("a\u200bb".encode(), "a\\xe2\\x80\\x8bb", id="zero width space"),
    pytest.param(b"", "", id="empty"),
]
REFUSED = [
    pytest.param(b'{"a":1,"a":2}', "stands twice", id="duplicate key"),
    pytest.param(b"[1.5]", "not an integer", id="float"),
    pytest.param(b"[NaN]", "not an integer", id="NaN"),
    pytest.param(b"[1e400]", "not an integer", id="huge float"),
    pytest.param(b"[9007199254740992]", "outside", id="2^53"),
    pytest.param(b"[" + b"9" * 5000 + b"]", "outside", id="a number too long to parse"),
    pytest.param(b'"\xff"', "decode", id="not UTF-8"),
    pytest.param(b"[" * 100_000, "deep", id="nesting bomb"),
    pytest.param(b"", "Expecting value", id="empty"),
    pytest.param(b'{"a":1', "Expecting", id="cut off"),
]


@pytest.mark.parametrize(("raw", "expected"), ESCAPES)
def test_escape_is_readable_and_reversible(raw: bytes, expected: str) -> None:
    assert expected == canonical.escape(raw)
    assert raw == canonical.unescape(canonical.escape(raw))


def test_every_single_byte_and_pair_comes_back() -> None:
    for first in range(256):
        for second in (0, 10, 92, 120, 128, 195, 255):
            raw = bytes((first, second))

            assert raw == canonical.unescape(canonical.escape(raw))


@pytest.mark.parametrize(("data", "problem"), REFUSED)
def test_loads_refuses(data: bytes, problem: str) -> None:
    with pytest.raises(canonical.CanonicalError, match=problem):
        canonical.loads(data)


@pytest.mark.parametrize("value", [1.0, float("nan"), 2**53, -(2**53), {1: 2}, {"a": [b"x"]}, {"a": {1}}])
def test_dumps_refuses_what_has_no_canonical_form(value: object) -> None:
    with pytest.raises(canonical.CanonicalError):
        canonical.dumps(value)


def test_dumps_sorts_and_packs() -> None:
    value = {"b": [1, True, None], "a": "é\n"}

    assert b'{"a":"\\u00e9\\n","b":[1,true,null]}' == canonical.dumps(value)
    assert value == canonical.loads(canonical.dumps(value))


MANY = {f"/srv/{number}\u00e4": {"uid": number, "type": "file"} for number in range(2500)}


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({}, id="nothing"),
        pytest.param("text", id="no object"),
        pytest.param({"b": {}, "a": [1, None, True]}, id="a few entries, sorted"),
        pytest.param(MANY, id="more than one piece"),
        pytest.param(dict(list(MANY.items())[:1001]), id="one entry beyond a piece"),
        pytest.param({"schema": 1, "checks": {"files": MANY, "ports": {"x": {"y": {"z": 1}}}}}, id="as a baseline is"),
        pytest.param({"a": {"b": {"c": {"d": MANY}}}}, id="deeper than is looked"),
    ],
)
def test_pieces_are_what_dumps_makes(value: object) -> None:
    assert b"".join(canonical.pieces(value)) == canonical.dumps(value)


def test_no_piece_is_made_of_what_has_no_canonical_form() -> None:
    """Said before anything is written, not in the middle of a file."""
    with pytest.raises(canonical.CanonicalError, match=r"a: float"):
        canonical.pieces({"items": {**MANY, "/x": {"a": 1.5}}})
