# SPDX-License-Identifier: GPL-3.0-or-later
"""Listening sockets with their owners, nothing being new, against ss on the same crowded host."""

from __future__ import annotations

from functools import partial
from typing import List

from .rows import PYTHON, ROOT, Contender, Measured, Row, agent, by_turns, compiled, need_root, tool

_CROWD = ROOT / "tests" / "support" / "crowd.py"
_PROCESSES = 500
_CONNECTIONS = 19_600
# The whole stamp in a fresh interpreter, start-up included, as a tick pays for it.
_STAMP = """
from time import time
from vps_sentry.tick import take
take("ports", (b"", int(time()) + 600, ((32768, 60999), (), ()), ()))
"""


def rows() -> List[Row]:
    """The rows about sockets."""
    idle, busy = partial(_measure, 0), partial(_measure, _CONNECTIONS)
    return [
        Row("ports-500", "listeners of 500 processes, to ss -lntupH", 0.7, idle),
        Row("ports-20000", "the same with 20,000 connections, to ss -lntupH", 0.1, busy),
    ]


def _measure(connections: int) -> Measured:
    need_root()
    program = tool("ss", "iproute2")
    compiled()
    crowd = ["unshare", "--net", "--pid", "--fork", "--mount-proc", PYTHON, str(_CROWD)]
    contenders = {"ss": Contender([program, "-lntupH"]), "ours": Contender(agent(_STAMP))}
    found = by_turns(contenders, rounds=7, inside=[*crowd, str(_PROCESSES), str(connections)])
    ours = found["ours"]
    detail = f"{ours.cpu * 1000:.1f} ms, ss {found['ss'].cpu * 1000:.1f} ms"
    return Measured(ours.cpu / found["ss"].cpu, ours.rss, detail)
