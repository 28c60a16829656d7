# SPDX-License-Identifier: GPL-3.0-or-later
"""Mount tables, proc(5) mountinfo: what is mounted where, and whose time stamps prove nothing."""

from __future__ import annotations

import re
from typing import Callable, Iterator, NamedTuple, Tuple

_OCTAL = re.compile(rb"\\([0-7]{3})")
# Others change such files behind this machine's back, and a stat may be answered from a cache.
_WEAK = (
    *(b"nfs", b"nfs4", b"cifs", b"smb3", b"smbfs", b"9p", b"virtiofs", b"ceph", b"afs", b"vboxsf", b"vmhgfs"),
    *(b"prl_fs", b"glusterfs", b"lustre", b"gfs2", b"ocfs2", b"orangefs", b"coda"),
)


class Mount(NamedTuple):
    """One line of a mount table. ``point`` is where, ``root`` which directory of the file system is seen there.

    ``device`` is its number, ``major:minor``.
    """

    point: bytes
    device: bytes
    root: bytes
    kind: bytes
    source: bytes
    options: Tuple[bytes, ...]

    @property
    def weak(self) -> bool:
        """Whether an unmoved stat record proves little: network, FUSE and file systems of a hypervisor."""
        return self.kind in _WEAK or self.kind.startswith(b"fuse")


def parse(table: bytes) -> Iterator[Mount]:
    """The mounts of a mountinfo table, in order: of two on one point the later covers the earlier.

    Raises ValueError for a line that is none.
    """
    for line in table.splitlines():
        fields = line.split(b" ")
        try:
            after = fields.index(b"-", 6)
            kind, source = fields[after + 1], fields[after + 2]
        except (ValueError, IndexError) as exc:
            raise ValueError(f"not a line of a mount table: {line!r}") from exc
        options = tuple(sorted(fields[5].split(b",")))
        yield Mount(_plain(fields[4]), fields[2], _plain(fields[3]), kind, _plain(source), options)


def weak_places(table: bytes) -> Callable[[bytes], bool]:
    """Whether a directory (ending in ``/``) lies on a weak file system. Raises ValueError like ``parse``."""
    mounts = list(parse(table))
    if not any(mount.weak for mount in mounts):
        return lambda directory: False
    points = [(mount.point.rstrip(b"/") + b"/", mount.weak) for mount in mounts]

    def weak(directory: bytes) -> bool:
        # The deepest point counts; of two on the same point the later.
        above = [
            (len(point), number, poor) for number, (point, poor) in enumerate(points) if directory.startswith(point)
        ]
        return max(above, default=(0, 0, False))[2]

    return weak


def _plain(field: bytes) -> bytes:
    """Blank, tab, newline and backslash are written as octal numbers."""
    return _OCTAL.sub(lambda match: bytes((int(match[1], 8),)), field)
