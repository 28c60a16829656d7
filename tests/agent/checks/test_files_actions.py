# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to a file: the stamp of the quiet path moves, and the full look reports exactly that."""

from __future__ import annotations

import os
import socket
import stat
import struct
import time
from pathlib import Path
from typing import Callable, List

import pytest
from support.disk import Disk, Seen, changes, replace_unseen, rewrite_unseen, write
from vps_sentry.core import canonical

CLOCK_GRANULE = 0.02
# struct vfs_ns_cap_data, revision 2: cap_setuid, effective and permitted.
SETUID_CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 7, 0, 0, 0)
# POSIX access list: owner rw-, user 12 r--, group r--, mask r--, other r--; the mode stays 0644.
READER_12 = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", tag, permissions, who)
    for tag, permissions, who in (
        (1, 6, 2**32 - 1),
        (2, 4, 12),
        (4, 4, 2**32 - 1),
        (16, 4, 2**32 - 1),
        (32, 4, 2**32 - 1),
    )
)


def relink(path: Path, target: str) -> None:
    path.unlink()
    path.symlink_to(target)


def redevice(path: Path, number: int) -> None:
    path.unlink()
    os.mknod(path, stat.S_IFCHR | 0o644, os.makedev(1, number))


def bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def name(root: Path, raw: bytes) -> bytes:
    return os.path.join(os.fsencode(root / "w"), raw)


def create(path: bytes) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))


MASKED = [("changed", "/w/a", ("mode", "nlink", "sha256", "size", "target", "type"))]
CASES = [
    pytest.param(
        lambda w: rewrite_unseen(w / "a", b"two"), [("changed", "/w/a", ("sha256",))], id="content, size and mtime kept"
    ),
    pytest.param(
        lambda w: replace_unseen(w / "a", b"two"), [("changed", "/w/a", ("sha256",))], id="inode replaced by rename"
    ),
    pytest.param(lambda w: replace_unseen(w / "a", b"one"), [], id="inode replaced, all the same: nothing to tell"),
    pytest.param(
        lambda w: write(w / "a", b"longer"), [("changed", "/w/a", ("sha256", "size"))], id="content of another size"
    ),
    pytest.param(lambda w: (w / "a").chmod(0o4755), [("changed", "/w/a", ("mode",))], id="setuid, content unchanged"),
    pytest.param(lambda w: os.chown(w / "a", 12, 34), [("changed", "/w/a", ("gid", "uid"))], id="owner"),
    pytest.param(lambda w: os.chown(w / "d", 12, 34), [("changed", "/w/d", ("gid", "uid"))], id="owner of a directory"),
    pytest.param(lambda w: (w / "d").chmod(0o777), [("changed", "/w/d", ("mode",))], id="mode of a directory"),
    pytest.param(lambda w: w.chmod(0o777), [("changed", "/w", ("mode",))], id="mode of the watched directory itself"),
    pytest.param(lambda w: relink(w / "l", "b"), [("changed", "/w/l", ("target",))], id="link turned elsewhere"),
    pytest.param(
        lambda w: os.lchown(w / "l", 12, 34), [("changed", "/w/l", ("gid", "uid"))], id="owner of a link, not its file"
    ),
    pytest.param(lambda w: (w / "x").symlink_to("/none"), [("added", "/w/x", ())], id="dangling link appears"),
    pytest.param(lambda w: os.mkfifo(w / "x"), [("added", "/w/x", ())], id="fifo appears, is not opened"),
    pytest.param(lambda w: bind(w / "x"), [("added", "/w/x", ())], id="socket appears"),
    pytest.param(
        lambda w: redevice(w / "null", 5), [("changed", "/w/null", ("rdev",))], id="device turned into another"
    ),
    pytest.param(
        lambda w: os.link(w / "a", w / "x"), [("changed", "/w/a", ("nlink",)), ("added", "/w/x", ())], id="hard link"
    ),
    pytest.param(
        lambda w: os.link(w / "a", w.parent / "outside"), [("changed", "/w/a", ("nlink",))], id="hard link elsewhere"
    ),
    pytest.param(lambda w: (w / "x").mkdir(), [("added", "/w/x", ())], id="directory appears"),
    pytest.param(lambda w: write(w / "d" / "e" / "x", b""), [("added", "/w/d/e/x", ())], id="empty file, deep down"),
    pytest.param(lambda w: create(name(w.parent, b"\xff")), [("added", "/w/\\xff", ())], id="name that is not UTF-8"),
    pytest.param(
        lambda w: create(name(w.parent, b"x\n\x1b[2J\\")), [("added", "/w/x\\x0a\\x1b[2J\\x5c", ())], id="hostile name"
    ),
    pytest.param(
        lambda w: create(name(w.parent, "\u202eexe".encode())), [("added", "/w/\\xe2\\x80\\xaeexe", ())], id="bidi name"
    ),
    pytest.param(lambda w: (w / "a").unlink(), [("removed", "/w/a", ())], id="file removed"),
    pytest.param(
        lambda w: relink(w / "a", "b"),
        [("changed", "/w/a", ("mode", "nlink", "sha256", "size", "target", "type"))],
        id="file turned into a link",
    ),
    pytest.param(
        lambda w: os.setxattr(w / "a", "security.capability", SETUID_CAPABILITY),
        [("changed", "/w/a", ("capabilities",))],
        id="capability",
    ),
    pytest.param(
        lambda w: os.setxattr(w / "a", "system.posix_acl_access", READER_12),
        [("changed", "/w/a", ("acl",))],
        id="access list",
    ),
    pytest.param(
        lambda w: os.setxattr(w / "d", "system.posix_acl_default", READER_12),
        [("changed", "/w/d", ("acl",))],
        id="access list handed down to what is made in a directory",
    ),
    pytest.param(lambda w: relink(w / "a", "/dev/null"), MASKED, id="masked by a link to /dev/null"),
    pytest.param(
        lambda w: create(name(w.parent, b"\xff" * 255)), [("added", "/w/" + "\\xff" * 255, ())], id="name of 255 bytes"
    ),
    pytest.param(lambda w: os.utime(w / "a"), [], id="touched: a look that finds nothing"),
]


