# SPDX-License-Identifier: GPL-3.0-or-later
"""Units as nobody honest writes them, and the life around units that must wake or alarm nobody."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Callable

import pytest
from support.booth import Booth
from vps_sentry.checks.units import CHECK
from vps_sentry.launch.places import HOME_ENTRIES

UNITS = "/etc/systemd/system"
TRANSIENT = "/run/systemd/transient"
EVIL = "[Service]\nExecStart=/opt/evil\n"
HOME = "/home/ann/.config/systemd/user"


@pytest.fixture(name="booth")
def _booth(tmp_path: Path) -> Booth:
    made = Booth(tmp_path, CHECK)
    for folder in (UNITS, TRANSIENT, HOME, "/run/systemd/generator"):
        made.at(folder).mkdir(parents=True)
    made.write("/usr/lib/systemd/system/ssh.service", "[Service]\nExecStart=/usr/sbin/sshd -D\n")
    return made


@pytest.mark.weakness(10)
def test_every_hostile_unit_is_an_item_and_hides_no_other(booth: Booth) -> None:
    booth.write(f"{UNITS}/long.service", "[Service]\nExecStart=/opt/" + "x" * 500_000 + " b\n")
    booth.write(f"{UNITS}/huge.service", "[Service]\n" + "#" * 2_000_000 + "\nExecStart=/opt/evil\n")
    booth.write(f"{UNITS}/\udcff\n\x1b[2J.service", EVIL)
    booth.write(f"{UNITS}/a\\x2db-%i@x%n.service", EVIL)
    booth.link(f"{UNITS}/loop.service", "loop.service")
    booth.link(f"{UNITS}/there.service", "back.service")
    booth.link(f"{UNITS}/back.service", "there.service")
    booth.link(f"{UNITS}/deep.service.d", "deep.service.d")
    booth.link(f"{UNITS}/folder.service", "/etc")
    os.mkfifo(booth.at(f"{UNITS}/fifo.service"))
    os.mkfifo(booth.at(f"{UNITS}/fifo.service.d"))
    booth.write(f"{UNITS}/plain.service", EVIL)
    found = booth.look().items

    assert ["ExecStart=/opt/evil"] == found["plain.service"]["runs"]
    assert ["ExecStart=/opt/evil"] == found["\\xff\\x0a\\x1b[2J.service"]["runs"]
    assert ["ExecStart=/opt/evil"] == found["a\\x5cx2db-%i@x%n.service"]["runs"]
    assert [f"{UNITS}/huge.service: larger than 1048576 bytes, not read"] == found["huge.service"]["unreadable"]
    assert [f"{UNITS}/fifo.service: not a regular file, not opened"] == found["fifo.service"]["unreadable"]
    assert [f"{UNITS}/loop.service: Too many levels of symbolic links"] == found["loop.service"]["unreadable"]
    assert "back.service" == found["there.service"]["alias_of"]
    assert "unreadable" in found["folder.service"]
    assert len(repr(found)) < 20_000


def test_thousands_of_drop_ins_are_read_in_time_and_counted(booth: Booth) -> None:
    for number in range(3000):
        booth.write(f"{UNITS}/ssh.service.d/{number:05}.conf", f"[Service]\nExecStartPost=/opt/{number}\n")
    before = time.process_time()
    runs = booth.look().items["ssh.service"]["runs"]

    assert time.process_time() - before < 5
    assert isinstance(runs, list)
    assert str(runs[-1]).startswith("and 2901 more [sha256:")


def test_a_home_full_of_units_is_cut_and_said_to_be(booth: Booth) -> None:
    for number in range(HOME_ENTRIES + 1):
        booth.at(f"{HOME}/{number}.service").touch()
    found = booth.look().items

    assert (
        f"it holds more than {HOME_ENTRIES:,} entries; the rest was not looked at"
        == (found[f"not_checked:{HOME}"]["reason"])
    )
    assert HOME_ENTRIES == sum(key.startswith("user:ann:") for key in found)
    assert "ssh.service" in found


@pytest.mark.parametrize("target", ["/etc/secret.service", "../../../../../etc/secret.service"])
def test_a_users_link_shows_nothing_that_the_user_could_not_read(booth: Booth, target: str) -> None:
    """What is sent would else tell root's secrets to whoever reads messages, or prove a guess."""
    booth.write("/etc/secret.service", "[Service]\nExecStart=/hidden/from/ann\n", mode=0o600)
    booth.link(f"{HOME}/x.service", target)
    found = booth.look().items["user:ann:x.service"]

    assert "hidden" not in repr(found)
    assert "of another user" in repr(found["unreadable"])


