# SPDX-License-Identifier: GPL-3.0-or-later
"""``explain``: what an alert code means and what to do about it."""

from __future__ import annotations

import argparse
import difflib
from typing import Dict, Iterator, Tuple

from ..checks import discover
from ..core import codec
from ..core.model import Code
from ..errors import ConfigError
from ..findings import CODES
from ..report import EXIT_OK
from .output import print_json, print_lines

TECHNIQUES = "https://attack.mitre.org/techniques/"


def table() -> Dict[str, Tuple[str, Code]]:
    """Every code with the check it belongs to, empty for those that belong to none."""
    found = {name: ("", code) for name, code in CODES.items()}
    for check in discover().values():
        found.update({name: (check.name, code) for name, code in check.codes.items()})
    return dict(sorted(found.items()))


def explain(options: argparse.Namespace) -> int:
    """One code in full, or all of them, one a line. An unknown one exits with 2 and the nearest names."""
    known = table()
    if options.code is None:
        chosen = known
    elif options.code in known:
        chosen = {options.code: known[options.code]}
    else:
        raise ConfigError(unknown(options.code, known))
    if options.format == "json":
        print_json({name: {"check": check or None, **codec.encode(code)} for name, (check, code) in chosen.items()})
    elif options.code is None:
        print_lines(f"{name:<26}{code.about.partition('. ')[0].rstrip('.')}" for name, (_, code) in known.items())
    else:
        print_lines(lines(options.code, known[options.code]))
    return EXIT_OK


def unknown(name: str, known: Dict[str, Tuple[str, Code]]) -> str:
    """The sentence about a code that does not exist."""
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    advice = f"did you mean {', '.join(near)}?" if near else "see them all with: vps-sentry explain"
    return f"no alert has the code {name!r}; {advice}"


def lines(name: str, known: Tuple[str, Code]) -> Iterator[str]:
    """A code in full."""
    check, code = known
    yield f"{name}{f' (check {check})' if check else ''}"
    yield f"  means      {code.about}"
    if code.technique:
        yield f"  technique  {code.technique}, {TECHNIQUES}{code.technique.replace('.', '/')}/"
    yield f"  do         {code.action}"
    if not code.event:
        yield f"  accept     sudo vps-sentry --accept-baseline --only '{check}:KEY' --reason '...'"
    yield "  silence    sudo vps-sentry ack ID --for 7d --reason '...' (until it changes or ends; nothing is trusted)"
