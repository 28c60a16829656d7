# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to what systemd starts: the quiet path is left at once, and one sentence says what happened."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable, List, Tuple

import pytest
from support.booth import Booth
from vps_sentry.checks.units import CHECK

SSH = "[Unit]\nDescription=OpenSSH\n[Service]\nExecStart=/usr/sbin/sshd -D\n[Install]\nWantedBy=multi-user.target\n"
TIMER = "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n"
EVIL = "[Service]\nExecStart=/opt/evil\n"
UNITS = "/etc/systemd/system"
SHIPPED = "/usr/lib/systemd/system"
WANTS = f"{UNITS}/multi-user.target.wants"
Act = Callable[[Booth], object]
Expected = List[Tuple[str, str, str, str]]


@pytest.fixture(name="booth")
def _booth(tmp_path: Path) -> Booth:
    made = Booth(tmp_path, CHECK)
    made.write(f"{SHIPPED}/ssh.service", SSH)
    made.write(f"{SHIPPED}/auditd.service", SSH.replace("sshd -D", "auditd"))
    made.write(f"{SHIPPED}/backup.service", EVIL.replace("evil", "backup"))
    made.write(f"{UNITS}/backup.timer", TIMER)
    made.write(f"{UNITS}/vps-sentry.timer", TIMER)
    made.write(f"{SHIPPED}/getty@.service", "[Service]\nExecStart=-/sbin/agetty %I\n")
    for name in ("ssh", "auditd"):
        made.link(f"{WANTS}/{name}.service", f"{SHIPPED}/{name}.service")
    made.link(f"{UNITS}/timers.target.wants/vps-sentry.timer", f"{UNITS}/vps-sentry.timer")
    made.link(f"{UNITS}/sshd.service", f"{SHIPPED}/ssh.service")
    made.at("/home/ann").mkdir(parents=True)
    os.chown(made.at("/home/ann"), 1000, 1000)
    return made


def both(*acts: Act) -> Act:
    def act(booth: Booth) -> None:
        for one in acts:
            one(booth)

    return act


def unit(path: str, text: str = EVIL, *, owner: int = 0) -> Act:
    return lambda booth: os.chown(booth.write(path, text), owner, owner)


def link(path: str, target: str) -> Act:
    return lambda booth: booth.link(path, target)


def gone(path: str) -> Act:
    return lambda booth: booth.at(path).unlink()


def program(path: str) -> Act:
    return lambda booth: booth.write(path, "#!/bin/sh\n", mode=0o755)


