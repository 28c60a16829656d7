# SPDX-License-Identifier: GPL-3.0-or-later
"""Building a release and reading it back: the same bytes from the same input, nothing MANIFEST does not vouch for."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
import zipfile
from pathlib import Path
from typing import Callable, Optional, Tuple

import pytest
from support.release import build, release


def test_same_input_same_bytes(checkout: Path, tmp_path: Path) -> None:
    first = build(checkout, tmp_path / "one")
    for path in checkout.rglob("*"):
        os.utime(path, (0, 0))
    (checkout / "agent/src/vps_sentry/__init__.py").chmod(0o600)
    cache = checkout / "agent/src/vps_sentry/__pycache__"
    cache.mkdir()
    (cache / "stale.cpython-311.pyc").write_bytes(b"of this machine")
    second = build(checkout, tmp_path / "two")

    assert (first.name, first.read_bytes()) == (second.name, second.read_bytes())


def test_an_archive_says_nothing_of_its_builder(archive: Path) -> None:
    with tarfile.open(archive) as opened:
        members = opened.getmembers()

    assert [(m.name, oct(m.mode)) for m in members] == [
        ("MANIFEST", "0o644"),
        ("bin/vps-sentry", "0o755"),
        ("lib/vps_sentry/__init__.py", "0o644"),
        ("lib/vps_sentry/__main__.py", "0o644"),
        ("vendor/vendored/__init__.py", "0o644"),
    ]
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in members} == {(0, 0, "", "", 0)}
    assert archive.read_bytes()[4:8] == bytes(4), "gzip's own time stamp"


def test_the_id_is_the_manifest(checkout: Path, archive: Path) -> None:
    with tarfile.open(archive) as opened:
        contents = {m.name: opened.extractfile(m) for m in opened}
        data = {name: handle.read() for name, handle in contents.items() if handle}
    manifest = data.pop("MANIFEST")
    modes = {"bin/vps-sentry": "0755"}
    lines = [f"{hashlib.sha256(data[name]).hexdigest()}  {modes.get(name, '0644')}  {name}\n" for name in sorted(data)]
    digest = hashlib.sha256(manifest).hexdigest()

    assert manifest.decode() == "".join(lines)
    assert archive.name == f"vps-sentry-1.2.3-{digest[:12]}.tar.gz"
    assert release(checkout, "digest", archive).stdout == f"{digest}\n"


def _link_in_source(checkout: Path) -> None:
    (checkout / "agent/src/vps_sentry/evil.py").symlink_to("/etc/passwd")


def _compiled_wheel(checkout: Path) -> None:
    (checkout / "deploy/vendor/x-1-cp311-cp311-linux_x86_64.whl").write_bytes(b"")


def _broken_wheel(checkout: Path) -> None:
    (checkout / "deploy/vendor/x-1-py3-none-any.whl").write_bytes(b"PK")


def _climbing_wheel(checkout: Path) -> None:
    with zipfile.ZipFile(checkout / "deploy/vendor/x-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("../../bin/vps-sentry", "owned")


def _quarrelling_wheels(checkout: Path) -> None:
    with zipfile.ZipFile(checkout / "deploy/vendor/x-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("vendored/__init__.py", "name = 'another'\n")


def _no_version(checkout: Path) -> None:
    (checkout / "agent/src/vps_sentry/__init__.py").write_text("__version__ = make()\n")


BAD_CHECKOUTS = [
    pytest.param(_link_in_source, "symbolic link", id="a link would carry the builder's files"),
    pytest.param(_compiled_wheel, "not a pure-Python wheel", id="compiled code binds to one Python"),
    pytest.param(_broken_wheel, "cannot be read", id="damaged wheel"),
    pytest.param(_climbing_wheel, "not what a release may hold", id="a wheel's name climbs out"),
    pytest.param(_quarrelling_wheels, "hold different files", id="two wheels, one name"),
    pytest.param(_no_version, "no runtime", id="version is not plain text"),
]


@pytest.mark.parametrize(("spoil", "words"), BAD_CHECKOUTS)
def test_build_refuses(checkout: Path, tmp_path: Path, spoil: Callable[[Path], None], words: str) -> None:
    spoil(checkout)
    done = release(checkout, "build", "--output", tmp_path / "out")

    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def member(name: str, data: bytes = b"", **facts: object) -> Tuple[tarfile.TarInfo, bytes]:
    """One hostile entry of an archive."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o644
    for key, value in facts.items():
        setattr(info, key, value)
    return info, data


