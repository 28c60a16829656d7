# SPDX-License-Identifier: GPL-3.0-or-later
"""What installing ten hosts costs; ``./scripts/test tests/containers/test_install_cost.py -s`` prints the figures."""

from __future__ import annotations

import resource
import sys
import time
from typing import Callable, List, Tuple

import pytest
from support.lab import Lab
from support.machine import Machine
from support.play import Play, changed

pytestmark = [pytest.mark.container, pytest.mark.budget]
HOSTS = 10
# Seconds of the controller's CPU a host: several times what was measured, so that only a task too many is found.
CEILING = 8.0


def cost(play: Play) -> Tuple[float, float, str]:
    """Wall seconds and CPU seconds of one installation, and what it said."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    said = play.run("install")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, said


def test_ten_hosts(lab: Lab, fleet: Callable[[int], List[Machine]]) -> None:
    hosts = fleet(HOSTS)
    play = Play(lab, {"web": hosts[: HOSTS // 2], "db": hosts[HOSTS // 2 :]}, name="cost")
    found = {"first": cost(play), "again": cost(play)}
    for name, (wall, cpu, _) in found.items():
        each = cpu / HOSTS
        sys.stdout.write(f"\n{name}: {HOSTS} hosts in {wall:.0f} s, {each:.1f} s of the controller's CPU a host\n")

    assert dict.fromkeys((host.name for host in hosts), 0) == changed(found["again"][2])
    assert found["first"][1] / HOSTS < CEILING
