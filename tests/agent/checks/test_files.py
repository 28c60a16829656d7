# SPDX-License-Identifier: GPL-3.0-or-later
"""The check ``files``: what an item says, what is remembered, where a look stops."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from pathlib import Path
from typing import Iterator, Tuple

import pytest
from support.disk import Disk, changes, rewrite_unseen, write
from vps_sentry.checks.files import CHECK, Options
from vps_sentry.core.model import Observation, Value
from vps_sentry.watch import index

ONE = hashlib.sha256(b"one").hexdigest()
FORGED = "0" * 64


def regular(content: bytes = b"one", *, mode: str = "0644", uid: int = 0) -> Value:
    return {
        "type": "file",
        "mode": mode,
        "uid": uid,
        "gid": 0,
        "size": len(content),
        "nlink": 1,
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def test_items_say_what_stands_there(tmp_path: Path) -> None:
    write(tmp_path / "w" / "a", mode=0o4750)
    (tmp_path / "w" / "l").symlink_to("/etc/\x1bshadow")
    os.mkfifo(tmp_path / "w" / "f", 0o600)
    (tmp_path / "w").chmod(0o1777)

    assert Disk(tmp_path).look().items == {
        "/w": {"type": "directory", "mode": "1777", "uid": 0, "gid": 0},
        "/w/a": regular(mode="4750"),
        "/w/f": {"type": "fifo", "mode": "0600", "uid": 0, "gid": 0},
        "/w/l": {"type": "link", "uid": 0, "gid": 0, "target": "/etc/\\x1bshadow"},
    }


def test_every_field_of_an_item_is_described(tmp_path: Path) -> None:
    write(tmp_path / "w" / "a")
    os.mknod(tmp_path / "w" / "null", 0o020644, os.makedev(1, 3))
    fields = {name for value in Disk(tmp_path).look().items.values() for name in value}

    assert fields == {"type", "mode", "uid", "gid", "size", "nlink", "sha256", "rdev"}
    assert fields < set(CHECK.columns)


def forge(observation: Observation) -> Observation:
    """The observation as if its cache remembered another hash: what is not read again shows it."""
    kept = index.load(observation.cache or b"")
    forged = {path: index.unpack(kept.records[path])._replace(sha256=FORGED).pack() for path in kept.records}
    return Observation("ok", observation.items, memory=observation.memory, cache=index.dump(index.Index(forged)))


def work(observation: Observation) -> Tuple[int, int]:
    """Files to be read again, and bytes read."""
    memory = observation.memory or {}
    return memory["unsettled"], memory["bytes_hashed"]


def test_an_unmoved_file_is_not_read_again(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    write(tmp_path / "w" / "a")
    before = disk.look()

    after = disk.look(forge(before))

    assert after.items["/w/a"]["sha256"] == FORGED
    assert work(after) == (0, 0)
    assert disk.look(before).items == before.items


@pytest.mark.parametrize("full", [pytest.param(True, id="a full run"), pytest.param(False, id="a moved file")])
def test_what_is_remembered_is_not_believed_by(full: bool, tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    path = write(tmp_path / "w" / "a")
    before = disk.look()
    if not full:
        time.sleep(0.02)
        rewrite_unseen(path, b"two")

    after = disk.look(forge(before), full=full)

    assert after.items["/w/a"] == regular(b"one" if full else b"two")


def test_a_file_too_fresh_for_its_time_stamp_is_read_again_and_keeps_the_tick_awake(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    write(tmp_path / "w" / "a")

    fresh = disk.look(later=0)

    assert index.load(fresh.cache or b"").records == {}
    assert work(fresh) == (1, 3)
    awake = disk.quiet(fresh)
    assert awake() != awake()
    settled = disk.look(fresh)
    assert work(settled) == (0, 3)
    quiet = disk.quiet(settled)
    assert quiet() == quiet()
    assert quiet()[0] == awake()[0], "the stamp taken before stays comparable"


@pytest.mark.weakness(10)
def test_a_huge_sparse_file_costs_nothing_and_says_that_it_was_not_read(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    path = write(tmp_path / "w" / "huge")
    os.truncate(path, 8 * 1024**3)
    begun = time.process_time()

    for observation in (disk.look(), disk.look(full=True)):
        expected = {**regular(), "size": 8 * 1024**3, "truncated": True}
        del expected["sha256"]
        assert observation.items["/w/huge"] == expected
    assert time.process_time() - begun < 0.5


def test_a_large_file_is_read_by_a_full_run_and_then_remembered(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    size = 65 * 1024**2
    os.truncate(write(tmp_path / "w" / "large"), size)
    digest = hashlib.sha256(b"one" + bytes(size - 3)).hexdigest()

    full = disk.look(full=True)

    assert full.items["/w/large"]["sha256"] == digest
    assert disk.look(full).items == full.items
    assert disk.look().items["/w/large"]["truncated"] is True


def owned(path: Path, uid: int, size: int) -> None:
    os.chown(write(path, bytes(size)), uid, uid)


def test_the_budget_is_shared_between_owners_and_resumed(tmp_path: Path) -> None:
    disk = Disk(tmp_path, Options(defaults=False, watch=("/w",), hash_budget="250B"))
    for number in range(4):
        owned(tmp_path / "w" / f"greedy{number}", 1000, 90)
    owned(tmp_path / "w" / "modest", 1001, 150)
    write(tmp_path / "w" / "root", bytes(500))

    look, unread = disk.look(), []
    for _ in range(3):
        unread.append(sorted(key for key, value in look.items.items() if value.get("truncated")))
        look = disk.look(look)

    assert unread == [["/w/greedy1", "/w/greedy2", "/w/greedy3"], ["/w/greedy3"], []]
    assert [key for key, value in look.items.items() if "sha256" not in value] == ["/w"]
    assert work(look) == (0, 0)


def test_what_two_watches_see_is_read_once(tmp_path: Path) -> None:
    write(tmp_path / "w" / "a")

    look = Disk(tmp_path, Options(defaults=False, watch=("/w", "/w/a"))).look()

    assert work(look) == (0, 3)


def test_the_first_look_reads_all_of_roots_files_whatever_the_budget(tmp_path: Path) -> None:
    disk = Disk(tmp_path, Options(defaults=False, watch=("/w",), hash_budget="1B"))
    write(tmp_path / "w" / "a")

    assert disk.look().items["/w/a"] == regular()


@pytest.fixture
def public_root() -> Iterator[Path]:
    """A root that another user can reach into."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        yield Path(place)


