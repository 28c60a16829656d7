# SPDX-License-Identifier: GPL-3.0-or-later
"""sshd's messages from the systemd journal, read in this process.

What can be trusted here is what journald itself adds (systemd.journal-fields(7)): the sender's uid and the
transport. ``_COMM``, ``_EXE`` and ``_SYSTEMD_UNIT`` are often absent, exactly for short-lived sessions.
"""

from __future__ import annotations

import contextlib
import os
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

from ..errors import CollectError
from ..tick.journal import OR, Journal, readable
from .lines import IDENTIFIERS
from .source import DROPPED, Record
from .times import Clock

ENTRIES = 200_000
"""Most entries of one pass, about one second of CPU."""
_SAID_BY_JOURNALD = b"Suppressed "
_PLACES = ("/var/log/journal", "/run/log/journal")
_DROPPED_ID = "a596d6fe7bfa4994828e72309e95d61e"  # SD_MESSAGE_JOURNAL_DROPPED of sd-messages.h
_MICRO = 1_000_000


def matches(machine_id: str) -> Tuple[str, ...]:
    """sshd's entries of this machine that no unprivileged sender can forge, and journald's about dropping some."""
    own = (f"_MACHINE_ID={machine_id}",) if machine_id else ()
    sshd = tuple(f"SYSLOG_IDENTIFIER={name}" for name in IDENTIFIERS)
    return (
        *sshd, "_UID=0", "_TRANSPORT=syslog", *own,
        OR, "_TRANSPORT=driver", f"MESSAGE_ID={_DROPPED_ID}", *own,
    )  # fmt: skip


