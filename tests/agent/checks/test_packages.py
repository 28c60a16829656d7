# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages through whole runs: what an upgrade explains, and everything that only looks like one."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.packaged import KEY, NEW, OLD, TOOL, Packaged, replace_digest, signed_upgrade, upgrade, with_tool
from vps_sentry.checks.packages import CHECK, Options
from vps_sentry.host import Host
from vps_sentry.memory import recall


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> Packaged:
    return with_tool(tmp_path)


def test_nothing_changed_nothing_is_said(world: Packaged) -> None:
    assert [] == world.standing()


def test_an_upgrade_from_a_signed_source_is_one_line_and_ships_nothing(world: Packaged) -> None:
    (alert,) = signed_upgrade(world)

    assert ("package_upgraded", "info", KEY, "package") == (alert.code, alert.severity, alert.key, alert.explanation)
    assert "tool:amd64 1.0-1 -> 1.0-2: 42 files as the package says" == alert.title
    assert [] == world.messages()
    assert 0 == world.run().report.exit_code


def test_a_second_change_of_an_explained_file_is_news(world: Packaged) -> None:
    signed_upgrade(world)
    world.debian.disk({TOOL: b"evil"})

    assert ("package_file_differs", "critical", TOOL, "none") in world.standing()


def test_a_second_upgrade_explains_what_is_not_accepted_yet(world: Packaged) -> None:
    signed_upgrade(world)
    upgrade(world.debian, "1.0-3", {**NEW, TOOL: b"three"})
    world.sign("tool")

    assert [("package_upgraded", "info", KEY, "package")] == world.standing()


def test_what_was_explained_stays_so_run_after_run(world: Packaged) -> None:
    signed_upgrade(world)

    assert 3 * [[("package_upgraded", "info", KEY, "package")]] == [world.standing() for _ in range(3)]


def test_what_an_upgrade_brings_and_drops(world: Packaged) -> None:
    files = {path: content for path, content in NEW.items() if path != "/usr/lib/tool/7.so"}
    (world.debian.root / "usr/lib/tool/7.so").unlink()
    files["/usr/lib/systemd/system/tool.service"] = b"[Service]\n"
    upgrade(world.debian, files=files)
    world.sign("tool")
    (alert,) = [alert for alert in world.run().report.alerts if alert.state != "resolved"]

    assert "package" == alert.explanation
    assert "unit /usr/lib/systemd/system/tool.service" in alert.detail


def test_why_nobody_vouches_is_said(world: Packaged) -> None:
    upgrade(world.debian, "9.9-9", {**OLD, TOOL: b"evil"})
    (alert,) = [alert for alert in world.run().report.alerts if alert.code == "package_upgraded"]

    assert "as the package says" in alert.detail
    assert "no lists of an archive lie in /var/lib/apt/lists" in alert.detail


def test_an_edited_configuration_file_is_the_business_of_files_alone(world: Packaged) -> None:
    world.debian.disk({"/etc/tool.conf": b"edited"})

    assert [("file_changed", "warning", "/etc/tool.conf", "none")] == world.standing()


def test_an_upgrade_leaves_an_edited_configuration_file_told(world: Packaged) -> None:
    upgrade(world.debian)
    world.debian.disk({"/etc/tool.conf": b"edited"})
    world.sign("tool")

    assert {("package_upgraded", "info", KEY, "package"), ("file_changed", "warning", "/etc/tool.conf", "none")} == set(
        world.standing()
    )


GIVES = [
    pytest.param(0o4755, "file_setuid", "critical", id="setuid"),
    pytest.param(0o777, "file_changed", "warning", id="written by everybody"),
]


@pytest.mark.parametrize(("mode", "code", "severity"), GIVES)
def test_an_upgrade_explains_no_new_right(mode: int, code: str, severity: str, world: Packaged) -> None:
    """dpkg's lists say nothing of modes: chmod in the shadow of an upgrade is told."""
    upgrade(world.debian)
    (world.debian.root / TOOL.lstrip("/")).chmod(mode)
    world.sign("tool")

    assert (code, severity, TOOL, "none") in world.standing()


