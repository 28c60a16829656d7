# SPDX-License-Identifier: GPL-3.0-or-later
"""sshd's messages from the systemd journal, read in this process.

What can be trusted here is what journald itself adds (systemd.journal-fields(7)): the sender's uid and the
transport. ``_COMM``, ``_EXE`` and ``_SYSTEMD_UNIT`` are often absent, exactly for short-lived sessions.
"""

from __future__ import annotations

import ctypes
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

from ..errors import CollectError
from ..tick.journal import OR, Journal, readable
from .lines import IDENTIFIERS
from .source import DROPPED, Record

ENTRIES = 200_000
"""Most entries of one pass, about one second of CPU."""
_MESSAGE_LIMIT = 8192
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

    ``position``: cursor, last (microseconds, time of the cursor's entry), checked (seconds, last look).
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
        self.position: Dict[str, Any] = {"cursor": "", "last": 0, "checked": 0, **position}
        self.missing: Optional[str] = None
        self.more = False
        self.damaged = 0
        self._now, self._since = now, since
        self._machine_id, self._own = machine_id, not directory
        self._found = False
        try:
            if not readable(self._journal):
                raise CollectError("the journal holds no entry that can be read here")
            self._oldest = self._time() // _MICRO
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
            self._journal.match(matches(self._machine_id))
            self._seek()
            yield from self._entries()
            if not self.more:
                self.position["checked"] = self._now
        except OSError as exc:
            raise CollectError(f"cannot read the journal: {exc}") from exc
        finally:
            self.close()

    def _seek(self) -> None:
        cursor, last, checked = (self.position[name] for name in ("cursor", "last", "checked"))
        self._found = bool(cursor) and self._journal.seek_after(cursor)
        if self._found:
            return
        # Old files go when the journal is full; that is a loss only if something younger than our last look went.
        if cursor and self._oldest > checked and not self._volatile_reboot(cursor):
            self.missing = "the journal no longer reaches back to the last look"
        start = max(last + 1, self._since * _MICRO)
        self._journal.call("seek_realtime_usec", self._journal.handle, start)

    def _volatile_reboot(self, cursor: str) -> bool:
        """Whether the journal lives in memory only and the machine was booted since: then it had to go."""
        if not self._own or self._journal.call("has_persistent_files", self._journal.handle):
            return False
        try:
            with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as handle:
                boot = handle.read().strip().replace("-", "")
        except OSError:
            return False
        return f"b={boot};" not in cursor

    def _entries(self) -> Iterator[Record]:
        journal, seen = self._journal, 0
        while journal.call("next", journal.handle) > 0:
            if seen == ENTRIES:
                # The cursor stays on the last entry handed out, so the next pass begins with this one.
                journal.call("previous", journal.handle)
                self.more = True
                break
            seen += 1
            try:
                record = self._record()
            except OSError:
                self.damaged += 1
                continue
            if record is not None:
                yield record
        if seen:
            self.position["cursor"] = self._cursor()
            self.position["last"] = self._time()
        elif not self._found:
            self._settle()

    def _settle(self) -> None:
        """Nothing to read: stand on the newest older entry, so that the stamp has a place to look from."""
        journal = self._journal
        self.position["cursor"] = ""
        journal.call("seek_tail", journal.handle)
        if journal.call("previous", journal.handle) > 0:
            self.position["cursor"] = self._cursor()
            self.position["last"] = self._time()

    def _record(self) -> Optional[Record]:
        if self._field(b"CONTAINER_ID") is not None or self._field(b"CONTAINER_NAME") is not None:
            return None
        message = self._field(b"MESSAGE")
        if message is None:
            return None
        pid = self._field(b"SYSLOG_PID") or self._field(b"_PID") or b""
        identifier = (self._field(b"SYSLOG_IDENTIFIER") or b"").decode("ascii", "replace")
        if self._field(b"_TRANSPORT") == b"driver":
            identifier = DROPPED
        return Record(
            self._time() // _MICRO, identifier, int(pid) if pid.isdigit() and len(pid) < 11 else 0, message, True
        )

    def _field(self, name: bytes) -> Optional[bytes]:
        """The first value of a field, at most 8 KiB of it; None when the entry has none."""
        data, length = ctypes.c_void_p(), ctypes.c_size_t()
        try:
            self._journal.call("get_data", self._journal.handle, name, ctypes.addressof(data), ctypes.addressof(length))
        except FileNotFoundError:
            return None
        if not data.value:
            return None
        return ctypes.string_at(data.value, min(length.value, _MESSAGE_LIMIT))[len(name) + 1 :]

    def _time(self) -> int:
        """Microseconds since the epoch at which journald took the entry."""
        value = ctypes.c_uint64()
        self._journal.call("get_realtime_usec", self._journal.handle, ctypes.addressof(value))
        return value.value

    def _cursor(self) -> str:
        text = ctypes.c_char_p()
        self._journal.call("get_cursor", self._journal.handle, ctypes.addressof(text))
        found = (text.value or b"").decode("ascii", "replace")
        free = ctypes.CDLL(None).free
        free.argtypes = (ctypes.c_void_p,)
        free(text)
        return found
