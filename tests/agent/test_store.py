# SPDX-License-Identifier: GPL-3.0-or-later
"""The state directory: whole files or the old ones, one run at a time."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.tree import ROOT
from vps_sentry.errors import BusyError, StoreError
from vps_sentry.store import Store


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Store:
    store = Store(str(tmp_path / "state"))
    store.prepare()
    return store


def mode(path: Path) -> str:
    return oct(path.stat().st_mode & 0o7777)


def test_modes(store: Store) -> None:
    store.write("last.json", b"x")
    store.write("public/status.json", b"x", mode=0o644)

    assert ("0o711", "0o755", "0o700") == (mode(store.path), mode(store.path / "public"), mode(store.path / "history"))
    assert ("0o600", "0o644") == (mode(store.path / "last.json"), mode(store.path / "public/status.json"))


def test_prepare_keeps_what_the_installer_made(store: Store) -> None:
    (store.path / "outbox").chmod(0o2750)
    store.prepare()

    assert "0o2750" == mode(store.path / "outbox")


def test_a_failed_write_leaves_the_old_content(store: Store) -> None:
    store.write("last.json", b"old")
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from vps_sentry.store import Store\n"
        "store = Store(sys.argv[2]); store.write('last.json', b'old')\n"
        "try: store.write('last.json', b'x' * 100000)\n"
        "except Exception as exc: print(type(exc).__name__, exc)\n"
        "print(store.read('last.json'), store.names('.'))"
    )
    # A real full disk: a tmpfs of 16 KiB in a mount namespace of its own.
    script = f'mount -t tmpfs -o size=16k none {store.path} && exec "{sys.executable}" -c "$1" "$2" "$3"'
    command = ["unshare", "-m", "sh", "-c", script, "sh", program, str(ROOT / "agent/src"), str(store.path)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert answer.startswith("StoreError cannot write")
    assert "No space left on device; the old file still stands" in answer
    assert "b'old' ['last.json']" in answer


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_says_so_and_leaves_nothing_behind(
    store: Store, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write("a", b"old")

    def full(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="the old file still stands; make room"):
        store.write("a", b"new")

    assert b"old" == store.read("a")
    assert [] == [path.name for path in store.path.iterdir() if path.name.startswith(".a")]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_every_way_of_writing_names_the_remedy_of_a_full_disk(store: Store) -> None:
    (store.path / "busy").symlink_to("/dev/full")

    with pytest.raises(StoreError, match="No space left on device; make room"):
        store.count_busy()


def test_a_left_over_temporary_file_does_not_matter(store: Store) -> None:
    (store.path / ".last.json.new").write_bytes(b"half")
    store.write("last.json", b"new")

    assert b"new" == store.read("last.json")
    assert [] == [name for name in os.listdir(store.path) if name.endswith(".new")]


def test_a_link_in_place_of_a_file_is_replaced_not_followed(store: Store, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (store.path / "last.json").symlink_to(victim)
    (store.path / ".last.json.new").symlink_to(victim)
    store.write("last.json", b"new")

    assert b"precious" == victim.read_bytes()
    assert not (store.path / "last.json").is_symlink()


@pytest.mark.weakness(3)
def test_the_second_run_is_told_who_holds_the_lock(store: Store) -> None:
    with store.lock(), pytest.raises(BusyError, match=f"in use by process {os.getpid()}"), store.lock(wait=0.2):
        pass

    with store.lock(wait=0):
        pass


def test_on_a_full_disk_the_lock_holds_without_the_name_of_its_holder(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with store.lock(), pytest.raises(BusyError, match="in use by process unknown"), store.lock(wait=0):
        raise AssertionError("two at once")


def test_damage_is_an_error_not_an_empty_file(store: Store) -> None:
    store.write("last.json", b'{"torn":')

    with pytest.raises(StoreError, match="is damaged"):
        store.read_json("last.json")
    assert store.read_json("none.json") is None


def test_set_aside_keeps_every_copy(store: Store) -> None:
    for content in (b"one", b"two"):
        store.write("outbox/x", content)
        store.set_aside("outbox/x")
    store.set_aside("outbox/none")

    assert [b"one", b"two"] == [(store.path / "damaged" / name).read_bytes() for name in store.names("damaged")]
    assert [] == store.names("outbox")


def test_an_ordinary_user_is_told_what_to_do(tmp_path: Path) -> None:
    program = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from vps_sentry.store import Store; os.setuid(65534)\n"
        "Store('/var/lib/vps-sentry-none').prepare()"
    )
    command = [sys.executable, "-c", program, str(ROOT / "agent/src")]
    answer = subprocess.run(command, capture_output=True, text=True).stderr

    assert "run as root or give --state-dir" in answer


NEWER = [
    pytest.param(b"2\n", id="a newer release wrote it"),
    pytest.param(b"what?\n", id="nobody knows what wrote it"),
]


@pytest.mark.parametrize("content", NEWER)
def test_state_of_a_newer_release_is_not_touched(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "format").write_bytes(content)

    with pytest.raises(StoreError, match="newer release"):
        Store(str(tmp_path)).prepare()
    assert ["format"] == [path.name for path in tmp_path.iterdir()]


def test_the_state_says_of_what_format_it_is(store: Store) -> None:
    assert b"1\n" == store.read("format")


def test_clearing_leaves_the_layout_and_follows_no_link(store: Store, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "file").touch()
    store.write("baseline.json", b"{}")
    store.write("history/1", b"{}")
    (store.path / "trials/x").mkdir(parents=True)
    (store.path / "acks/planted").symlink_to(other)
    (store.path / "linked").symlink_to(other)
    with store.lock():
        gone = store.clear()

    assert ["acks/planted", "baseline.json", "format", "history/1", "linked", "trials"] == gone
    assert (other / "file").exists()
    left = {path.name for path in store.path.iterdir()}
    assert {"lock", "history", "outbox", "acks", "public"} <= left
    assert [] == [path for path in store.path.rglob("*") if path.name != "lock" and not path.is_dir()]
