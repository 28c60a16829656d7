# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with very many watched files: its scheduled run ends by itself, within the unit's limit of memory."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict

import pytest
from support.machine import Machine

pytestmark = pytest.mark.container
ROOT = Path(__file__).resolve().parent.parent.parent
MANY = 60_000
MAKE = """
import os
for folder in range(600):
    place = f"/var/www/site{folder:03}/uploads"
    os.makedirs(place)
    for number in range(100):
        with open(f"{place}/image-{number:03}.php", "w") as handle:
            handle.write(f"{folder} {number}")
"""


@pytest.fixture(scope="module", name="crowded")
def _crowded(machine: Machine) -> Machine:
    machine.copy_in(ROOT, "/root/vps-sentry")
    config = {"checks": {"files": {"watch": ["/var/www"]}}}
    machine.write("/etc/vps-sentry.json", json.dumps(config), mode=0o600)
    machine.run(["python3", "-c", MAKE])
    machine.run(["/root/vps-sentry/scripts/install.sh"])
    machine.run(["systemctl", "stop", "vps-sentry.timer"])
    machine.run(["vps-sentry", "--accept-baseline"])
    return machine


def scheduled(machine: Machine) -> Dict[str, Any]:
    """One run by the unit that cannot be quiet; its report. The unit fails where the run was killed."""
    machine.run(["rm", "-f", "/var/lib/vps-sentry/stamps/tick"])
    machine.run(["systemctl", "start", "vps-sentry.service"])
    found: Dict[str, Any] = json.loads(machine.read("/var/lib/vps-sentry/last.json"))
    return found


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("true", id="nothing moved"),
        pytest.param("chmod -R g+w /var/www", id="every file changed"),
    ],
)
def test_a_full_run_stays_within_the_limit_of_its_unit(crowded: Machine, change: str) -> None:
    """The laboratory does not enforce limits of control groups, so what the run took is held against the unit's."""
    crowded.run(["sh", "-c", change])
    before = json.loads(crowded.read("/var/lib/vps-sentry/last.json"))
    after = scheduled(crowded)
    limit = re.search(r"(?m)^MemoryMax=([0-9]+)M$", crowded.read("/etc/systemd/system/vps-sentry.service"))

    assert after["time"] > before["time"]
    assert MANY < after["checks"]["files"]["items"]
    assert "run_killed" not in {alert["code"] for alert in after["alerts"]}
    assert limit
    assert after["cost"]["max_rss_kib"] < int(limit[1]) * 1024 * 2 // 3
