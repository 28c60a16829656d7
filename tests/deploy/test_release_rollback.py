# SPDX-License-Identifier: GPL-3.0-or-later
"""Going back to the release before, and never forward or back to one that cannot use what the host has."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable, List

import pytest
from support.release import build, release


class Rig:
    """A prefix, and archives of versions by number."""

    def __init__(self, checkout: Path, place: Path) -> None:
        self.prefix = place / "host/opt/vps-sentry"
        self.prefix.parent.mkdir(parents=True)
        self._checkout, self._place = checkout, place

    def archive(self, version: str, *, state_format: int = 1) -> Path:
        package = self._checkout / "agent/src/vps_sentry"
        (package / "__init__.py").write_text(f'__version__ = "{version}"\n')
        (package / "store.py").write_text(f"FORMAT = {state_format}\n")
        return build(self._checkout, self._place / "out")

    def install(self, version: str, *options: object, state_format: int = 1) -> str:
        return self.run("install", self.archive(version, state_format=state_format), *options)

    def run(self, *arguments: object) -> str:
        done = release(self._checkout, *arguments, "--prefix", self.prefix)
        assert "Traceback" not in done.stderr
        return done.stdout.split("-")[0].strip() or done.stderr

    def active(self) -> str:
        return os.readlink(self.prefix / "venv").rpartition("/")[2].split("-")[0]

    def kept(self) -> List[str]:
        return sorted(path.name.split("-")[0] for path in (self.prefix / "releases").iterdir())


@pytest.fixture(name="rig")
def _rig(checkout: Path, tmp_path: Path) -> Rig:
    return Rig(checkout, tmp_path)


def test_back_once_and_a_second_time_nothing_changes(rig: Rig) -> None:
    rig.install("1.0")
    rig.install("2.0")

    assert ["changed 1.0", "unchanged 1.0", "unchanged 1.0"] == [rig.run("rollback") for _ in range(3)]
    assert ("1.0", ["1.0", "2.0"]) == (rig.active(), rig.kept())
    assert "changed 2.0" == rig.install("2.0"), "forward again is an installation"
    assert "changed 1.0" == rig.run("rollback"), "and from there back again"


def test_a_host_whose_installer_kept_no_link_goes_back_too(rig: Rig) -> None:
    rig.install("1.0")
    rig.install("2.0")
    (rig.prefix / "previous").unlink()

    assert "changed 1.0" == rig.run("rollback")


def _never_upgraded(rig: Rig) -> None:
    rig.install("1.0")


def _damaged(rig: Rig) -> None:
    rig.install("1.0")
    rig.install("2.0")
    (rig.prefix / "previous/lib/vps_sentry/__main__.py").write_text("evil")


def _foreign_link(rig: Rig) -> None:
    rig.install("1.0")
    (rig.prefix / "previous").mkdir()


REFUSED = [
    pytest.param(_never_upgraded, "no earlier release is kept", id="there is none"),
    pytest.param(_damaged, "was damaged (different lib/vps_sentry/__main__.py)", id="somebody changed the old one"),
    pytest.param(_foreign_link, "is not a switch", id="something else lies in its place"),
]


@pytest.mark.parametrize(("prepare", "words"), REFUSED)
def test_rollback_refuses(rig: Rig, prepare: Callable[[Rig], None], words: str) -> None:
    prepare(rig)
    before = rig.active()

    assert words in rig.run("rollback")
    assert before == rig.active()


FORMATS = [
    pytest.param("1\n", 1, "changed", id="the same"),
    pytest.param("1\n", 2, "changed", id="of an older release: read or migrated by the newer one"),
    pytest.param("2\n", 1, "newer release (format '2', ", id="of a newer release"),
    pytest.param("x" * 99, 1, "newer release (format 'xxxxxxxxx'", id="nonsense is not guessed at"),
    pytest.param("", 1, "newer release (format ''", id="empty, as a power cut leaves it"),
]


@pytest.mark.parametrize(("there", "known", "words"), FORMATS)
def test_state_of_a_newer_release_is_refused(rig: Rig, tmp_path: Path, *, there: str, known: int, words: str) -> None:
    (tmp_path / "format").write_text(there)

    assert words in rig.install("3.0", "--state", tmp_path, state_format=known)
    assert (words == "changed") == rig.prefix.exists(), "nothing is left of what was refused"


def test_a_rollback_below_the_states_format_is_refused(rig: Rig, tmp_path: Path) -> None:
    rig.install("1.0")
    rig.install("2.0", state_format=2)
    (tmp_path / "format").write_text("2\n")

    assert "newer release" in rig.run("rollback", "--state", tmp_path)
    assert "2.0" == rig.active()


def test_what_an_interrupted_installation_left_is_cleared_away(rig: Rig) -> None:
    archive = rig.archive("1.0")
    name = archive.name.removeprefix("vps-sentry-").removesuffix(".tar.gz")
    (rig.prefix / f"releases/{name}/lib").mkdir(parents=True)
    (rig.prefix / f"releases/{name}.tmp/half").mkdir(parents=True)
    (rig.prefix / "venv.tmp").symlink_to("nowhere")

    assert "changed 1.0" == rig.run("install", archive)
    assert (["1.0"], "") == (rig.kept(), rig.run("verify"))