class JournalSource:
    """One pass over the journal; see ``source.Source``.

    ``position``: cursor, last (microseconds, time of the cursor's entry), checked (seconds, last look), unread
    (bytes of journal files that could not be read then).
    """

    name = "journal"

    def __init__(
        self, position: Mapping[str, Any], now: int, *, since: int, machine_id: str = "", directory: str = ""
    ) -> None:
        """Go on after ``position``, or begin at ``since`` (seconds since the epoch) when it is empty.

        Raises CollectError when there is no journal that can be read here. ``directory`` is for a journal that
        is not this system's.
        """
        try:
            self._journal = Journal(directory)
        except (OSError, AttributeError) as exc:
            raise CollectError(f"cannot open the journal: {exc}") from exc
        self.position: Dict[str, Any] = {"cursor": "", "last": 0, "checked": 0, "unread": 0, **position}
        self.missing: Optional[str] = None
        self.gaps: Dict[str, str] = {}
        self.more = False
        self._now, self._since = now, since
        self._machine_id, self._directory = machine_id, directory
        self._found = False
        self._damaged = self._newest = 0
        self._containers: Tuple[bytes, ...] = ()
        try:
            if not readable(self._journal):
                raise CollectError("the journal holds no entry that can be read here")
            self._oldest = self._journal.realtime()
            self.newest = self._tail() // _MICRO
            """Time of the newest entry of any program, seconds since the epoch."""
        except (OSError, CollectError) as exc:
            self.close()
            raise CollectError(str(exc)) from exc

    def close(self) -> None:
        """Give the journal's files back; a second call does nothing."""
        if self._journal.handle:
            self._journal.close()
            self._journal.handle = None

    def __iter__(self) -> Iterator[Record]:
        try:
            # No field name of a container in the whole journal spares asking every entry for it.
            self._containers = tuple(name for name in self._journal.fields() if name.startswith(b"CONTAINER_"))
            self._journal.match(matches(self._machine_id))
            self._seek()
            # What follows an entry read before was written after that look, whatever the clock said.
            clock = Clock(self.position["checked"] if self._found else 0, self._now)
            yield from self._entries(clock)
            self.gaps.update(clock.gaps())
            self._look_for_damage()
            if not self.more:
                self.position["checked"] = self._now
        except OSError as exc:
            raise CollectError(f"cannot read the journal: {exc}") from exc
        finally:
            self.close()

    def _seek(self) -> None:
        cursor, last = self.position["cursor"], self.position["last"]
        self._found = bool(cursor) and self._journal.seek_after(cursor)
        if self._found:
            return
        start = max(last + 1, self._since * _MICRO)
        if cursor:
            self._say_what_is_lost(cursor, last)
            if self._tail() < last:
                # Whatever came since bears a time before the last look's.
                self.gaps["clock"] = "the clock was set back, and the entry read last is gone; entries may count twice"
                start = self._since * _MICRO
        self._journal.call("seek_realtime_usec", self._journal.handle, start)

    def _say_what_is_lost(self, cursor: str, last: int) -> None:
        # Old files go when the journal is full; that is a loss only if something younger than our last look went.
        if self._oldest // _MICRO > self.position["checked"]:
            if not self._volatile_reboot(cursor):
                self.missing = "the journal no longer reaches back to the last look"
        elif self._oldest <= last:
            # Files go from the oldest on, so this was none of a full journal's.
            self.gaps["cursor"] = "the entry read last is gone from the journal, though older ones are there"

    def _tail(self) -> int:
        """Time of the newest entry that matches, in microseconds, 0 when there is none."""
        self._journal.call("seek_tail", self._journal.handle)
        return self._journal.realtime() if self._journal.call("previous", self._journal.handle) > 0 else 0

    def _volatile_reboot(self, cursor: str) -> bool:
        """Whether the journal lives in memory only and the machine was booted since: then it had to go."""
        if self._directory or self._journal.call("has_persistent_files", self._journal.handle):
            return False
        try:
            with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as handle:
                boot = handle.read().strip().replace("-", "")
        except OSError:
            return False
        return f"b={boot};" not in cursor

    def _entries(self, clock: Clock) -> Iterator[Record]:
        journal, seen = self._journal, 0
        while journal.next():
            if seen == ENTRIES:
                # The cursor stays on the last entry handed out, so the next pass begins with this one.
                journal.call("previous", journal.handle)
                self.more = True
                break
            seen += 1
            try:
                self._newest = journal.realtime()
                record = self._record(clock.place(self._newest // _MICRO))
            except OSError:
                self._damaged += 1
                continue
            if record is not None:
                yield record
        if seen:
            self._stand()
        elif not self._found:
            self._settle()

    def _stand(self) -> None:
        """Remember the entry handed out last; by its time alone where its file turned out to be damaged behind it."""
        self.position["last"] = self._newest
        try:
            self.position["cursor"] = self._cursor()
        except OSError:
            self.position["cursor"] = ""

    def _settle(self) -> None:
        """Nothing to read: stand on the newest older entry, so that the stamp has a place to look from."""
        found = self._tail()
        # An entry before the last one read is no place to go on from: what follows it was read already.
        self.position["cursor"] = self._cursor() if found and found >= self.position["last"] else ""
        self.position["last"] = max(found, self.position["last"])

    def _record(self, time: int) -> Optional[Record]:
        journal = self._journal
        if self._containers and any(journal.field(name) is not None for name in self._containers):
            return None
        message = journal.field(b"MESSAGE")
        if message is None:
            return None
        identifier = IDENTIFIERS[0]
        if message.startswith(_SAID_BY_JOURNALD) and journal.field(b"_TRANSPORT") == b"driver":
            identifier = DROPPED
        pid = journal.field(b"SYSLOG_PID") or journal.field(b"_PID") or b""
        return Record(time, identifier, int(pid) if pid.isdigit() and len(pid) < 11 else 0, message, True)

    def _look_for_damage(self) -> None:
        """libsystemd passes over a file it cannot read without a word; what it holds of the files tells."""
        unread = min(self._listed() - self._journal.usage() for _ in range(3))
        if self._damaged or (unread > 0 and unread != self.position["unread"]):
            entries = f", {self._damaged} entries of others" if self._damaged else ""
            self.gaps["damaged"] = f"{max(unread, 0) // 1024} KiB of journal files{entries} cannot be read (damaged?)"
        self.position["unread"] = max(unread, 0)

    def _listed(self) -> int:
        """Bytes on disk of the files that libsystemd should have read."""
        if self._directory:
            return _allocated(self._directory, "")
        return sum(_allocated(f"{place}/{self._machine_id}", "system") for place in _PLACES)

    def _cursor(self) -> str:
        return self._journal.cursor().decode("ascii", "replace")


def _allocated(directory: str, opening: str) -> int:
    found = 0
    with contextlib.suppress(FileNotFoundError), os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.startswith(opening) and entry.name.endswith((".journal", ".journal~")):
                # Gone between listing and looking: vacuumed.
                with contextlib.suppress(FileNotFoundError):
                    found += entry.stat().st_blocks * 512
    return found
