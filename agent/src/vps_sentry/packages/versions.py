# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of two versions is the later one, by the rules of dpkg (deb-version(7)) and of rpm (lib/rpmvercmp.c). Pure."""

from __future__ import annotations

import re
from typing import Callable, Tuple

_PARTS = re.compile(r"([^0-9]*)([0-9]*)")
_RPM_PART = re.compile(r"[0-9]+|[a-zA-Z]+|~|\^")


def later_deb(new: str, old: str) -> bool:
    """Whether ``new`` is later than ``old`` to dpkg."""
    return _compare_deb(new, old) > 0


def later_rpm(new: str, old: str) -> bool:
    """Whether ``new`` is later than ``old`` to rpm."""
    return _compare_rpm(new, old) > 0


def _compare_deb(one: str, two: str) -> int:
    (epoch, upstream, revision), (other, upstream_two, revision_two) = _split(one), _split(two)
    if epoch != other:
        return 1 if epoch > other else -1
    return _compare_part(upstream, upstream_two) or _compare_part(revision, revision_two)


def _split(version: str) -> Tuple[int, str, str]:
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, _, revision = rest.rpartition("-")
    # Not isdigit(): that takes digits of every script.
    number = int(epoch) if epoch.isascii() and epoch.isdigit() and len(epoch) < 10 else 0
    return (number, upstream, revision) if upstream else (number, rest, "")


def _compare_part(one: str, two: str) -> int:
    """Letters before everything else, a tilde before even the end, numbers as numbers (verrevcmp)."""
    for (text, digits), (text_two, digits_two) in _pairs(one, two):
        for place in range(max(len(text), len(text_two))):
            order = _order(text[place : place + 1]) - _order(text_two[place : place + 1])
            if order:
                return order
        order = _number(digits, digits_two)
        if order:
            return order
    return 0


def _pairs(one: str, two: str) -> list[tuple[tuple[str, str], tuple[str, str]]]:
    first, second = _PARTS.findall(one), _PARTS.findall(two)
    most = max(len(first), len(second))
    return list(zip(first + [("", "")] * (most - len(first)), second + [("", "")] * (most - len(second))))


def _order(char: str) -> int:
    if char == "~":
        return -1
    if not char:
        return 0
    return ord(char) if char.isascii() and char.isalpha() else ord(char) + 0x110000


def _number(one: str, two: str) -> int:
    """Without int(): a number of ten thousand digits would take for ever."""
    one, two = one.lstrip("0"), two.lstrip("0")
    if len(one) != len(two):
        return len(one) - len(two)
    return (one > two) - (one < two)


def _compare_rpm(one: str, two: str) -> int:
    (epoch, version, release), (other, version_two, release_two) = _split(one), _split(two)
    if epoch != other:
        return 1 if epoch > other else -1
    return _compare_segments(version, version_two) or _compare_segments(release, release_two)


def _compare_segments(one: str, two: str) -> int:
    first, second = _RPM_PART.findall(one), _RPM_PART.findall(two)
    for a, b in zip(first, second):
        order = _segment(a, b)
        if order:
            return order
    if len(first) == len(second):
        return 0
    more, sign = (first, 1) if len(first) > len(second) else (second, -1)
    return sign * (-1 if more[min(len(first), len(second))] == "~" else 1)


def _segment(a: str, b: str) -> int:
    for mark, order in (("~", -1), ("^", -1)):
        if (a == mark) != (b == mark):
            return order if a == mark else -order
    if a.isdigit() != b.isdigit():
        return 1 if a.isdigit() else -1
    return _number(a, b) if a.isdigit() else (a > b) - (a < b)


Later = Callable[[str, str], bool]
"""``later_deb`` or ``later_rpm``."""
