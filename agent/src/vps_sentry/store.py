# SPDX-License-Identifier: GPL-3.0-or-later
"""The state directory: one lock, atomic and durable writes, strict reads (docs/contracts.md section 6)."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import grp
import json
import os
import stat
import time
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Iterable, Iterator, List, Optional

from .core import canonical
from .errors import BusyError, SentryError, StoreError
from .tick import plain

DEFAULT_PATH = "/var/lib/vps-sentry"
FORMAT = 1
"""Of the state as a whole, in the file ``format``; an installer reads this line. A higher one is never touched."""
LOCK_WAIT_SECONDS = 30
BUSY = "busy"
WINDOW = "window.json"
"""The maintenance window, while there is one."""
RUNNING = "running"
_PRIVATE = ("history", "plans", "snapshot", "stamps", "test", "damaged")
_SHARED = (("outbox", 0o2750), ("acks", 0o770))
"""Shared with the user that ships, where there is one; root's alone elsewhere."""
SHIP_GROUP = "vps-sentry-ship"
_LOCK_POLL_SECONDS = 0.1


class Store:
    """Files below ``path`` by their relative name. Every write is whole or did not happen."""

    def __init__(self, path: str = DEFAULT_PATH) -> None:
        self.path = Path(path)

    def prepare(self) -> None:
        """Create what is missing of the layout; never loosens or tightens what the installer made.

        Raises StoreError, nothing touched, when a newer release wrote it.
        """
        self._refuse_newer()
        try:
            self.path.mkdir(mode=0o711, parents=True, exist_ok=True)
            for name in _PRIVATE:
                (self.path / name).mkdir(mode=0o700, exist_ok=True)
            for name, mode in _SHARED:
                if not (self.path / name).is_dir():
                    _share(self.path / name, mode)
            public = self.path / "public"
            if not public.is_dir():
                public.mkdir(mode=0o755)
                public.chmod(0o755)
            if not (self.path / "format").exists():
                self.write("format", b"%d\n" % FORMAT)
        except OSError as exc:
            raise StoreError(f"cannot prepare {self.path}: {exc.strerror}; run as root or give --state-dir") from exc

    def _refuse_newer(self) -> None:
        found = (self.read("format") or b"%d" % FORMAT).strip()
        if not found.isdigit() or int(found) > FORMAT:
            raise StoreError(
                f"{self.path} was written by a newer release (format {found[:9]!r}, this one knows {FORMAT}); "
                "install that newer release again, or move the state away to begin anew"
            )

    @contextlib.contextmanager
    def lock(self, *, wait: float = LOCK_WAIT_SECONDS) -> Iterator[None]:
        """Hold the one lock. Raises BusyError naming the holder's pid after ``wait`` seconds."""
        with self._lock_file() as handle:
            _acquire(handle.fileno(), self.path, wait)
            # The name of the holder is a courtesy; on a full disk the lock holds without it.
            with contextlib.suppress(OSError):
                os.ftruncate(handle.fileno(), 0)
                os.write(handle.fileno(), b"%d\n" % os.getpid())
            yield

    def read(self, name: str) -> Optional[bytes]:
        """Content of a file, None when it does not exist. Raises StoreError when it cannot be read.

        What is no regular file (a FIFO) is not waited for, and cannot be read.
        """
        try:
            return plain.read(str(self.path / name))
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise StoreError(f"cannot read {self.path / name}: {_reason(exc)}") from exc

    def glance(self, name: str) -> bytes:
        """Content of a file that only saves work or counts; empty where there is none or it cannot be read."""
        try:
            return self.read(name) or b""
        except StoreError:
            return b""

    def read_json(self, name: str) -> Any:
        """Parsed content, None when the file does not exist. Raises StoreError when it is damaged."""
        data = self.read(name)
        if data is None:
            return None
        try:
            return canonical.loads(data)
        except canonical.CanonicalError as exc:
            raise StoreError(f"{self.path / name} is damaged: {exc}") from exc

    def write(self, name: str, data: bytes, *, mode: int = 0o600) -> None:
        """Replace a file atomically and durably. Raises StoreError; the old content then still stands."""
        self.write_pieces(name, (data,), mode=mode)

    def write_pieces(self, name: str, pieces: Iterable[bytes], *, mode: int = 0o600) -> None:
        """Like ``write``, for a content that need not be in memory as a whole."""
        target = self.path / name
        temporary = target.with_name(f".{target.name}.new")
        try:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
            with open(descriptor, "wb") as handle:
                os.fchmod(descriptor, mode)
                handle.writelines(pieces)
                handle.flush()
                os.fsync(descriptor)
            os.replace(temporary, target)
            _sync_directory(target.parent)
        except OSError as exc:
            with contextlib.suppress(OSError):
                temporary.unlink()
            full = "; make room on that file system" if exc.errno in (errno.ENOSPC, errno.EDQUOT) else ""
            raise StoreError(f"cannot write {target}: {exc.strerror}; the old file still stands{full}") from exc

    def write_json(self, name: str, value: Any, *, mode: int = 0o600) -> None:
        """Replace a file with the canonical JSON of ``value``."""
        self.write_pieces(name, chain(canonical.pieces(value), (b"\n",)), mode=mode)

    def read_document(self, name: str) -> Any:
        """Like ``read_json`` for a file of ``write_document``."""
        try:
            data = self.read(name)
            return None if data is None else json.loads(data)
        except (ValueError, RecursionError) as exc:
            raise StoreError(f"{self.path / name} is damaged: {exc}; run vps-sentry to write it anew") from exc

    def write_document(self, name: str, value: Any, *, mode: int = 0o600) -> None:
        """Replace a file with JSON made to be read by other programs: fractions allowed, nothing digests it."""
        self.write(name, json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii") + b"\n", mode=mode)

    def remove(self, name: str) -> None:
        """Remove a file; one that is not there, or is none, is left alone."""
        with self._told("remove", name), contextlib.suppress(FileNotFoundError, IsADirectoryError, PermissionError):
            (self.path / name).unlink()

    def clear(self) -> List[str]:
        """Remove everything but the folders of the layout and the lock; what was removed, by name, sorted."""
        # Imported here: no tick clears anything.
        import shutil

        kept = {"public", *_PRIVATE, *(name for name, _ in _SHARED)}
        found: List[Path] = []
        with self._told("clear", ""):
            for path in self.path.iterdir() if self.path.is_dir() else ():
                folder = path.name in kept and not path.is_symlink()
                found += path.iterdir() if folder else [path] * (path.name != "lock")
            for path in found:
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()
        return sorted(str(path.relative_to(self.path)) for path in found)

    def set_aside(self, name: str) -> None:
        """Move a damaged file, if it is there, to ``damaged/`` so that nothing is lost."""
        kept = self.path / "damaged" / f"{name.replace('/', '-')}-{time.time_ns()}"
        with self._told("keep aside", name), contextlib.suppress(FileNotFoundError):
            os.replace(self.path / name, kept)

    def read_foreign(self, name: str, *, limit: int) -> bytes:
        """Content of a file another user could have written: a regular file of at most ``limit`` bytes.

        Raises StoreError for anything else; never follows a link, never waits for a writer.
        """
        try:
            descriptor = os.open(self.path / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                data = os.read(descriptor, limit + 1) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
            finally:
                os.close(descriptor)
        except OSError as exc:
            raise StoreError(f"cannot read {self.path / name}: {_reason(exc)}") from exc
        if data is None or len(data) > limit:
            raise StoreError(f"{self.path / name} is no regular file of at most {limit} bytes")
        return data

    @contextlib.contextmanager
    def running(self) -> Iterator[int]:
        """Mark a run for its time, and yield when the one before began if it never ended, else 0.

        What is killed leaves its mark, and so does what ends by a defect; an error that a run says itself is an end.
        """
        with self._told("write", RUNNING):
            path = self.path / RUNNING
            began = int(path.lstat().st_mtime) if os.path.lexists(path) else 0
            path.unlink(missing_ok=True)
            with open(path, "xb", opener=_private) as handle:
                handle.write(b"%d\n" % os.getpid())
        try:
            yield began
        except (SentryError, KeyboardInterrupt):
            self.remove(RUNNING)
            raise
        self.remove(RUNNING)

    def count_busy(self) -> None:
        """Note, without the lock, that a scheduled run found it taken."""
        with self._told("write", BUSY), open(self.path / BUSY, "ab", opener=_private) as handle:
            handle.write(b".")

    def busy(self) -> int:
        """How many scheduled runs in a row found the lock taken."""
        return len(self.glance(BUSY))

    def names(self, folder: str) -> List[str]:
        """The finished files of a folder, sorted."""
        try:
            return sorted(name for name in os.listdir(self.path / folder) if not name.startswith("."))
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise StoreError(f"cannot list {self.path / folder}: {_reason(exc)}") from exc

    def _lock_file(self) -> BinaryIO:
        with self._told("open", "lock"):
            return open(self.path / "lock", "a+b", opener=_private)

    @contextlib.contextmanager
    def _told(self, verb: str, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            raise StoreError(f"cannot {verb} {self.path / name}: {_reason(exc)}") from exc


def _private(path: str, flags: int) -> int:
    """To write, for root alone, without waiting for whoever reads a FIFO."""
    return os.open(path, flags | os.O_NONBLOCK, 0o600)


def _share(path: Path, mode: int) -> None:
    path.mkdir(mode=0o700)
    # Inside the agent's own unit neither is allowed; there the installer has made these folders before.
    with contextlib.suppress(KeyError, PermissionError):
        os.chown(path, 0, grp.getgrnam(SHIP_GROUP).gr_gid)
        path.chmod(mode)


def _reason(error: OSError) -> str:
    """The error in words; a missing permission and a full disk come with their remedy."""
    remedy = "; run as root" if isinstance(error, PermissionError) else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        remedy = "; make room on that file system"
    return f"{error.strerror}{remedy}"


def _acquire(descriptor: int, path: Path, wait: float) -> None:
    deadline = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as exc:
            if exc.errno not in (errno.EAGAIN, errno.EACCES):
                raise StoreError(f"cannot lock {path}: {exc.strerror}") from exc
        if time.monotonic() >= deadline:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            raise BusyError(f"{path} is in use by process {holder}; wait for it to end and run again")
        time.sleep(_LOCK_POLL_SECONDS)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
