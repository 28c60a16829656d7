# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that answers the right question with a wrong bundle: ``liar.py LIE KEPT``, the request on standard input.

LIE names a function below; KEPT is a bundle of that host as its agent made it.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Callable, Dict, List

Document = Dict[str, Any]


def wrong_digests(document: Document) -> str:
    """Every item says something else than its digest."""
    for bucket in document["buckets"].values():
        for pair in bucket:
            pair[1] = {"type": "file", "mode": "4755"}
    return json.dumps(document)


def deep(document: Document) -> str:
    """A value inside a value inside a value."""
    return json.dumps(document)[:-1] + ',"x":' + "[" * 50_000 + "]" * 50_000 + "}"


def not_a_number(document: Document) -> str:
    """What JSON does not have and Python reads."""
    return json.dumps(document)[:-1] + ',"run":NaN}'


def twice(document: Document) -> str:
    """Two baselines: which one counts depends on the reader."""
    return json.dumps(document)[:-1] + ',"baseline":{}}'


def named(document: Document) -> str:
    """Templates, commands and escapes where a name belongs."""
    evil = (
        "{{ lookup('pipe', 'touch pwned') }}$(touch pwned)`touch pwned`\x1b]0;pwned\x07<script>=cmd|'/C calc'!A0\r\nx"
    )
    return json.dumps({**document, "host": evil})


def errors(document: Document) -> str:
    """The same in every text that is free: a check's error, an alert's words. The bundle is a good one otherwise."""
    evil = "{{ lookup('pipe', 'touch pwned') }}$(touch pwned)\x1b[2J<img src=x onerror=alert(1)>=1+1\n\u202etxt.exe"
    document["checks"]["ports"] = {"status": "failed", "error": evil, "root": None, "buckets": []}
    return json.dumps(document)


def endless(document: Document) -> str:
    """A good beginning, and never an end."""
    sys.stdout.write("{" + " " * 100)
    while True:
        sys.stdout.write(" " * 65_536)


LIES: Dict[str, Callable[[Document], str]] = {
    lie.__name__: lie for lie in (wrong_digests, deep, not_a_number, twice, named, errors, endless)
}


def main(arguments: List[str]) -> None:
    """Answer."""
    request = json.loads(sys.stdin.readline())
    with open(arguments[2]) as handle:
        document = {**json.load(handle), "nonce": request["nonce"]}
    sys.stdout.write(LIES[arguments[1]](document))


if __name__ == "__main__":
    main(sys.argv)
