# SPDX-License-Identifier: GPL-3.0-or-later
"""sshd's messages from a text log by inode and offset, through rotation by rename and by copy and truncate.

Any local user can have a line written here under sshd's name (logger(1)), so nothing from it is trusted.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, BinaryIO, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

from ..errors import CollectError
from ..host import Host
from .blocks import LONGEST_LINE, raw_lines
from .lines import split
from .source import Record
from .times import to_epoch

BYTES = 64 * 1024 * 1024
"""Most bytes of one pass, about a million lines."""
_MARK = 1024
_PACKED = (".gz", ".xz", ".bz2", ".zst")


@dataclass(frozen=True)
class _Part:
    """A stretch of one file still to be read."""

    path: str
    offset: int
    last: bool
    """The log itself: it may end in half a line, a rotated one may not."""


class TextSource:
    """One pass over a text log; see ``source.Source``.

    ``position``: device, inode, offset, size (at the last look), mark (digest of the 1 KiB before offset).
    """

    def __init__(self, host: Host, path: str, position: Mapping[str, Any], *, now: int, limit: int = BYTES) -> None:
        """Go on after ``position``, or begin with the newest rotated file when it is empty.

        Raises CollectError when ``path`` (as seen inside the host's root) is not a readable regular file.
        """
        self.name = path
        self.position: Dict[str, Any] = dict(position)
        self.missing: Optional[str] = None
        self.more = False
        self._path = os.fsdecode(host.locate(os.fsencode(path)))
        self._now, self._limit = now, limit
        _open(self._path).close()

    def close(self) -> None:
        """Nothing stays open between two lines; for the sake of ``source.Source``."""

    def __iter__(self) -> Iterator[Record]:
        left = self._limit
        for part in self._parts():
            with _open(part.path) as handle:
                end, whole = _end(handle, part, left)
                handle.seek(part.offset)
                yield from self._records(_reader(handle, end - part.offset))
                self._keep(handle, end, whole=whole)
            left -= end - part.offset
            if not whole:
                self.more = True
                return

    def _records(self, read: Callable[[int], bytes]) -> Iterator[Record]:
        for raw in raw_lines(read):
            line = None if raw is None else split(raw)
            if line is None or line.message is None:
                continue
            time = to_epoch(line.time, self._now)
            # A time that is none cannot be placed; the message still counts, at the time it was read.
            yield Record(self._now if time is None else time, line.identifier, line.pid or 0, line.message, False)

    def _keep(self, handle: BinaryIO, offset: int, *, whole: bool) -> None:
        found = os.fstat(handle.fileno())
        self.position = {
            "device": found.st_dev,
            "inode": found.st_ino,
            "offset": offset,
            # What is left for the next pass must not look like a log at rest.
            "size": found.st_size if whole else -2,
            "mark": _mark(handle, offset),
        }

    def _parts(self) -> List[_Part]:
        rotated = self._rotated()
        if not self.position:
            return [_Part(path, 0, False) for path in rotated[-1:]] + [_Part(self._path, 0, True)]
        if self._goes_on(self._path, same_file=True):
            return [_Part(self._path, self.position["offset"], True)]
        found = next((path for path in rotated if self._goes_on(path, same_file=True)), None) or next(
            (path for path in rotated if self._goes_on(path, same_file=False)), None
        )
        if found is None:
            self.missing = self._why()
            return [_Part(self._path, 0, True)]
        newer = rotated[rotated.index(found) + 1 :]
        parts = [_Part(found, self.position["offset"], False)] + [_Part(path, 0, False) for path in newer]
        return [*parts, _Part(self._path, 0, True)]

    def _rotated(self) -> List[str]:
        """Rotated files that can be read as they are, oldest first: ``auth.log.1``, ``secure-20261122``."""
        directory, name = os.path.split(self._path)
        found: List[Tuple[int, str]] = []
        for entry in os.scandir(directory):
            if entry.name.startswith((name + ".", name + "-")) and not entry.name.endswith(_PACKED):
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode):
                    found.append((status.st_mtime_ns, entry.path))
        return [path for _, path in sorted(found)]

    def _goes_on(self, path: str, *, same_file: bool) -> bool:
        """Whether ``path`` holds what was read, up to where it was read: the same file, or a copy of it."""
        try:
            handle = _open(path)
        except CollectError:
            return False
        with handle:
            status = os.fstat(handle.fileno())
            same = (status.st_dev, status.st_ino) == (self.position["device"], self.position["inode"])
            offset = self.position["offset"]
            # An empty stretch is in every file, so it proves no copy.
            if (same_file and not same) or (not same_file and not offset) or status.st_size < offset:
                return False
            return bool(_mark(handle, offset) == self.position["mark"])

    def _why(self) -> str:
        status = os.stat(self._path)
        if (status.st_dev, status.st_ino) != (self.position["device"], self.position["inode"]):
            return f"{self.name} was replaced, and what was read before is in no rotated file beside it"
        if status.st_size < self.position["offset"]:
            return f"{self.name} was cut to {status.st_size} bytes without a copy beside it"
        return f"{self.name} was rewritten in place"


def _open(path: str) -> BinaryIO:
    """A regular file for reading. Raises CollectError, never waits for a FIFO."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as exc:
        raise CollectError(f"cannot read {path}: {exc.strerror}") from exc
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise CollectError(f"cannot read {path}: not a regular file")
    return open(descriptor, "rb", buffering=0)


def _mark(handle: BinaryIO, offset: int) -> str:
    """Digest of the 1 KiB before ``offset``: the same inode with other content is another log."""
    start = max(0, offset - _MARK)
    handle.seek(start)
    return sha256(handle.read(offset - start)).hexdigest()


def _end(handle: BinaryIO, part: _Part, left: int) -> Tuple[int, bool]:
    """Where to stop reading, and whether that is all of the file; half a line is left for the next pass."""
    size = os.fstat(handle.fileno()).st_size
    end = min(size, part.offset + left)
    if end == size and not part.last:
        return end, True
    start = max(part.offset, end - LONGEST_LINE)
    handle.seek(start)
    newline = handle.read(end - start).rfind(b"\n")
    if newline < 0:
        # Nothing whole yet, unless this can be no line of sshd's any more.
        return (end if end - part.offset > LONGEST_LINE else part.offset), end == size
    return start + newline + 1, end == size


def _reader(handle: BinaryIO, left: int) -> Callable[[int], bytes]:
    """A ``read`` that ends after ``left`` bytes."""

    def read(size: int) -> bytes:
        nonlocal left
        data = handle.read(min(size, left))
        left -= len(data)
        return data

    return read
