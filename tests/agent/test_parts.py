# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks and sinks lie in folders, one file each, and cost nothing until somebody asks for one."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from support.tree import ROOT
from vps_sentry import checks, sinks


@pytest.mark.parametrize("room", [checks, sinks], ids=lambda room: str(room.__name__))
def test_a_part_is_called_like_its_file(room: Any) -> None:
    found = room.discover()

    assert {name: name for name in found} == {name: part.name for name, part in found.items()}
    assert (len(found), True, False) == (len(dict(found)), sorted(found)[0] in found, "_heartbeat" in found)


def test_a_name_without_a_file_is_no_part() -> None:
    with pytest.raises(KeyError):
        checks.discover()["../sinks/discord"]


PROGRAM = """
import sys
from vps_sentry import config
found = config.parse(b'{"checks": {"ports": {"expected": ["tcp:22"]}}}', known=sys.argv[1] == "known")
def there():
    return ",".join(sorted(name[18:] for name in sys.modules if name.startswith("vps_sentry.checks.")))
print(there() or "none")
found.checks["configuration"]
print(there())
"""


@pytest.mark.parametrize(
    ("known", "before", "after"),
    [
        pytest.param("known", "none", "configuration", id="a tick imports the check it needs"),
        pytest.param("new", "all", "all", id="a new file is judged to the last option"),
    ],
)
def test_a_known_configuration_imports_no_check_until_it_is_asked_for(known: str, before: str, after: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "agent" / "src")}
    command = [sys.executable, "-c", PROGRAM, known]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()

    every = ",".join(sorted(checks.discover()))
    assert [every if word == "all" else word for word in (before, after)] == said
