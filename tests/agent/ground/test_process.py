# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run can tell of the process it is: variables, mapped code, limits (RULES A19)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Dict, List

import pytest
from vps_sentry.ground import process
from vps_sentry.host import Host
from vps_sentry.tick import ground

UNIT = b"[Service]\nCPUQuota=50%\nMemoryMax=320M\n"
OWN = "0::/system.slice/vps-sentry.service\n"

VARIABLES = [
    pytest.param(b"PATH=/bin\0LC_ALL=C.UTF-8\0INVOCATION_ID=1\0", {}, id="what systemd and the wrapper set"),
    pytest.param(b"LD_PRELOAD=/x.so\0", {"environment:LD_PRELOAD": "/x.so"}, id="a library"),
    pytest.param(b"HTTP_PROXY=http://u:p@h\0", {"environment:HTTP_PROXY": "set"}, id="a stranger: only its name"),
    pytest.param(
        b"VPS_SENTRY_REMOVED_ENVIRONMENT=LD_PRELOAD PYTHONPATH\0",
        {
            "environment:LD_PRELOAD": "removed by the wrapper",
            "environment:PYTHONPATH": "removed by the wrapper",
        },
        id="what the wrapper removed",
    ),
    pytest.param(
        b"\xff\n=1\0no equals sign\0",
        {"environment:\\xff\\x0a": "set", "environment:no equals sign": "set"},
        id="rubbish",
    ),
]


@pytest.mark.parametrize(("environment", "expected"), VARIABLES)
def test_variables_that_nobody_should_set(environment: bytes, expected: Dict[str, str]) -> None:
    found = process.variables(ground.strangers(environment))

    assert expected == {key: value["state"] for key, value in found.items()}


LIMITS = [
    pytest.param([("system.slice/vps-sentry.service/cpu.max", "50000 100000")], [], id="its own"),
    pytest.param([("system.slice/vps-sentry.service/cpu.max", "1000 100000")], ["cpu.max"], id="one percent of a CPU"),
    pytest.param([("system.slice/cpu.max", "1000 100000")], ["cpu.max"], id="one percent for all services"),
    pytest.param([("system.slice/cpu.max", "400000 100000")], [], id="four CPUs for all services"),
    pytest.param([("system.slice/cpu.max", "max 100000")], [], id="none"),
    pytest.param([("system.slice/memory.max", "1048576")], ["memory.max"], id="a megabyte"),
    pytest.param([("system.slice/memory.max", "335544320")], [], id="as much as its own"),
    pytest.param([("system.slice/memory.high", "4096")], ["memory.high"], id="slowed down by memory"),
]


@pytest.mark.parametrize(("files", "expected"), LIMITS)
def test_limits_below_those_of_the_unit(files: list[tuple[str, str]], expected: List[str], tmp_path: Path) -> None:
    for name, text in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    found = process.narrower(ground.limits_of(OWN.encode(), os.fsencode(tmp_path)), UNIT)

    assert expected == [key.rpartition("/")[2] for key in found]


def test_limits_of_the_old_kind(tmp_path: Path) -> None:
    for name, text in (("cpu/a/cpu.cfs_quota_us", "1000"), ("memory/a/memory.limit_in_bytes", str(1 << 62))):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    found = process.narrower(ground.limits_of(b"3:cpu,cpuacct:/a\n4:memory:/a\n", os.fsencode(tmp_path)), UNIT)

    assert [f"limit:{tmp_path}/cpu/a/cpu.cfs_quota_us"] == list(found)


def test_a_library_that_no_package_brought_is_told(tmp_path: Path) -> None:
    """A real one, loaded as LD_PRELOAD does it, among those of this very interpreter."""
    source, library = tmp_path / "evil.c", tmp_path / "evil.so"
    source.write_text("int evil(void) { return 1; }\n")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    show = "print(open('/proc/self/maps').read())"
    run = subprocess.run(
        ["/usr/bin/python3", "-IS", "-c", show], env={"LD_PRELOAD": str(library)}, capture_output=True, check=True
    )
    lines = [line.decode() for line in ground.mapped(run.stdout)]

    assert {str(library)} == process.strangers_of(Host(), lines)


def test_another_process_than_the_units_repeats_what_the_units_saw() -> None:
    before = {"items": {"environment:LD_PRELOAD": {"state": "/x.so"}}, "environment": ["LD_PRELOAD=/x.so"]}

    assert (before["items"], before) == process.look(Host(), before)


PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from vps_sentry.tick import ground
real = ground.read
ground.read = lambda path: b"0::/system.slice/vps-sentry.service\\n" if path.endswith(b"cgroup") else real(path)
code = tuple(ground.mapped(real(b"/proc/self/maps")))
for arguments in (((), code, ()), ((), code[1:], ()), ((), code, ((b"/x", b"1"),))):
    print(ground.take(*arguments) == b"")
"""


@pytest.mark.parametrize(("variables", "quiet"), [({}, True), ({"LD_DEBUG": "x"}, False), ({"X": "1"}, False)])
def test_the_tick_is_quiet_in_what_was_seen_before_and_nowhere_else(variables: Dict[str, str], quiet: bool) -> None:
    place = str(Path(ground.__file__).parents[2])
    argv = [sys.executable, "-IS", "-c", PROGRAM, place]
    said = subprocess.run(argv, env=variables, capture_output=True, text=True, check=True).stdout.split()

    assert [str(quiet), "False", "False"] == said


def test_no_two_answers_of_a_tick_that_is_not_quiet_are_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    real = ground.read
    monkeypatch.setattr(ground, "read", lambda path: OWN.encode() if path.endswith(b"cgroup") else real(path))

    assert ground.take((), (), ()) != ground.take((), (), ())
