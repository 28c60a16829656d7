# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases on a host: one switch, one previous release, every difference from MANIFEST named and repaired."""

from __future__ import annotations

import hashlib
import marshal
import os
import re
from pathlib import Path
from typing import Callable, Dict, List

import pytest
from support.release import build, release

INIT = "lib/vps_sentry/__init__.py"


def times(place: Path) -> Dict[str, int]:
    """Every path below ``place`` with the time of its last change of any kind."""
    return {str(path): path.lstat().st_ctime_ns for path in place.rglob("*")}


def test_install_switches_and_the_second_time_does_nothing(checkout: Path, archive: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    name = archive.name[len("vps-sentry-") : -len(".tar.gz")]
    first = release(checkout, "install", archive, "--prefix", prefix)
    before = times(prefix)
    second = release(checkout, "install", archive, "--prefix", prefix)

    assert (first.stdout, second.stdout) == (f"changed {name}\n", f"unchanged {name}\n")
    assert times(prefix) == before
    assert os.readlink(prefix / "venv") == f"releases/{name}"
    assert release(checkout, "verify", "--prefix", prefix).returncode == 0
    digest = hashlib.sha256((prefix / "venv/MANIFEST").read_bytes()).hexdigest()
    assert release(checkout, "digest", "--prefix", prefix).stdout == f"{digest}\n"


def test_three_files_are_all_a_host_needs(checkout: Path, archive: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone/deploy"
    alone.mkdir(parents=True)
    for name in ("release.py", "release_files.py", "release_places.py"):
        (alone / name).write_bytes((checkout / "deploy" / name).read_bytes())

    assert release(alone.parent, "install", archive, "--prefix", tmp_path / "p").stdout.startswith("changed ")


def _poison(place: Path) -> None:
    cached = next((place / "lib/vps_sentry/__pycache__").glob("__main__.*.pyc"))
    evil = marshal.dumps(compile("import os; main = os.abort", "x", "exec"))
    cached.write_bytes(cached.read_bytes()[:16] + evil)


def _relink(place: Path) -> None:
    path = place / "vendor/vendored/__init__.py"
    path.unlink()
    path.symlink_to("/etc/hostname")


def _relink_folder(place: Path) -> None:
    (place / "vendor/vendored").rename(place.parent / "elsewhere")
    (place / "vendor/vendored").symlink_to(place.parent / "elsewhere")


DAMAGES = [
    pytest.param(lambda p: (p / INIT).write_text("x"), [f"different {INIT}"], id="source edited by hand"),
    pytest.param(lambda p: (p / INIT).unlink(), [f"missing {INIT}"], id="source gone"),
    pytest.param(lambda p: (p / INIT).chmod(0o666), [f"different {INIT}"], id="others may write"),
    pytest.param(lambda p: (p / "lib/json.py").touch(), ["extra lib/json.py"], id="a module to shadow json"),
    pytest.param(lambda p: (p / "MANIFEST").unlink(), ["missing MANIFEST"], id="MANIFEST gone"),
    pytest.param(lambda p: (p / "MANIFEST").write_text(""), ["different MANIFEST"], id="MANIFEST of another release"),
    pytest.param(lambda p: (p / "lib").chmod(0o777), ["extra lib"], id="a directory open to others"),
    pytest.param(_poison, ["different lib/vps_sentry/__pycache__/__main__.*.pyc"], id="poisoned bytecode, true header"),
    pytest.param(_relink, ["different vendor/vendored/__init__.py"], id="a file became a link"),
    pytest.param(_relink_folder, ["extra vendor/vendored", "missing vendor/*"], id="a directory became a link"),
]


@pytest.mark.parametrize(("damage", "expected"), DAMAGES)
def test_damage_is_named_and_repaired(
    checkout: Path, archive: Path, *, damage: Callable[[Path], object], expected: List[str]
) -> None:
    prefix = checkout.parent / "prefix"
    release(checkout, "install", archive, "--prefix", prefix)
    damage((prefix / "venv").resolve())
    found = release(checkout, "verify", "--prefix", prefix)
    patterns = [re.escape(line).replace(r"\*", ".*") for line in expected]

    assert found.returncode == 1
    assert [line for line in found.stdout.splitlines() if not any(re.fullmatch(p, line) for p in patterns)] == []
    assert all(any(re.fullmatch(p, line) for line in found.stdout.splitlines()) for p in patterns), found.stdout
    assert release(checkout, "install", archive, "--prefix", prefix).stdout.startswith("changed ")
    assert release(checkout, "verify", "--prefix", prefix).stdout == ""


def test_exactly_one_previous_release_is_kept(checkout: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    archives = []
    for version in ("1.0", "2.0", "3.0"):
        (checkout / "agent/src/vps_sentry/__init__.py").write_text(f'__version__ = "{version}"\n')
        archives.append(build(checkout, tmp_path / "out"))
    kept = []
    for archive in [*archives, archives[1]]:
        release(checkout, "install", archive, "--prefix", prefix)
        active = os.readlink(prefix / "venv").rpartition("/")[2].split("-")[0]
        kept.append((active, sorted(path.name.split("-")[0] for path in (prefix / "releases").iterdir())))

    assert kept == [
        ("1.0", ["1.0"]),
        ("2.0", ["1.0", "2.0"]),
        ("3.0", ["2.0", "3.0"]),
        ("2.0", ["2.0", "3.0"]),
    ]


def _old_environment(prefix: Path) -> None:
    (prefix / "venv/bin").mkdir(parents=True)


def _open_prefix(prefix: Path) -> None:
    prefix.mkdir()
    prefix.chmod(0o775)


def _linked_releases(prefix: Path) -> None:
    prefix.mkdir()
    (prefix / "releases").symlink_to("/tmp")


BAD_PREFIXES = [
    pytest.param(_old_environment, "not a switch", id="a virtual environment of old stands there"),
    pytest.param(_open_prefix, "others cannot write", id="the group may write"),
    pytest.param(_linked_releases, "must be a directory", id="releases leads elsewhere"),
]


@pytest.mark.parametrize(("prepare", "words"), BAD_PREFIXES)
def test_install_refuses_the_place(
    checkout: Path, archive: Path, prepare: Callable[[Path], None], *, words: str
) -> None:
    prefix = checkout.parent / "prefix"
    prepare(prefix)
    done = release(checkout, "install", archive, "--prefix", prefix)

    assert (done.returncode, words in done.stderr) == (1, True), done.stderr


def test_a_source_the_hosts_python_cannot_read_stops_the_installation(checkout: Path, tmp_path: Path) -> None:
    (checkout / "agent/src/vps_sentry/__main__.py").write_text("def main(:\n")
    archive = build(checkout, tmp_path / "out")
    done = release(checkout, "install", archive, "--prefix", tmp_path / "prefix")

    assert (done.returncode, "__main__.py" in done.stderr, "Traceback" in done.stderr) == (1, True, False)
    assert not (tmp_path / "prefix/venv").is_symlink()


def test_verify_without_a_release_says_so(checkout: Path, tmp_path: Path) -> None:
    done = release(checkout, "verify", "--prefix", tmp_path)

    assert (done.returncode, done.stderr) == (
        1,
        f"release.py: no release is active under {tmp_path}; install one\n",
    )


def test_bytecode_is_never_judged_by_times(checkout: Path, archive: Path, tmp_path: Path) -> None:
    release(checkout, "install", archive, "--prefix", tmp_path / "prefix")
    flags = {p.read_bytes()[4:8] for p in (tmp_path / "prefix/venv/").rglob("*.pyc")}

    assert flags == {(1).to_bytes(4, "little")}, "PEP 552: hash-based, unchecked"