def test_a_folder_of_the_users_that_is_a_link_shows_nothing_either(booth: Booth) -> None:
    booth.write("/root/secret/x.service", "[Service]\nExecStart=/hidden/from/ann\n", mode=0o600)
    booth.at(HOME).rmdir()
    booth.link(HOME, "/root/secret")

    assert "hidden" not in repr(booth.look().items)


def test_a_unit_that_root_put_into_a_home_is_read(booth: Booth) -> None:
    booth.write(f"{HOME}/x.service", EVIL)

    assert ["ExecStart=/opt/evil"] == booth.look().items["user:ann:x.service"]["runs"]


UNMOVED = [
    pytest.param(lambda booth: booth.write(f"{TRANSIENT}/session-7.scope", "[Scope]\n"), id="a login"),
    pytest.param(lambda booth: booth.write(f"{TRANSIENT}/session-7.scope.d/50-x.conf", "[Scope]\n"), id="its settings"),
    pytest.param(lambda booth: booth.write(f"{TRANSIENT}/libpod-0123456789ab.scope", "[Scope]\n"), id="a container"),
    pytest.param(lambda booth: booth.write(f"{TRANSIENT}/machine-x.slice", "[Slice]\n"), id="a pod"),
]


@pytest.mark.parametrize("act", UNMOVED)
def test_sessions_and_containers_coming_and_going_wake_nobody(booth: Booth, act: Callable[[Booth], object]) -> None:
    before = booth.look()
    quiet = booth.quiet(before)
    stamp = quiet()
    act(booth)

    assert stamp == quiet()
    assert before.items == booth.look(before).items


def reload(booth: Booth) -> None:
    """What daemon-reload does to the output of generators: all of it made anew."""
    place = booth.at("/run/systemd/generator/x.mount")
    text = place.read_bytes()
    place.unlink()
    place.write_bytes(text)


def restart(booth: Booth) -> None:
    """podman makes a timer and a service for each start of a container that has a health check."""
    for place in booth.at(TRANSIENT).glob("*.service"):
        place.unlink()
    health(booth, "fedcba9876543210")


def health(booth: Booth, name: str) -> None:
    command = f'ExecStart=\nExecStart="/usr/bin/podman" "healthcheck" "run" "{name}"\n'
    booth.write(f"{TRANSIENT}/{name}.service", f"[Service]\n{command}")


QUIET = [
    pytest.param(reload, id="systemctl daemon-reload"),
    pytest.param(restart, id="a container starts anew"),
    pytest.param(lambda booth: os.utime(booth.at("/usr/lib/systemd/system/ssh.service")), id="a touched file"),
    pytest.param(lambda booth: booth.write(f"{UNITS}/x.service.dpkg-new", EVIL), id="an upgrade under way"),
]


@pytest.mark.parametrize("act", QUIET)
def test_everyday_life_tells_nothing(booth: Booth, act: Callable[[Booth], object]) -> None:
    booth.write("/run/systemd/generator/x.mount", "[Mount]\nWhat=/dev/x\nWhere=/x\n")
    health(booth, "0123456789abcdef")
    before = booth.look()
    act(booth)

    assert [] == booth.told(before.items, booth.look(before).items)


def test_a_health_check_is_no_alarm_and_a_program_under_its_name_is_one(booth: Booth) -> None:
    before = booth.look()
    health(booth, "0123456789abcdef")
    ((_, _, severity, _),) = booth.told(before.items, booth.look().items)
    booth.write(f"{TRANSIENT}/0123456789abcdef.service", EVIL)
    ((_, _, worse, _),) = booth.told(before.items, booth.look().items)

    assert ("info", "warning") == (severity, worse)


def test_without_a_list_of_accounts_it_is_a_failure_and_no_empty_list(booth: Booth) -> None:
    booth.at("/etc/passwd").unlink()
    with pytest.raises(Exception, match="cannot read /etc/passwd"):
        booth.look()
