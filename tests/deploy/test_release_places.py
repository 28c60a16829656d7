# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollback gives back the commands and units of the release before, and never what somebody else made of them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Callable, Dict

import pytest
from support.release import build, release

WRAPPER = "usr/local/bin/vps-sentry"
UNIT = "etc/systemd/system/vps-sentry.service"
DROP_IN = "etc/systemd/system/vps-sentry.service.d/ship.conf"
USER = "etc/sysusers.d/vps-sentry.conf"
NEWER = "etc/systemd/system/vps-sentry-newer.service"
SOURCES = {
    WRAPPER: "deploy/bin/vps-sentry",
    UNIT: "deploy/systemd/vps-sentry.service",
    DROP_IN: "deploy/systemd/vps-sentry.service.d/ship.conf",
    USER: "deploy/sysusers.d/vps-sentry.conf",
    NEWER: "deploy/systemd/vps-sentry-newer.service",
}


class Host:
    """Version 1 upgraded to 2, and with it all that lies outside; the newer one brought a unit more."""

    def __init__(self, checkout: Path, place: Path) -> None:
        self.top = place / "host"
        self.prefix = self.top / "opt/vps-sentry"
        self.prefix.parent.mkdir(parents=True)
        self._checkout = checkout
        for version, paths in (("1", set(SOURCES) - {NEWER}), ("2", set(SOURCES))):
            self._install(version, place / version, paths=paths)

    def _install(self, version: str, output: Path, *, paths: set[str]) -> None:
        """As the installers do: the release by release.py, the rest and its record by themselves."""
        (self._checkout / "agent/src/vps_sentry/__init__.py").write_text(f'__version__ = "{version}"\n')
        for path in paths:
            for place in (self._checkout / SOURCES[path], self.top / path):
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(f"{path} of {version}\n")
        assert (
            release(self._checkout, "install", build(self._checkout, output), "--prefix", self.prefix).returncode == 0
        )
        rows = ((hashlib.sha256((self.top / path).read_bytes()).hexdigest(), path) for path in sorted(paths))
        (self.prefix / "installed").write_text("".join(f"{digest}  /{path}\n" for digest, path in rows))

    def roll_back(self, *options: str) -> str:
        done = release(self._checkout, "rollback", "--prefix", self.prefix, *options)
        assert "Traceback" not in done.stderr
        return done.stdout.split("-")[0].strip() or done.stderr

    def there(self) -> Dict[str, str]:
        """Whose file lies at each place: the version it is of."""
        found = {path: self.top / path for path in SOURCES}
        return {path: place.read_text().split()[-1] for path, place in found.items() if place.is_file()}

    def active(self) -> str:
        return os.readlink(self.prefix / "venv").rpartition("/")[2].split("-")[0]


@pytest.fixture(name="host")
def _host(checkout: Path, tmp_path: Path) -> Host:
    return Host(checkout, tmp_path)


OLD = dict.fromkeys((WRAPPER, UNIT, DROP_IN, USER), "1")
NEW = dict.fromkeys(SOURCES, "2")


def test_commands_and_units_go_back_with_their_release(host: Host) -> None:
    assert NEW == host.there()
    assert ["changed 1", "unchanged 1"] == [host.roll_back(), host.roll_back()]

    assert ("1", OLD) == (host.active(), host.there())
    assert 0o755 == (host.top / WRAPPER).stat().st_mode & 0o777
    recorded = dict(line.split("  ")[::-1] for line in (host.prefix / "installed").read_text().splitlines())
    assert recorded == {f"/{path}": hashlib.sha256(f"{path} of 1\n".encode()).hexdigest() for path in OLD}


def test_what_an_interrupted_rollback_left_is_finished(host: Host) -> None:
    host.roll_back()
    (host.top / UNIT).unlink()

    assert "changed 1" == host.roll_back()
    assert OLD == host.there()


def test_the_first_releases_carried_nothing_and_the_newer_units_stay(checkout: Path, tmp_path: Path) -> None:
    host = Host(checkout, tmp_path)
    first = (host.prefix / "previous").resolve()
    manifest = "".join(line for line in (first / "MANIFEST").read_text().splitlines(True) if "  deploy/" not in line)
    bare = first.with_name(f"1-{hashlib.sha256(manifest.encode()).hexdigest()[:12]}")
    (first / "MANIFEST").write_text(manifest)
    for path in sorted((first / "deploy").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (first / "deploy").rmdir()
    first.rename(bare)
    (host.prefix / "previous").unlink()
    (host.prefix / "previous").symlink_to(f"releases/{bare.name}")

    assert "changed 1" == host.roll_back()
    assert ("1", NEW) == (host.active(), host.there())


def _edit(host: Host) -> None:
    (host.top / UNIT).write_text("mine\n")


def _link(host: Host) -> None:
    (host.top / WRAPPER).unlink()
    (host.top / WRAPPER).symlink_to("/bin/true")


def _edit_what_would_go(host: Host) -> None:
    (host.top / NEWER).write_text("mine\n")


EDITED = [
    pytest.param(_edit, UNIT, id="a unit"),
    pytest.param(_link, WRAPPER, id="a link where a command was"),
    pytest.param(_edit_what_would_go, NEWER, id="one that the release before does not have"),
]


@pytest.mark.parametrize(("edit", "path"), EDITED)
def test_what_was_changed_by_hand_is_named_and_nothing_is_switched(
    host: Host, edit: Callable[[Host], None], path: str
) -> None:
    edit(host)
    said = host.roll_back()

    assert f"/{path} was changed by hand" in said
    assert "--overwrite" in said
    assert "2" == host.active()
    assert "changed 1" == host.roll_back("--overwrite")
    assert OLD == host.there()


def test_a_record_cannot_name_anything_but_our_own_places(host: Host) -> None:
    """Whoever could write it is root already; a slip of the pen must not cost a file either."""
    victims = [host.top / "etc/passwd", host.top / "etc/systemd/system/ssh.service", host.top / "etc/shadow"]
    for victim in victims:
        victim.write_text("kept\n")
    digest = hashlib.sha256(b"kept\n").hexdigest()
    names = (
        "/etc/passwd",
        "/etc/systemd/system/ssh.service",
        "/etc/systemd/system/vps-sentry.service.d/../../../shadow",
    )
    with (host.prefix / "installed").open("a") as record:
        record.writelines(f"{digest}  {name}\n" for name in names)

    assert "changed 1" == host.roll_back()
    assert ["kept\n"] * 3 == [victim.read_text() for victim in victims]