APPEARED = "x.service appeared: runs ExecStart=/opt/evil as root"
DROP_IN = f"{UNITS}/ssh.service.d/x.conf"
CASES = [
    pytest.param(unit(f"{UNITS}/x.service"), [("x.service", "unit_added", "warning", APPEARED)], id="A17 a service"),
    pytest.param(
        both(unit(f"{UNITS}/x.service"), link(f"{WANTS}/x.service", f"{UNITS}/x.service")),
        [("x.service", "unit_added", "warning", f"{APPEARED}; started by multi-user.target.wants")],
        id="A17 a service, enabled",
    ),
    pytest.param(
        unit(DROP_IN, "[Service]\nExecStartPost=/opt/evil\n"),
        [("ssh.service", "unit_changed", "warning", "ssh.service: now runs ExecStartPost=/opt/evil as root")],
        id="A18 a drop-in",
    ),
    pytest.param(
        unit(f"{UNITS}/sshd.service.d/x.conf", "[Service]\nExecStart=\nExecStart=/opt/evil\n"),
        [
            (
                "ssh.service",
                "unit_changed",
                "warning",
                "ssh.service: now runs ExecStart=/opt/evil as root; no longer runs ExecStart=/usr/sbin/sshd -D",
            )
        ],
        id="A18 a drop-in under another name of the unit, which replaces its program",
    ),
    pytest.param(
        unit(f"{UNITS}/service.d/x.conf", "[Service]\nExecStartPre=/opt/evil\n"),
        [("service.d", "unit_added", "warning", "service.d appeared: runs ExecStartPre=/opt/evil as whoever owns it")],
        id="A18 a drop-in for all services is one item",
    ),
    pytest.param(
        link(f"{WANTS}/x.service", "/opt/x.service"),
        [
            (
                "x.service",
                "unit_added",
                "warning",
                "x.service appeared: without a file; started by multi-user.target.wants -> /opt/x.service",
            )
        ],
        id="A19 a link to a unit elsewhere",
    ),
    pytest.param(
        both(unit("/opt/y.service"), link(f"{UNITS}/x.service", "/opt/y.service")),
        [("x.service", "unit_added", "warning", "x.service appeared: runs ExecStart=/opt/evil as root")],
        id="A19 a unit that lies elsewhere",
    ),
    pytest.param(
        unit(f"{SHIPPED}/x.service"),
        [("x.service", "unit_added", "warning", APPEARED)],
        id="A20 where packages put them",
    ),
    pytest.param(
        unit("/usr/local/lib/systemd/system/x.service"), [("x.service", "unit_added", "warning", APPEARED)], id="A21"
    ),
    pytest.param(
        both(
            unit("/home/ann/.config/systemd/user/x.service", owner=1000),
            link("/home/ann/.config/systemd/user/default.target.wants/x.service", "../x.service"),
            unit("/var/lib/systemd/linger/ann", ""),
        ),
        [
            ("linger:ann", "unit_added", "warning", "units of ann start at boot, whether or not anybody logs in"),
            (
                "user:ann:x.service",
                "unit_added",
                "warning",
                f"x.service of ann's own manager {APPEARED[10:-4]}ann; started by default.target.wants",
            ),
        ],
        id="A22 a user's own unit, and lingering",
    ),
    pytest.param(unit("/run/systemd/system/x.service"), [("x.service", "unit_added", "warning", APPEARED)], id="A23"),
    pytest.param(
        unit("/run/systemd/transient/run-u7.service"),
        [
            (
                "run-*.service",
                "unit_added",
                "warning",
                "run-*.service appeared: runs ExecStart=/opt/evil as root",
            )
        ],
        id="A23 a transient one",
    ),
    pytest.param(
        program("/etc/systemd/system-generators/x"),
        [
            (
                "/etc/systemd/system-generators/x",
                "unit_added",
                "warning",
                "/etc/systemd/system-generators/x appeared: runs /etc/systemd/system-generators/x as root",
            )
        ],
        id="A24 a generator",
    ),
    pytest.param(
        unit(f"{UNITS}/x.timer", "[Timer]\nOnCalendar=minutely\nUnit=backup.service\n"),
        [
            (
                "x.timer",
                "unit_added",
                "warning",
                "x.timer appeared: OnCalendar=minutely; Unit=backup.service",
            )
        ],
        id="A25 a timer",
    ),
    pytest.param(
        unit(f"{UNITS}/backup.timer", TIMER.replace("daily", "minutely")),
        [
            (
                "backup.timer",
                "unit_changed",
                "warning",
                "backup.timer: when it starts changed (+OnCalendar=minutely, -OnCalendar=daily)",
            )
        ],
        id="A25 a timer's time",
    ),
    pytest.param(
        program("/etc/rc.local"),
        [("/etc/rc.local", "unit_added", "warning", "/etc/rc.local appeared: runs /etc/rc.local as root")],
        id="A26",
    ),
    pytest.param(
        both(program("/etc/init.d/x"), link("/etc/rc2.d/S01x", "../init.d/x")),
        [("init:x", "unit_added", "warning", "init:x appeared: runs /etc/init.d/x as root; started by rc2.d/S01x")],
        id="A27",
    ),
    pytest.param(
        unit(
            "/usr/share/dbus-1/system-services/org.x.service", "[D-BUS Service]\nName=org.x\nExec=/opt/x\nUser=root\n"
        ),
        [
            (
                "/usr/share/dbus-1/system-services/org.x.service",
                "unit_added",
                "warning",
                "/usr/share/dbus-1/system-services/org.x.service appeared: runs Exec=/opt/x as root",
            )
        ],
        id="A43 D-Bus activation",
    ),
    pytest.param(
        link(f"{UNITS}/auditd.service", "/dev/null"),
        [
            (
                "auditd.service",
                "unit_stopped",
                "warning",
                "auditd.service is masked: nothing can start it any more",
            )
        ],
        id="A56 masked",
    ),
    pytest.param(
        unit("/run/systemd/generator.late/auditd.service", ""),
        [],
        id="a file of lower rank changes nothing",
    ),
    pytest.param(
        unit(f"{UNITS}/auditd.service", ""),
        [("auditd.service", "unit_stopped", "warning", "auditd.service is masked: nothing can start it any more")],
        id="A56 masked by an empty file",
    ),
    pytest.param(
        gone(f"{WANTS}/auditd.service"),
        [
            (
                "auditd.service",
                "unit_stopped",
                "warning",
                "auditd.service is disabled: multi-user.target.wants no longer starts it",
            )
        ],
        id="A56 disabled",
    ),
    pytest.param(
        link(f"{UNITS}/vps-sentry.timer", "/dev/null"),
        [
            (
                "vps-sentry.timer",
                "unit_stopped",
                "critical",
                "vps-sentry.timer is masked: nothing can start it any more",
            )
        ],
        id="A56 our own timer",
    ),
]


@pytest.mark.weakness(9)
@pytest.mark.weakness(19)
@pytest.mark.parametrize(("act", "expected"), CASES)
def test_an_action_leaves_the_quiet_path_and_is_told(booth: Booth, act: Act, expected: Expected) -> None:
    before = booth.look()
    quiet = booth.quiet(before)
    stamp = quiet()
    assert stamp == quiet()

    act(booth)

    assert stamp != quiet()
    assert expected == booth.told(before.items, booth.look(before).items)


def test_every_field_is_described(booth: Booth) -> None:
    booth.link(f"{UNITS}/loop.service", "loop.service")
    found = booth.look().items

    assert {name for value in found.values() for name in value} <= set(CHECK.columns)