def test_pam_modules_of_an_upgrade_are_one_alert_that_only_an_acceptance_ends(tmp_path: Path) -> None:
    world = Packaged(tmp_path)
    modules = [f"/usr/lib/x86_64-linux-gnu/security/pam_{number}.so" for number in range(30)]
    world.debian.install("libpam", files=dict.fromkeys(modules, b"one"))
    world.accept()
    world.debian.install("libpam", "2.0-1", files=dict.fromkeys(modules, b"two"))
    world.sign("libpam")
    told = world.standing()

    assert [
        ("package_upgraded", "info", "libpam:amd64", "package"),
        ("file_changed", "critical", "/usr/lib/x86_64-linux-gnu/security", "none"),
    ] == sorted(told, key=lambda entry: entry[3], reverse=True)
    assert ["30 files in /usr/lib/x86_64-linux-gnu/security changed with libpam:amd64 1.0-1 -> 2.0-1"] == [
        title.partition(",")[0] for title in world.messages()
    ]
    world.accept()
    assert [] == world.standing()


def test_a_kernel_is_a_new_package_that_an_upgrade_needs(tmp_path: Path) -> None:
    world = Packaged(tmp_path)
    world.debian.install("linux-image-amd64", "6.1.1-1")
    world.accept()
    needs = ("Depends: linux-image-6.1.0-2-amd64 (= 6.1.2-1)",)
    world.debian.install("linux-image-amd64", "6.1.2-1", fields=needs)
    world.debian.install("linux-image-6.1.0-2-amd64", "6.1.2-1", files={"/usr/lib/modules/6.1.0-2/x.ko": b"x"})
    world.debian.install("stowaway", files={"/usr/lib/stowaway": b"x"})
    world.sign("linux-image-amd64", "linux-image-6.1.0-2-amd64", "stowaway")
    told = world.standing()

    assert {("package_added", "info", "linux-image-6.1.0-2-amd64:amd64", "package")} < set(told)
    assert [("package_added", "warning", "stowaway:amd64", "none")] == [entry for entry in told if entry[1] != "info"]


def test_a_list_edited_after_an_upgrade_is_seen_though_the_version_is_not_accepted(world: Packaged) -> None:
    signed_upgrade(world)
    world.debian.disk({TOOL: b"evil"})
    replace_digest(world.debian, NEW[TOOL], b"evil")

    assert ("package_lists_edited", "critical", KEY) in {entry[:3] for entry in world.standing()}


def test_a_program_outside_of_every_watch_is_found_by_the_sweep(world: Packaged) -> None:
    world.debian.install("far", files={"/opt/far/program": b"one"})
    world.accept()
    world.debian.disk({"/opt/far/program": b"evil"})
    found = {entry[:3] for _ in range(13) for entry in world.standing()}

    assert ("package_file_differs", "warning", "/opt/far/program") in found


def test_what_differs_is_asked_for_at_each_tick_since_it_may_be_mended(world: Packaged) -> None:
    world.debian.install("far", files={"/opt/far/program": b"one"})
    world.accept()
    world.debian.disk({"/opt/far/program": b"evil"})
    while not world.standing():
        pass
    memory = recall(world.store).checks["packages"]

    stamps = CHECK.stamps(Options(), Host(), {name: memory[name] for name in ("wrong", "unsettled")})
    assert ("stat", (f"{world.debian.root}/opt/far/program",)) in stamps


def test_a_missing_file_is_told_unless_dpkg_was_told_to_leave_it_out(world: Packaged) -> None:
    docs = {"/usr/share/doc/tool/README": b"x", "/opt/tool/part": b"x"}
    world.debian.install("more", files=docs)
    world.debian.disk({"/etc/dpkg/dpkg.cfg.d/docs": b"path-exclude=/usr/share/doc/*\n"})
    world.accept()
    for path in docs:
        (world.debian.root / path.lstrip("/")).unlink()
    found = {entry[:3] for _ in range(13) for entry in world.standing()}

    assert {("package_file_missing", "warning", "/opt/tool/part")} == {
        entry for entry in found if entry[0] == "package_file_missing"
    }


def test_one_trojaned_before_the_first_acceptance_is_an_item(tmp_path: Path) -> None:
    """Whoever accepts sees it in the plan: what was there before anybody looked is not believed either."""
    world = Packaged(tmp_path)
    world.debian.install("tool", files=OLD)
    world.debian.disk({TOOL: b"evil"})
    items = world.run().report.observations["packages"].items

    assert "differs" == items[TOOL]["problem"]
    assert KEY == items[TOOL]["package"]
