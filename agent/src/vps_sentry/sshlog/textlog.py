# SPDX-License-Identifier: GPL-3.0-or-later
"""sshd's messages from a text log by inode and offset, through rotation by rename and by copy and truncate.

Any local user can have a line written here under sshd's name (logger(1)), so nothing from it is trusted.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import IO, Any, Dict, Iterator, List, Mapping, Optional, Tuple

from ..errors import CollectError
from ..host import Host
from . import logfiles
from .blocks import LONGEST_LINE, raw_lines
from .lines import split
from .logfiles import PACKED, Stretch, opened
from .source import Record
from .times import Clock, to_epoch

BYTES = 64 * 1024 * 1024
"""Most bytes of one pass, about a million lines."""
_PACKED_TRIED = 4
"""So many packed files, the newest, are searched for the place where reading stopped."""


@dataclass(frozen=True)
class _Part:
    """A stretch of one file still to be read."""

    path: str
    offset: int
    last: bool
    """The log itself: it may end in half a line, a rotated one may not."""


class TextSource:
    """One pass over a text log; see ``source.Source``.

    ``position``: device, inode, offset, size (at the last look), mark (digest of the 1 KiB before offset), checked
    (seconds, last look that read everything).
    """

    def __init__(self, host: Host, path: str, position: Mapping[str, Any], *, now: int, limit: int = BYTES) -> None:
        """Go on after ``position``, or begin with the newest rotated file when it is empty.

        Raises CollectError when ``path`` (as seen inside the host's root) is not a readable regular file.
        """
        self.name = path
        self.position: Dict[str, Any] = dict(position)
        self.missing: Optional[str] = None
        self.gaps: Dict[str, str] = {}
        self.more = False
        self._path = os.fsdecode(host.locate(os.fsencode(path)))
        self._now, self._limit = now, limit
        with opened(self._path):
            pass

    def close(self) -> None:
        """Nothing stays open between two lines; for the sake of ``source.Source``."""

    def __iter__(self) -> Iterator[Record]:
        left, zeros = self._limit, 0
        parts = self._parts()
        # What follows a line read before was written after that look, whatever it says of its time.
        clock = Clock(0 if self.missing else self.position.get("checked", 0), self._now)
        for part in parts:
            try:
                with opened(part.path) as handle:
                    end, whole = _end(handle, part, left)
                    stretch = Stretch(handle, part.offset, end)
                    yield from self._records(stretch, clock)
                    self._keep(handle, end, part=part, whole=whole)
            except CollectError as exc:
                if part.last:
                    raise
                self.gaps["rotated"] = str(exc)
                continue
            zeros += stretch.zeros
            left -= end - part.offset
            if not whole:
                self.more = True
                break
        self.gaps.update(clock.gaps())
        if zeros:
            self.gaps["zeros"] = f"{zeros} zero bytes stand in {self.name} where lines should be"

    def _records(self, stretch: Stretch, clock: Clock) -> Iterator[Record]:
        for raw in raw_lines(stretch.read):
            line = None if raw is None else split(raw)
            if line is None or line.message is None:
                continue
            time = to_epoch(line.time, self._now)
            # A time that is none cannot be placed; the message still counts, at the time it was read.
            placed = self._now if time is None else clock.place(time)
            yield Record(placed, line.identifier, line.pid or 0, line.message, False)

    def _keep(self, handle: IO[bytes], offset: int, *, part: _Part, whole: bool) -> None:
        found = os.fstat(handle.fileno())
        self.position = {
            "device": found.st_dev,
            "inode": found.st_ino,
            "offset": offset,
            # What is left for the next pass must not look like a log at rest.
            "size": found.st_size if whole and part.last else -2,
            "mark": logfiles.mark(handle, offset),
            "checked": self._now if whole and part.last else self.position.get("checked", 0),
        }

    def _parts(self) -> List[_Part]:
        rotated = logfiles.rotated(self._path)
        if not self.position:
            return [_Part(path, 0, False) for path in rotated[-1:]] + [_Part(self._path, 0, True)]
        if self._goes_on(self._path, same_file=True):
            return [_Part(self._path, self.position["offset"], True)]
        found = self._find(rotated)
        if found is None:
            self.missing = self._why()
            return [_Part(self._path, 0, True)]
        newer = rotated[rotated.index(found) + 1 :]
        parts = [_Part(found, self.position["offset"], False)] + [_Part(path, 0, False) for path in newer]
        return [*parts, _Part(self._path, 0, True)]

    def _find(self, rotated: List[str]) -> Optional[str]:
        """The rotated file in which reading stopped: the very file, a copy of it, or either packed."""
        plain = [path for path in rotated if not path.endswith(PACKED)]
        packed = [path for path in rotated if path.endswith(PACKED)]
        tries = [(path, True) for path in plain] + [(path, False) for path in plain]
        tries += [(path, False) for path in reversed(packed[-_PACKED_TRIED:])]
        return next((path for path, same_file in tries if self._goes_on(path, same_file=same_file)), None)

    def _goes_on(self, path: str, *, same_file: bool) -> bool:
        """Whether ``path`` holds what was read, up to where it was read: the same file, or a copy of it."""
        offset = self.position["offset"]
        try:
            with opened(path) as handle:
                status = os.fstat(handle.fileno())
                same = (status.st_dev, status.st_ino) == (self.position["device"], self.position["inode"])
                # An empty stretch is in every file, so it proves no copy.
                if (same_file and not same) or (not same_file and not offset) or logfiles.size(handle) < offset:
                    return False
                return bool(logfiles.mark(handle, offset) == self.position["mark"])
        except CollectError:
            return False

    def _why(self) -> str:
        status = os.stat(self._path)
        if (status.st_dev, status.st_ino) != (self.position["device"], self.position["inode"]):
            return f"{self.name} was replaced, and what was read before is in no rotated file beside it"
        if status.st_size < self.position["offset"]:
            return f"{self.name} was cut to {status.st_size} bytes without a copy beside it"
        return f"{self.name} was rewritten in place"


def _end(handle: IO[bytes], part: _Part, left: int) -> Tuple[int, bool]:
    """Where to stop reading, and whether that is all of the file; half a line is left for the next pass."""
    size = logfiles.size(handle)
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
