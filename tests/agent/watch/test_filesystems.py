# SPDX-License-Identifier: GPL-3.0-or-later
"""Mount tables: read as proc(5) writes them, and which file systems' time stamps prove nothing."""

from __future__ import annotations

import pytest
from vps_sentry.watch.filesystems import Mount, parse, weak_places

ROOT = b"27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,discard\n"


def test_a_line_is_read() -> None:
    line = rb"99 27 0:50 /a\040b /srv/x\134y\012 ro,nosuid shared:7 master:3 - nfs4 host:/a\040b rw,vers=4.2"

    assert list(parse(line)) == [
        Mount(b"/srv/x\\y\n", b"0:50", b"/a b", b"nfs4", b"host:/a b", (b"nosuid", b"ro")),
    ]


def test_optional_fields_may_be_missing() -> None:
    assert [mount.kind for mount in parse(ROOT + b"28 27 0:5 / /dev rw - devtmpfs devtmpfs rw\n")] == [
        b"ext4",
        b"devtmpfs",
    ]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"27 1 254:0 / / rw,relatime shared:1 - ext4", id="cut off"),
        pytest.param(b"27 1 254:0 / /", id="cut off early"),
        pytest.param(b"/dev/vda1 / ext4 rw 0 0", id="of mtab"),
        pytest.param(b"\n", id="empty"),
    ],
)
def test_a_torn_table_is_said(line: bytes) -> None:
    with pytest.raises(ValueError, match="not a line of a mount table"):
        list(parse(ROOT + line))


TABLE = ROOT + b"".join(
    b"%d 27 0:%d / %s rw - %s x rw\n" % (number, number, point, kind)
    for number, (point, kind) in enumerate(
        (
            (b"/srv/nfs", b"nfs4"),
            (b"/srv/nfs/local", b"ext4"),
            (b"/mnt", b"ext4"),
            (b"/mnt", b"fuse.sshfs"),
            (b"/opt", b"9p"),
            (b"/opt", b"xfs"),
            (b"/ntfs", b"fuseblk"),
            (b"/vagrant", b"vboxsf"),
            (b"/layers", b"overlay"),
        ),
        50,
    )
)


@pytest.mark.parametrize(
    ("directory", "expected"),
    [
        pytest.param(b"/etc/", False, id="the root"),
        pytest.param(b"/srv/nfs/", True, id="network"),
        pytest.param(b"/srv/nfs/deep/er/", True, id="below"),
        pytest.param(b"/srv/nfsx/", False, id="a name that only begins alike"),
        pytest.param(b"/srv/nfs/local/x/", False, id="a disk mounted below"),
        pytest.param(b"/mnt/", True, id="covered by FUSE"),
        pytest.param(b"/opt/", False, id="covered by a disk"),
        pytest.param(b"/ntfs/", True, id="FUSE on a device"),
        pytest.param(b"/vagrant/", True, id="a hypervisor's folder"),
        pytest.param(b"/layers/", False, id="overlay is as good as the disk below it"),
    ],
)
def test_weak_file_systems(directory: bytes, expected: bool) -> None:
    assert weak_places(TABLE)(directory) is expected


def test_a_host_without_any_is_asked_nothing() -> None:
    assert weak_places(ROOT)(b"/anything/") is False