@pytest.mark.weakness(9)
@pytest.mark.weakness(19)
@pytest.mark.parametrize(("act", "expected"), CASES)
def test_an_action_moves_the_stamp_and_is_reported(
    act: Callable[[Path], object], expected: List[Seen], tmp_path: Path
) -> None:
    disk = Disk(tmp_path)
    watched = tmp_path / "w"
    write(watched / "a")
    write(watched / "b")
    (watched / "d" / "e").mkdir(parents=True)
    (watched / "l").symlink_to("a")
    os.mknod(watched / "null", stat.S_IFCHR | 0o644, os.makedev(1, 3))
    before, quiet = disk.look(), disk.quiet()
    stamp = quiet()
    assert quiet() == stamp
    time.sleep(CLOCK_GRANULE)

    act(watched)

    assert quiet() != stamp
    after = disk.look(before)
    assert changes(before, after) == expected
    assert after.items == disk.look(full=True).items


@pytest.mark.weakness(10)
@pytest.mark.weakness(10)
def test_a_name_that_is_no_text_hides_nothing_that_comes_later(tmp_path: Path) -> None:
    """A backdoor dropped beside it is told as well."""
    disk = Disk(tmp_path)
    (tmp_path / "w").mkdir()
    create(name(tmp_path, b"\xff"))
    before, quiet = disk.look(), disk.quiet()
    stamp = quiet()

    create(name(tmp_path, b"backdoor"))

    assert quiet() != stamp
    assert changes(before, disk.look(before)) == [("added", "/w/backdoor", ())]


def test_every_key_leads_back_to_its_file(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    raw = b"x\xff\n\\\x1b" + "\u200b".encode()
    create(name(tmp_path, raw))

    (key,) = (key for key in Disk(tmp_path).look().items if key != "/w")

    assert canonical.unescape(key) == b"/w/" + raw
