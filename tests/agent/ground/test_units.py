# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to the agent's own units without touching their files (RULES A19)."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, List

import pytest
from support.booth import Booth
from vps_sentry.checks.agent import CHECK
from vps_sentry.ground import units
from vps_sentry.tick import take

UNITS = "/etc/systemd/system"
CONTROL = "/run/systemd/system.control"
WANT = f"{UNITS}/timers.target.wants/vps-sentry.timer"
RECORD = f"00  {UNITS}/vps-sentry.service.d/ship.conf\n".encode()
SLOW = "[Service]\nCPUQuota=1%\n"


@pytest.fixture(name="booth")
def _booth(tmp_path: Path) -> Booth:
    made = Booth(tmp_path, CHECK)
    for name in ("vps-sentry.service", "vps-sentry-ship.service", "vps-sentry.timer"):
        made.write(f"{UNITS}/{name}", "[Unit]\n")
    made.write(f"{UNITS}/vps-sentry.service.d/ship.conf", "[Unit]\nWants=vps-sentry-ship.service\n")
    made.link(WANT, f"{UNITS}/vps-sentry.timer")
    return made


CASES = [
    pytest.param(
        lambda booth: booth.write(f"{UNITS}/service.d/x.conf", SLOW),
        [f"{UNITS}/service.d/x.conf changes how the agent's units run: CPUQuota=1%"],
        id="for all services",
    ),
    pytest.param(
        lambda booth: booth.write(f"{UNITS}/vps-.service.d/x.conf", SLOW),
        [f"{UNITS}/vps-.service.d/x.conf changes how the agent's units run: CPUQuota=1%"],
        id="for all whose name begins alike",
    ),
    pytest.param(
        lambda booth: booth.write(f"{CONTROL}/vps-sentry.service.d/x.conf", SLOW),
        [f"{CONTROL}/vps-sentry.service.d/x.conf changes how the agent's units run: CPUQuota=1%"],
        id="systemctl set-property",
    ),
    pytest.param(
        lambda booth: booth.write(f"{UNITS}/vps-sentry.timer.d/x.conf", "[Timer]\nOnCalendar=\nOnCalendar=yearly\n"),
        [f"{UNITS}/vps-sentry.timer.d/x.conf changes how the agent's units run: OnCalendar=, OnCalendar=yearly"],
        id="the timer's time",
    ),
    pytest.param(lambda booth: booth.at(WANT).unlink(), ["the agent's timer is disabled"], id="disabled"),
    pytest.param(
        lambda booth: booth.link(f"{UNITS}/vps-sentry.timer", "/dev/null"), ["the agent's timer is masked"], id="masked"
    ),
    pytest.param(
        lambda booth: booth.link(f"{CONTROL}/vps-sentry.timer", "/dev/null"),
        ["the agent's timer is masked"],
        id="masked until the next boot",
    ),
]


@pytest.mark.weakness(17)
@pytest.mark.parametrize(("act", "expected"), CASES)
def test_it_is_critical_and_leaves_the_quiet_path(
    booth: Booth, act: Callable[[Booth], object], expected: List[str]
) -> None:
    before = units.items(booth.host, RECORD)
    stamp = take("tree", (units.layout(booth.host),))
    assert stamp == take("tree", (units.layout(booth.host),))

    act(booth)

    told = booth.told(before, units.items(booth.host, RECORD))
    assert [("critical", title) for title in expected] == [entry[2:] for entry in told]
    assert stamp != take("tree", (units.layout(booth.host),))


def test_what_was_installed_and_what_hands_over_secrets_is_none_of_it(booth: Booth) -> None:
    text = "[Service]\nLoadCredential=x:/etc/vps-sentry.d/x\nSetCredential=x:\\n\n"
    booth.write(f"{UNITS}/vps-sentry-ship.service.d/vps-sentry-secrets.conf", text)

    assert ["timer"] == list(units.items(booth.host, RECORD))
