# SPDX-License-Identifier: GPL-3.0-or-later
"""What an installation costs; with ``SENTRY_TEST_HOSTS=10`` and ``-s`` this makes the figures of docs/operations.md."""

from __future__ import annotations

import os
import resource
import sys
import time
from typing import Callable, List, Tuple

import pytest
from support.lab import Lab
from support.machine import Machine
from support.play import Play, changed

pytestmark = [pytest.mark.container, pytest.mark.budget]
# Four say whether a task too many was added; docs/operations.md gives the figures for ten.
HOSTS = int(os.environ.get("SENTRY_TEST_HOSTS", "4"))
# Seconds of the controller's CPU a host: several times what was measured, so that only a task too many is found.
CEILING = 12.0


def cost(play: Play) -> Tuple[float, float, str]:
    """Wall seconds and CPU seconds of one installation, and what it said."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    said = play.run("install")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, said


def test_installing_a_fleet(lab: Lab, fleet: Callable[[int], List[Machine]]) -> None:
    hosts = fleet(HOSTS)
    play = Play(lab, {"web": hosts[: HOSTS // 2], "db": hosts[HOSTS // 2 :]}, name="cost")
    found = {"first": cost(play), "again": cost(play)}
    for name, (wall, cpu, _) in found.items():
        each = cpu / HOSTS
        sys.stdout.write(f"\n{name}: {HOSTS} hosts in {wall:.0f} s, {each:.1f} s of the controller's CPU a host\n")

    assert dict.fromkeys((host.name for host in hosts), 0) == changed(found["again"][2])
    assert found["first"][1] / HOSTS < CEILING
