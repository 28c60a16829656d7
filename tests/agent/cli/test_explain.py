# SPDX-License-Identifier: GPL-3.0-or-later
"""``explain``: from a code in an alert to what to do, without root and without a run."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Tuple

import pytest
from support.tree import ROOT
from vps_sentry.cli.explain import table


def explain(*words: str) -> Tuple[int, str, str]:
    command = [sys.executable, "-m", "vps_sentry", "explain", *words]
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT / "agent/src")})
    return done.returncode, done.stdout, done.stderr


def test_one_code_in_full() -> None:
    code, said, _ = explain("file_preload")

    assert 0 == code
    assert said.startswith("file_preload (check files)\n  means      /etc/ld.so.preload changed")
    assert "T1574.006, https://attack.mitre.org/techniques/T1574/006/" in said
    assert "accept     sudo vps-sentry --accept-baseline --only 'files:KEY'" in said


def test_an_event_has_nothing_to_accept() -> None:
    assert "  accept  " not in explain("ssh_log_truncated")[1]


def test_all_codes_one_a_line() -> None:
    code, said, _ = explain()

    assert 0 == code
    assert list(table()) == [line.split()[0] for line in said.splitlines()]


def test_json_for_programs() -> None:
    found = json.loads(explain("baseline_lost", "--format", "json")[1])

    assert {"baseline_lost"} == set(found)
    assert {"check", "about", "technique", "action", "event", "lasts"} == set(found["baseline_lost"])
    assert found["baseline_lost"]["check"] is None


UNKNOWN = [
    pytest.param("file_setud", "did you mean file_setuid", id="a slip of the keyboard"),
    pytest.param("zzzz", "see them all with: vps-sentry explain", id="nothing like it"),
    pytest.param("\x1b[31m", "no alert has the code '\\x1b[31m'", id="control characters are shown, not sent"),
]


@pytest.mark.parametrize(("name", "expected"), UNKNOWN)
def test_an_unknown_code_names_the_nearest(name: str, expected: str) -> None:
    code, said, error = explain(name)

    assert (2, "") == (code, said)
    assert expected in error
