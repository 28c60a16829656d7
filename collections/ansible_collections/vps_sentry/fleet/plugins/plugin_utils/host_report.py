# SPDX-License-Identifier: GPL-3.0-or-later
"""What there is to say about single hosts: doubts about them, and the question about those that left. Pure."""

from __future__ import annotations

from typing import Dict, Iterable, Iterator, List, Sequence, Tuple

from .core.model import Severity
from .limits import show
from .page import Line, line, plain
from .trust import PASSING
from .trust_store import Standing

GONE = "gone for good? vps-sentry-fleet hosts retire NAME --reason TEXT"
_NAMED = 10


def doubt_lines(doubts: Iterable[Standing], *, told: Iterable[str] = ()) -> Iterator[Line]:
    """One line for each reason, with all its hosts; of the hosts ``told`` already only what does not pass by itself."""
    known = set(told)
    together: Dict[Tuple[Severity, str, str], List[str]] = {}
    for doubt in doubts:
        if doubt.host not in known or doubt.code not in PASSING:
            together.setdefault((doubt.severity, doubt.code, doubt.detail), []).append(doubt.host)
    for (severity, code, detail), hosts in together.items():
        yield line((severity.upper(), severity), f"  {names(hosts)}: {code} ({show(detail, limit=400)})")


def doubts_text(doubts: Iterable[Standing], *, told: Iterable[str] = ()) -> str:
    """The same as text after an empty line; nothing when there is none."""
    lines = list(doubt_lines(doubts, told=told))
    return plain([line(), *lines]) if lines else ""


def gone_text(hosts: Sequence[str]) -> str:
    """The one question about hosts that left the inventory; nothing when there are none."""
    verb = "is" if len(hosts) == 1 else "are"
    return f"\nno longer in the inventory {verb} {names(hosts)}: {GONE}\n" if hosts else ""


def names(hosts: Sequence[str]) -> str:
    """``web-1, web-2 and 8 more``."""
    more = f" and {len(hosts) - _NAMED} more" if len(hosts) > _NAMED else ""
    return ", ".join(show(host) for host in hosts[:_NAMED]) + more
