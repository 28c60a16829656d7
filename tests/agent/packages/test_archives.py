# SPDX-License-Identifier: GPL-3.0-or-later
"""The chain from a real key to a version: each link that is broken makes the list one that vouches for nothing."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Callable, Iterator, Tuple

import pytest
from vps_sentry.host import Host
from vps_sentry.packages import archives, signatures

ENTRY = b"Package: tool\nArchitecture: amd64\nVersion: 1.0-2\nMaintainer: M <m@example.org>\nSHA256: 00\n"
OTHER = b"\nPackage: other\nArchitecture: amd64\nVersion: 9\n"
LIST, RELEASE = "lab_dists_stable_main_binary-amd64_Packages", "lab_dists_stable_InRelease"
KEY = "/usr/share/keyrings/lab.gpg"


class Disk(Host):
    """A mounted disk on which signatures are judged all the same, by the gpgv of this machine."""

    def command(self, argv: list[str], *, seconds: float = 20.0, given: bytes = b"") -> Tuple[int, str]:
        return Host("/").command(argv, seconds=seconds)


@pytest.fixture(scope="module", name="home")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    if not shutil.which("gpg") or not shutil.which("gpgv"):
        pytest.skip("gpg and gpgv are not installed")
    home = tmp_path_factory.mktemp("gnupg")
    home.chmod(0o700)
    for name in ("lab", "evil"):
        gpg(home, "--quick-generate-key", name, "ed25519", "sign", "never")
    yield home
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], capture_output=True, check=False)


def gpg(home: Path, *words: str, given: bytes = b"") -> bytes:
    argv = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--passphrase", "", *words]
    return subprocess.run(argv, input=given, capture_output=True, check=True).stdout


@pytest.fixture(name="root")
def _root(home: Path, tmp_path: Path) -> Path:
    for folder in ("var/lib/apt/lists", "usr/share/keyrings"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / KEY.lstrip("/")).write_bytes(gpg(home, "--export", "lab"))
    place(tmp_path, LIST).write_bytes(ENTRY + OTHER)
    release(home, tmp_path)
    return tmp_path


def place(root: Path, name: str) -> Path:
    return root / "var/lib/apt/lists" / name


def release(home: Path, root: Path, by: str = "lab") -> None:
    digest = hashlib.sha256(ENTRY + OTHER).hexdigest()
    text = f"Origin: lab\nSHA256:\n {digest} {len(ENTRY + OTHER)} main/binary-amd64/Packages\n"
    place(root, RELEASE).write_bytes(gpg(home, "--local-user", by, "--clearsign", given=text.encode()))


def read(root: Path) -> archives.Word:
    return archives.read(Disk(str(root)), {"tool"}, accepted=[KEY])


def test_a_signed_list_vouches_for_what_was_asked_for(root: Path) -> None:
    found = read(root)

    assert ((), ["tool:amd64"], ["1.0-2"]) == (found.problems, list(found.known), list(found.known["tool:amd64"]))


def test_a_packed_list_is_the_same(root: Path) -> None:
    place(root, f"{LIST}.gz").write_bytes(gzip.compress(ENTRY + OTHER))
    place(root, LIST).unlink()

    assert ["tool:amd64"] == list(read(root).known)


def test_a_key_in_armour_is_the_same(home: Path, root: Path) -> None:
    (root / KEY.lstrip("/")).write_bytes(gpg(home, "--armor", "--export", "lab"))

    assert ["tool:amd64"] == list(read(root).known)


def edit(name: str, old: bytes, new: bytes) -> Callable[[Path, Path], None]:
    def change(home: Path, root: Path) -> None:
        found = place(root, name)
        found.write_bytes(found.read_bytes().replace(old, new))

    return change


BROKEN = [
    pytest.param(edit(LIST, b"1.0-2", b"6.6-6"), "is not the list its release names", id="the list edited"),
    pytest.param(edit(RELEASE, b"Origin: lab", b"Origin: bal"), "no good signature", id="the release edited"),
    pytest.param(lambda home, root: release(home, root, "evil"), "no good signature", id="signed by another key"),
    pytest.param(edit(RELEASE, b"-----BEGIN PGP SIGNED", b"SHA256:\n-----BEGIN PGP SIGNED"), "one signed", id="before"),
    pytest.param(edit(RELEASE, b"Hash: ", b"Origin: x\nHash: "), "its head holds more", id="something in the head"),
    pytest.param(lambda home, root: place(root, RELEASE).unlink(), "no lists of an archive", id="no release"),
    pytest.param(lambda home, root: place(root, RELEASE).write_bytes(b"\xff" * 99), "one signed message", id="bytes"),
    pytest.param(lambda home, root: (root / KEY.lstrip("/")).write_bytes(b""), "no key is accepted", id="no key"),
]


@pytest.mark.parametrize(("act", "said"), BROKEN)
def test_a_broken_link_vouches_for_nothing_and_says_why(
    act: Callable[[Path, Path], None], said: str, home: Path, root: Path
) -> None:
    act(home, root)
    found = read(root)

    assert {} == found.known
    assert said in " ".join(found.problems)


def test_nothing_behind_a_dash_is_a_second_message() -> None:
    text = (
        b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\na\n- -----BEGIN x\n-----BEGIN PGP SIGNATURE-----\n\nx\n"
    )

    with pytest.raises(ValueError, match="second message"):
        signatures.parted(text + b"-----END PGP SIGNATURE-----\n")
