# SPDX-License-Identifier: GPL-3.0-or-later
"""The only door to the machine: files below ``--root``, identity, the live system."""

from __future__ import annotations

import errno
import os
import stat
from hashlib import sha256
from typing import List, Optional, Tuple

from .core.canonical import escape
from .errors import CollectError

READ_LIMIT = 16 * 1024 * 1024
COMMAND_OUTPUT = 64 * 1024
_MAX_LINKS = 40


def open_regular(path: bytes, *, directory: Optional[int] = None, flags: int = 0) -> int:
    """A descriptor to read a regular file. Raises OSError, EINVAL for anything else, which is never opened.

    Opening a FIFO or a device is itself an act that others notice, so the place is looked at first.
    """
    place = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    try:
        if not stat.S_ISREG(os.fstat(place).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        return os.open(f"/proc/self/fd/{place}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags)
    finally:
        os.close(place)


class Host:
    """A machine seen from ``root``: ``/`` is this one, anything else a mounted disk.

    Links are resolved inside ``root``, nothing but regular files is ever opened for reading.
    """

    def __init__(self, root: str = "/") -> None:
        self.root = os.path.abspath(root)

    @property
    def live(self) -> bool:
        """Whether this is the running system and not a mounted disk."""
        return self.root == "/"

    def locate(self, path: bytes) -> bytes:
        """Where ``path`` (absolute, as seen inside ``root``) really lies, links resolved inside ``root``.

        The last component is not resolved. Raises OSError (ELOOP) after 40 links.
        """
        root = os.fsencode(self.root)
        parts = [part for part in path.split(b"/") if part not in (b"", b".")]
        done: List[bytes] = []
        links = 0
        while parts:
            part = parts.pop(0)
            if part == b"..":
                done = done[:-1]
                continue
            here = os.path.join(root, *done, part)
            if parts and stat.S_ISLNK(_mode(here)):
                links += 1
                if links > _MAX_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), os.fsdecode(path))
                target = os.readlink(here)
                if target.startswith(b"/"):
                    done = []
                parts = [entry for entry in target.split(b"/") if entry not in (b"", b".")] + parts
                continue
            done.append(part)
        return os.path.join(root, *done)

    def read(self, path: str, *, limit: int = READ_LIMIT) -> bytes:
        """Content of a regular file, the last link followed inside ``root``.

        Raises CollectError when it is missing, unreadable, not a regular file or larger than ``limit`` bytes.
        """
        try:
            descriptor = open_regular(self._follow(os.fsencode(path)))
        except OSError as exc:
            raise CollectError(f"cannot read {path}: {exc.strerror}") from exc
        try:
            with open(descriptor, "rb", closefd=False) as handle:
                data = handle.read(limit + 1)
        except OSError as exc:
            raise CollectError(f"cannot read {path}: {exc.strerror}") from exc
        finally:
            os.close(descriptor)
        if len(data) > limit:
            raise CollectError(f"cannot read {path}: larger than {limit} bytes")
        return data

    def _follow(self, path: bytes) -> bytes:
        for _ in range(_MAX_LINKS):
            place = self.locate(path)
            if not stat.S_ISLNK(_mode(place)):
                return place
            path = os.path.join(os.path.dirname(path), os.readlink(place))
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), os.fsdecode(path))

    def command(self, argv: List[str], *, seconds: float = 20.0, given: bytes = b"") -> Tuple[int, str]:
        """Exit code of a program of the live system and the first 64 KiB of what it said, both streams.

        ``given`` is its standard input.

        The program is named without a path and found in root's own places only; 127 when it is missing, 124 when
        it takes longer than ``seconds``.
        """
        if not self.live:
            raise CollectError(f"{argv[0]} is not run for a mounted disk")
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
        # Imported here: no tick starts a program.
        import subprocess

        try:
            done = subprocess.run(
                argv,
                input=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment,
                timeout=seconds,
                check=False,
            )
        except FileNotFoundError:
            return 127, f"{argv[0]} is not installed"
        except subprocess.TimeoutExpired:
            return 124, f"{argv[0]} took longer than {seconds:g} s"
        return done.returncode, done.stdout[:COMMAND_OUTPUT].decode("utf-8", "replace")

    def name(self) -> str:
        """Host name: the kernel's on a live system, ``/etc/hostname`` elsewhere, its place where there is none."""
        if self.live:
            return os.uname().nodename
        try:
            return escape(self.read("/etc/hostname", limit=256).strip())
        except CollectError:
            return escape(os.fsencode(self.root))

    def machine_id(self) -> str:
        """The machine-id(5); of a disk without one a digest of its place. Raises CollectError on a live system."""
        try:
            text = self.read("/etc/machine-id", limit=256).decode("ascii", "replace").strip()
        except CollectError:
            text = ""
        if len(text) == 32 and set(text) <= set("0123456789abcdef"):
            return text
        if not self.live:
            # An image before its first boot has none yet; its place stands in for it.
            return sha256(os.fsencode(self.root)).hexdigest()[:32]
        raise CollectError(
            "/etc/machine-id holds no machine id; make one with systemd-machine-id-setup, or install again"
        )

    def host_keys(self) -> Tuple[str, ...]:
        """The public SSH host keys as ``type base64``, sorted; empty when sshd is not installed."""
        # Asking for a name below resolves a link in the folder's own place too.
        place = os.path.dirname(self.locate(b"/etc/ssh/any"))
        try:
            names = sorted(
                name for name in os.listdir(place) if name.startswith(b"ssh_host_") and name.endswith(b".pub")
            )
        except OSError:
            return ()
        lines = (self.read(f"/etc/ssh/{os.fsdecode(name)}", limit=16384).split() for name in names)
        return tuple(sorted(" ".join(part.decode("ascii", "replace") for part in line[:2]) for line in lines))


def _mode(path: bytes) -> int:
    try:
        return os.lstat(path).st_mode
    except OSError:
        return 0