def repack(archive: Path, *, without: str = "", extra: Optional[Tuple[tarfile.TarInfo, bytes]] = None) -> None:
    """Rewrite an archive without one name and with one entry more."""
    with tarfile.open(archive) as opened:
        entries = [(m, handle.read()) for m in opened if m.name != without and (handle := opened.extractfile(m))]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as target:
        for info, data in [*entries, *([extra] if extra else [])]:
            target.addfile(info, io.BytesIO(data))
    archive.write_bytes(packed.getvalue())


INIT = "lib/vps_sentry/__init__.py"
HOSTILE = [
    pytest.param("", member("../evil"), "not a relative name", id="climbs out"),
    pytest.param("", member("lib/../../evil"), "not a relative name", id="climbs out further down"),
    pytest.param("", member("/evil"), "not a relative name", id="absolute"),
    pytest.param("", member("lib//evil"), "not a relative name", id="empty component"),
    pytest.param("", member("lib/\x1b[2Jevil"), "not a relative name", id="terminal escape in a name"),
    pytest.param("", member("lib/x", type=tarfile.SYMTYPE, linkname="/etc"), "not a regular file", id="symlink"),
    pytest.param("", member("lib/x", type=tarfile.LNKTYPE, linkname=INIT), "not a regular file", id="hard link"),
    pytest.param("", member("lib/x", type=tarfile.CHRTYPE), "not a regular file", id="device"),
    pytest.param("", member("lib/x", type=tarfile.FIFOTYPE), "not a regular file", id="fifo"),
    pytest.param("", member("../x", type=tarfile.DIRTYPE), "not a regular file", id="directory climbs out"),
    pytest.param("", member(INIT, b"again"), "used once", id="a name twice: which one was checked?"),
    pytest.param("", member("lib/extra.py"), "MANIFEST (lib/extra.py)", id="a file MANIFEST does not name"),
    pytest.param("bin/vps-sentry", None, "no runtime", id="a file is missing"),
    pytest.param("vendor/vendored/__init__.py", None, "MANIFEST (vendor/", id="a vendored file is missing"),
    pytest.param("MANIFEST", None, "does not agree", id="no MANIFEST"),
    pytest.param(INIT, member(INIT, b'__version__ = "1.2.3"\n\n'), f"MANIFEST ({INIT})", id="other content"),
    pytest.param(INIT, member(INIT, b'__version__ = "1.2.3"\n', mode=0o755), f"MANIFEST ({INIT})", id="other mode"),
    pytest.param("", member("lib/x", mode=0o4755), "with mode 4755", id="setuid"),
    pytest.param(INIT, member(INIT, b'__version__ = "../../x"\n'), "no runtime", id="the version is part of a path"),
]


@pytest.mark.parametrize(("without", "extra", "words"), HOSTILE)
def test_install_refuses_what_manifest_does_not_vouch_for(
    checkout: Path,
    archive: Path,
    *,
    without: str,
    extra: Optional[Tuple[tarfile.TarInfo, bytes]],
    words: str,
) -> None:
    repack(archive, without=without, extra=extra)
    prefix = checkout.parent / "prefix"
    done = release(checkout, "install", archive, "--prefix", prefix)

    assert (done.returncode, done.stdout, words in done.stderr) == (1, "", True), done.stderr
    assert "\x1b" not in done.stderr
    assert not prefix.exists()


def _half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _huge(_: bytes) -> bytes:
    info = tarfile.TarInfo("lib/huge")
    info.size = 1 << 40
    return gzip.compress(info.tobuf())


DAMAGED = [
    pytest.param(_half, "cannot be read", id="half a download"),
    pytest.param(lambda data: b"not an archive", "cannot be read", id="an error page"),
    pytest.param(lambda data: b"", "cannot be read", id="empty"),
    pytest.param(_huge, "more than", id="a header that claims a terabyte"),
]


@pytest.mark.parametrize(("damage", "words"), DAMAGED)
def test_install_refuses_damage(checkout: Path, archive: Path, damage: Callable[[bytes], bytes], *, words: str) -> None:
    archive.write_bytes(damage(archive.read_bytes()))
    done = release(checkout, "install", archive, "--prefix", checkout.parent / "prefix")

    assert (done.returncode, words in done.stderr, "Traceback" in done.stderr) == (1, True, False), done.stderr