def test_what_may_not_be_read_says_so(public_root: Path) -> None:
    write(public_root / "w" / "secret", mode=0o600)
    write(public_root / "w" / "closed" / "inside")
    (public_root / "w" / "closed").chmod(0o700)
    os.seteuid(65534)
    try:
        items = Disk(public_root).look().items
    finally:
        os.seteuid(0)

    reasons = {key: value.get("unreadable") for key, value in items.items()}
    assert reasons == {"/w": None, "/w/closed": "Permission denied", "/w/secret": "Permission denied"}
    assert items["/w/secret"]["mode"] == "0600"
    assert "sha256" not in items["/w/secret"]


def test_accounts_cannot_be_found_is_said(tmp_path: Path) -> None:
    items = Disk(tmp_path, Options()).look().items

    expected = "cannot read /etc/passwd: No such file or directory; no home directory is watched"
    assert items == {"/etc/passwd": {"unreadable": expected}}


def test_defaults_watch_the_homes_of_accounts_that_can_log_in(tmp_path: Path) -> None:
    write(tmp_path / "etc/passwd", b"root:x:0:0::/root:/bin/bash\nweb:x:33:33::/srv/web:/usr/sbin/nologin\n")
    write(tmp_path / "root/.ssh/authorized_keys", b"ssh-ed25519 AAAA\n", mode=0o600)
    write(tmp_path / "root/.ssh/id_ed25519", b"private", mode=0o600)
    write(tmp_path / "root/.bash_history", b"ls\n", mode=0o600)
    write(tmp_path / "root/notes")
    write(tmp_path / "srv/web/.profile")
    disk = Disk(tmp_path, Options())

    items = disk.look().items

    assert sorted(key for key in items if not key.startswith("/etc")) == [
        "/root/.bash_history",
        "/root/.ssh",
        "/root/.ssh/authorized_keys",
        "/root/.ssh/id_ed25519",
    ]
    assert items["/root/.ssh/authorized_keys"]["sha256"] == hashlib.sha256(b"ssh-ed25519 AAAA\n").hexdigest()
    private = {"type": "file", "mode": "0600", "uid": 0, "gid": 0}
    assert [items["/root/.ssh/id_ed25519"], items["/root/.bash_history"]] == [private, private]


def test_a_new_account_brings_its_home_under_watch(tmp_path: Path) -> None:
    passwd = write(tmp_path / "etc/passwd", b"root:x:0:0::/root:/bin/bash\n")
    write(tmp_path / "home/eve/.ssh/authorized_keys")
    disk = Disk(tmp_path, Options(exclude=("/etc/passwd",)))
    before, quiet = disk.look(), disk.quiet()
    stamp = quiet()

    write(passwd, passwd.read_bytes() + b"eve:x:0:0::/home/eve:/bin/sh\n")

    assert quiet() != stamp
    assert ("added", "/home/eve/.ssh/authorized_keys", ()) in changes(before, disk.look(before))


def test_a_shell_history_may_grow_without_waking_anybody(tmp_path: Path) -> None:
    write(tmp_path / "etc/passwd", b"root:x:0:0::/root:/bin/bash\n")
    history = write(tmp_path / "root/.bash_history", b"ls\n")
    disk = Disk(tmp_path, Options())
    before, quiet = disk.look(), disk.quiet()
    stamp = quiet()

    history.write_bytes(b"ls\nrm x\n")
    assert quiet() == stamp

    history.unlink()
    history.symlink_to("/dev/null")
    assert quiet() != stamp
    assert [key for _, key, _ in changes(before, disk.look(before))] == ["/root/.bash_history"]
