# SPDX-License-Identifier: GPL-3.0-or-later
"""What an lstat and the extended attributes of a file say, as fields of its item."""

from __future__ import annotations

import errno
import os
import stat
from typing import Dict, Optional, Union

from ..core.canonical import escape
from ..core.model import Value

_TYPES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "link",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFBLK: "block device",
    stat.S_IFCHR: "character device",
}
_EXTENDED = {"security.capability": "capabilities", "system.posix_acl_access": "acl"}
_DEFAULT_ACL = "system.posix_acl_default"
_DEFAULT = "default:"
"""Before the access list that what is made in a directory inherits, behind its own if there is one."""


def metadata(found: os.stat_result) -> Value:
    """``type mode uid gid``, and ``rdev`` (``major:minor``) of a device; the mode in octal text such as ``4755``."""
    kind = stat.S_IFMT(found.st_mode)
    value: Value = {"type": _TYPES.get(kind, f"{kind:o}"), "uid": found.st_uid, "gid": found.st_gid}
    if kind != stat.S_IFLNK:
        value["mode"] = format(stat.S_IMODE(found.st_mode), "04o")
    if kind in (stat.S_IFBLK, stat.S_IFCHR):
        value["rdev"] = f"{os.major(found.st_rdev)}:{os.minor(found.st_rdev)}"
    return value


def extended(place: Union[int, bytes]) -> Dict[str, str]:
    """``capabilities`` and ``acl`` of an open file or of a path, as hex text, each only if there.

    A link is not followed; a file system without extended attributes has none. Raises OSError.
    """
    follow = isinstance(place, int)
    try:
        names = os.listxattr(place, follow_symlinks=follow)
        found = {
            field: os.getxattr(place, name, follow_symlinks=follow).hex()
            for name, field in _EXTENDED.items()
            if name in names
        }
        if _DEFAULT_ACL in names:
            inherited = os.getxattr(place, _DEFAULT_ACL, follow_symlinks=follow).hex()
            found["acl"] = f"{found.get('acl', '')} {_DEFAULT}{inherited}".lstrip()
        return found
    except OSError as exc:
        if exc.errno in (errno.ENOTSUP, errno.ENODATA):
            return {}
        raise


def link_target(name: bytes, descriptor: Optional[int]) -> str:
    """Where a link points, as printable text. Raises OSError."""
    return escape(os.readlink(name, dir_fd=descriptor))
