# SPDX-License-Identifier: GPL-3.0-or-later
"""Which mounts count, what an item says of them, and when one process sees something else."""

from __future__ import annotations

from typing import Dict, List

import pytest
from vps_sentry.core.model import Value
from vps_sentry.watch import coverings, patterns
from vps_sentry.watch.filesystems import Mount, parse

WATCHED = (b"/etc", b"/root/.bashrc", b"/usr/bin", b"/var/lib/dpkg/info")
WHERE = coverings.places(WATCHED, (patterns.exclusion("/etc/resolv.conf"),))


def table(*lines: str) -> List[Mount]:
    """Mounts written ``DEVICE ROOT POINT FLAGS KIND SOURCE``."""
    words = (line.split() for line in lines)
    return list(parse("".join(f"1 1 {d} {r} {p} {f} - {k} {s} rw\n" for d, r, p, f, k, s in words).encode()))


DISK = "8:1 / / rw,relatime ext4 /dev/sda1"
PROC = "0:21 / /proc rw proc proc"


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        (b"/", True),
        (b"/etc", True),
        (b"/etc/ssh", True),
        (b"/etc/resolv.conf", False),
        (b"/etcetera", False),
        (b"/usr", True),
        (b"/usr/share", False),
        (b"/var/lib", True),
        (b"/var/lib/docker/overlay2/x/merged", False),
        (b"/root", True),
        (b"/root/.bashrc", True),
        (b"/root/work", False),
        (b"/snap/core/1", False),
        (b"/run/user/1000", False),
    ],
)
def test_what_counts(point: bytes, expected: bool) -> None:
    assert WHERE.count(point) is expected


ITEMS = [
    pytest.param([DISK, PROC], {"/": {"layers": ["ext4 /"], "flags": []}}, id="one disk"),
    pytest.param(
        [DISK, "8:2 / /usr ro,nodev,relatime ext4 /dev/sda2"],
        {"/": {"layers": ["ext4 /"], "flags": []}, "/usr": {"layers": ["ext4 /"], "flags": ["ro", "nodev"]}},
        id="an ordinary partition of its own",
    ),
    pytest.param(
        [DISK, "8:1 /tmp/evil /usr/bin rw ext4 /dev/sda1"],
        {"/": {"layers": ["ext4 /"], "flags": []}, "/usr/bin": {"layers": ["ext4 /tmp/evil"], "flags": []}},
        id="a bind mount names the directory it shows",
    ),
    pytest.param(
        ["8:1 / / rw ext4 /dev/sda1", "0:44 / / rw overlay over"],
        {"/": {"layers": ["ext4 /", "overlay / from over"], "flags": []}},
        id="one on top of the other",
    ),
    pytest.param(
        [DISK, "0:50 / /etc/\\303\\244\\012\\033 rw nfs4 evil:/x"],
        {
            "/": {"layers": ["ext4 /"], "flags": []},
            "/etc/ä\\x0a\\x1b": {"layers": ["nfs4 / from evil:/x"], "flags": []},
        },
        id="a hostile name",
    ),
    pytest.param(
        ["0:9 / /usr rw autofs systemd-1", "8:3 / /usr rw vfat /dev/sda3"],
        {"/usr": {"layers": ["autofs / from systemd-1"], "flags": []}},
        id="what an automount mounts comes and goes",
    ),
    pytest.param(
        ["0:9 / /usr rw autofs systemd-1", "8:3 / /usr rw vfat /dev/sda3", "0:60 / /usr rw tmpfs none"],
        {"/usr": {"layers": ["autofs / from systemd-1", "tmpfs / from none"], "flags": []}},
        id="what lies on top of it does not",
    ),
]


@pytest.mark.parametrize(("lines", "expected"), ITEMS)
def test_items(lines: List[str], expected: Dict[str, Value]) -> None:
    assert coverings.items(table(*lines), WHERE) == expected


SANDBOX = [
    DISK,
    PROC,
    "8:1 / / ro,relatime ext4 /dev/sda1",
    "8:1 /root /root ro ext4 /dev/sda1",
    "8:1 /var/lib /var/lib rw ext4 /dev/sda1",
]
DIFFERENCES = [
    pytest.param([DISK, PROC], [DISK], {}, id="the same"),
    pytest.param(SANDBOX, [DISK], {}, id="a service's sandbox mounts directories on themselves"),
    pytest.param(
        [DISK, "0:25 /systemd/inaccessible/dir /etc/ssh ro tmpfs tmpfs"],
        [DISK],
        {"sshd:/etc/ssh": {"layers": ["tmpfs /systemd/inaccessible/dir from tmpfs"]}},
        id="InaccessiblePaths= hides what it names",
    ),
    pytest.param(
        [DISK, "8:1 /tmp/evil /usr/bin rw ext4 /dev/sda1"],
        [DISK],
        {"sshd:/usr/bin": {"layers": ["ext4 /tmp/evil"]}},
        id="another directory of the same disk",
    ),
    pytest.param(
        [DISK],
        [DISK, "8:2 / /usr rw ext4 /dev/sda2"],
        {"sshd:/usr": {"layers": ["ext4 /"]}},
        id="a mount that it does not see",
    ),
    pytest.param([DISK, "0:60 / /tmp rw tmpfs x"], [DISK], {}, id="nothing watched there"),
    pytest.param(["0:70 / / rw overlay o"], [DISK], {"sshd:/": {"layers": ["overlay / from o"]}}, id="another root"),
]


@pytest.mark.parametrize(("mine", "usual", "expected"), DIFFERENCES)
def test_differences(mine: List[str], usual: List[str], expected: Dict[str, Value]) -> None:
    found = coverings.differences("sshd", table(*mine), against=table(*usual), where=WHERE)

    assert dict(found) == expected


def test_a_path_as_a_mount_table_writes_it() -> None:
    path = b"/srv/a b\t\\\n\xff"

    assert coverings.written(path) == rb"/srv/a\040b\011\134\012" + b"\xff"
    assert next(parse(b"1 1 8:1 / " + coverings.written(path) + b" rw - ext4 x rw")).point == path
