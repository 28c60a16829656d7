# SPDX-License-Identifier: GPL-3.0-or-later
"""The check ``system``: what a host is, and its small texts as they would stand on any host."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Mapping, Optional

import pytest
from vps_sentry.checks import Context, system
from vps_sentry.core.model import Change, Value
from vps_sentry.errors import CollectError
from vps_sentry.host import Host
from vps_sentry.watch import normal

MACHINE = "0123456789abcdef0123456789abcdef"


def root(place: Path, files: Mapping[str, str]) -> Host:
    for path, text in files.items():
        target = place / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return Host(str(place))


def items(host: Host) -> Mapping[str, Value]:
    return system.collect(Context(host, system.Options(), 0, {})).items


RELEASES = [
    pytest.param(b'PRETTY_NAME="x"\nID=debian\nVERSION_ID="12"\n', {"id": "debian", "major": "12"}, id="debian"),
    pytest.param(b'ID="almalinux"\nVERSION_ID="9.4"\n', {"id": "almalinux", "major": "9"}, id="only the major counts"),
    pytest.param(b"ID=arch\n", {"id": "arch", "major": ""}, id="a rolling release"),
    pytest.param(b"ID_LIKE=debian\n", {"id": "linux", "major": ""}, id="another name that only begins alike"),
    pytest.param(b"ID='a\x1b[2Jb'\n", {"id": "a\\x1b[2Jb", "major": ""}, id="what cannot be printed"),
    pytest.param(b'ID="de\'bian"\n', {"id": "linux", "major": ""}, id="quotes that do not match"),
]


@pytest.mark.parametrize(("data", "expected"), RELEASES)
def test_release(data: bytes, expected: Value) -> None:
    assert expected == system.parse_release(data)


def host_called(place: Path, name: str, more: str = "") -> Host:
    place.mkdir(exist_ok=True)
    return root(
        place,
        {
            "/etc/os-release": "ID=debian\nVERSION_ID=12\n",
            "/etc/hostname": f"{name}\n",
            "/etc/machine-id": f"{name.encode().hex():0<32}\n",
            "/etc/hosts": f"127.0.0.1 localhost\n127.0.1.1 {name}.example.org {name}\n{more}",
            "/etc/mailname": f"{name}.example.org\n",
        },
    )


def test_two_hosts_that_differ_in_nothing_but_their_names(tmp_path: Path) -> None:
    first, second = (items(host_called(tmp_path / name, name)) for name in ("web-1", "mail"))

    assert first == second
    assert {"text:/etc/hosts", "text:/etc/hostname", "text:/etc/mailname", "os"} == set(first)


DIFFER = [
    pytest.param("10.0.0.9 intruder\n", id="a line more"),
    pytest.param("127.0.1.1 ${HOST}\n", id="the word itself, written by somebody"),
]


@pytest.mark.parametrize("more", DIFFER)
def test_what_really_differs_stays(tmp_path: Path, more: str) -> None:
    plain = items(host_called(tmp_path / "a", "web-1", "127.0.1.1 web-1\n"))
    other = items(host_called(tmp_path / "b", "web-2", more))

    assert plain["text:/etc/hosts"] != other["text:/etc/hosts"]
    assert plain["text:/etc/mailname"] == other["text:/etc/mailname"]


OWN = {b"web": b"${HOST}", b"web.example.org": b"${FQDN}", b"10.0.0.1": b"${IP}", MACHINE.encode(): b"${MID}"}
TEXTS = [
    pytest.param("web and web.example.org", "${HOST} and ${FQDN}", id="the longer name first"),
    pytest.param("webmail my-web web-1 a.web", "webmail my-web web-1 a.web", id="only whole words"),
    pytest.param("10.0.0.1:80 not 10.0.0.12, 110.0.0.1", "${IP}:80 not 10.0.0.12, 110.0.0.1", id="address"),
    pytest.param(f"id={MACHINE}", "id=${MID}", id="machine-id"),
    pytest.param("${HOST} ${web}", "$${HOST} $${${HOST}}", id="what looks like a word for something is escaped first"),
    pytest.param("", "", id="nothing"),
]


@pytest.mark.parametrize(("text", "expected"), TEXTS)
def test_normal(text: str, expected: str) -> None:
    assert expected == normal.normal(text.encode(), OWN).decode()


def test_no_identity_replaces_nothing_but_still_escapes() -> None:
    assert b"a $${x}" == normal.normal(b"a ${x}", {})


def test_this_machine() -> None:
    found = items(Host())

    assert {"machine": os.uname().machine} == found["architecture"]
    assert found["os"]["id"]
    assert not [word for word in normal.own(Host()) if word.startswith(b"127.") or word == b"::1"]


def test_a_disk_has_no_architecture_and_no_addresses(tmp_path: Path) -> None:
    host = host_called(tmp_path, "web-1")

    assert "architecture" not in items(host)
    assert b"${IP}" not in normal.own(host).values()


class Live(Host):
    """A root of its own that counts as the running system."""

    live = True


@pytest.mark.parametrize("live", [True, False], ids=["the running system", "a disk"])
def test_a_system_that_does_not_say_what_it_is_could_not_be_looked_at(tmp_path: Path, *, live: bool) -> None:
    host = root(tmp_path, {"/etc/hostname": "x"})
    if live:
        with pytest.raises(CollectError, match="nobody says which system this is"):
            items(Live(host.root))
        return
    found = system.collect(Context(host, system.Options(), 0, {}))

    assert ("skipped", True) == (found.status, "nobody says which system this is" in (found.error or ""))


def test_a_large_text_is_left_out(tmp_path: Path) -> None:
    files = {"/etc/os-release": "ID=debian\n", "/etc/motd": "x" * (normal.LIMIT + 1), "/etc/issue": "x"}
    assert {"os", "text:/etc/issue"} == set(items(root(tmp_path, files)))


def test_a_link_is_left_out_for_its_target_moves_without_it(tmp_path: Path) -> None:
    host = root(tmp_path, {"/etc/os-release": "ID=debian\n", "/run/motd": "x"})
    (tmp_path / "etc/motd").symlink_to("/run/motd")

    assert {"os"} == set(items(host))


DEBIAN: Value = {"id": "debian", "major": "12"}
RATINGS = [
    pytest.param("os", DEBIAN, {"id": "debian", "major": "13"}, "system_changed", "warning", id="an upgrade"),
    pytest.param("os", DEBIAN, None, "system_changed", "warning", id="gone"),
    pytest.param("text:/etc/hosts", {"sha256": "a"}, {"sha256": "b"}, "text_changed", "info", id="the file is told of"),
]


@pytest.mark.parametrize(("key", "before", "after", "code", "severity"), RATINGS)
def test_ratings(key: str, before: Optional[Value], after: Optional[Value], code: str, severity: str) -> None:
    rating = system.rate(Change("changed", "system", key, before, after), system.Options())

    assert (code, severity) == (rating.code, rating.severity)
    assert code in system.CODES


def test_every_file_it_reads_is_in_its_stamp() -> None:
    ((kind, places),) = system.stamps(system.Options(), Host(), {})

    assert "stat" == kind
    assert {*normal.TEXTS, "/etc/os-release", "/usr/lib/os-release", "/etc/machine-id"} == set(places)
