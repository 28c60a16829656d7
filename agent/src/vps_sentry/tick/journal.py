# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal by way of libsystemd (sd-journal(3)), in this process: open, match, seek; and its stamp.

There is no cheaper look first: starting our own unit writes to the journal files before every tick.
"""

import errno
import posix

from .native import Function, Int, Library, Pointer, Size, Text, Wide, addressof, byref, bytes_at
from .rotation import files_after

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LOCAL_ONLY = 1
SYSTEM = 4
OR = "+"
"""Between two groups of matches, as on the command line of journalctl(1)."""
FIELD_LIMIT = 8192
"""Most bytes read of one field, its name included."""
_SIGNATURES = {
    "open": (Pointer, Int),
    "open_directory": (Pointer, Text, Int),
    "open_files": (Pointer, Pointer, Int),
    "add_match": (Pointer, Text, Size),
    "add_disjunction": (Pointer,),
    "flush_matches": (Pointer,),
    "seek_head": (Pointer,),
    "seek_tail": (Pointer,),
    "seek_cursor": (Pointer, Text),
    "seek_realtime_usec": (Pointer, Wide),
    "previous": (Pointer,),
    "test_cursor": (Pointer, Text),
    "get_cursor": (Pointer, Pointer),
    "has_persistent_files": (Pointer,),
    "set_data_threshold": (Pointer, Size),
    "get_usage": (Pointer, Pointer),
    "enumerate_fields": (Pointer, Pointer),
}


class Journal:
    """An open journal; every method raises OSError where libsystemd reports one."""

    def __init__(self, directory: str = "", *, files: "Sequence[str]" = ()) -> None:
        """This machine's system journal, or of it these ``files`` alone, or the files of one ``directory``."""
        self._library = Library("libsystemd.so.0")
        self._functions: dict[str, Function] = {}
        self._data, self._length = Pointer(), Size()
        handle = Pointer()
        if directory:
            self.call("open_directory", addressof(handle), directory.encode("utf-8", "surrogateescape"), 0)
        elif files:
            paths = (Text * (len(files) + 1))(*(file.encode("utf-8", "surrogateescape") for file in files))
            self.call("open_files", addressof(handle), addressof(paths), 0)
        else:
            self.call("open", addressof(handle), LOCAL_ONLY | SYSTEM)
        self.handle = handle.value
        self._get, self._next, self._when = map(self._quick, ("get_data", "next", "get_realtime_usec"))
        self._handle, self._where, self._size = handle, byref(self._data), byref(self._length)
        self._clock = Wide()
        self._moment = byref(self._clock)
        self.call("set_data_threshold", self.handle, FIELD_LIMIT)

    def call(self, name: str, *arguments: "int | bytes | None") -> int:
        """``sd_journal_NAME(arguments)``; its result when that is no error."""
        function = self._functions.get(name)
        if function is None:
            # Looking a function up costs more than most of them do.
            function = self._functions[name] = self._library.function("sd_journal_" + name, *_SIGNATURES[name])
        result: int = function(*arguments)
        if result < 0:
            raise OSError(-result, posix.strerror(-result), "sd_journal_" + name)
        return result

    def _quick(self, name: str) -> Function:
        """A function called for every entry: given what is C's already, it converts nothing."""
        function = self._library.function("sd_journal_" + name)
        del function.argtypes
        return function

    def next(self) -> bool:
        """Go to the next entry; False at the end."""
        result: int = self._next(self._handle)
        if result < 0:
            raise OSError(-result, posix.strerror(-result), "sd_journal_next")
        return result > 0

    def realtime(self) -> int:
        """Microseconds since the epoch at which journald took the present entry."""
        result = self._when(self._handle, self._moment)
        if result < 0:
            raise OSError(-result, posix.strerror(-result), "sd_journal_get_realtime_usec")
        return int(self._clock.value)

    def field(self, name: bytes) -> "bytes | None":
        """The first value of a field of the present entry, at most 8 KiB of it; None when the entry has none."""
        result = self._get(self._handle, name, self._where, self._size)
        if result < 0:
            if result == -errno.ENOENT:
                return None
            raise OSError(-result, posix.strerror(-result), "sd_journal_get_data")
        # A compressed value may be longer than asked for.
        length = min(self._length.value, FIELD_LIMIT)
        return bytes_at(self._data.value, length)[len(name) + 1 :] if self._data.value else None

    def fields(self) -> "list[bytes]":
        """The names of all fields that any entry has."""
        # It returns nothing, so what looks like its result means nothing.
        self._library.function("sd_journal_restart_fields", Pointer)(self.handle)
        name, found = Text(), []
        while self.call("enumerate_fields", self.handle, addressof(name)) > 0:
            found.append(name.value)
        return found

    def cursor(self) -> bytes:
        """The name of the present entry."""
        text = Pointer()
        self.call("get_cursor", self.handle, addressof(text))
        try:
            return bytes_at(text.value, -1)
        finally:
            self._library.function("free", Pointer)(text.value)

    def usage(self) -> int:
        """Bytes on disk of the files that are being read."""
        found = Wide()
        self.call("get_usage", self.handle, addressof(found))
        return int(found.value)

    def match(self, matches: "tuple[str, ...]") -> None:
        """See only entries with these ``FIELD=value``: groups apart by ``+``, one value each field in a group."""
        for term in matches:
            if term == OR:
                self.call("add_disjunction", self.handle)
            else:
                raw = term.encode("utf-8", "surrogateescape")
                self.call("add_match", self.handle, raw, len(raw))

    def seek_after(self, cursor: str) -> bool:
        """Stand on the entry ``cursor`` names, so that ``next`` gives what follows; False when it is gone."""
        raw = cursor.encode("utf-8", "surrogateescape")
        try:
            self.call("seek_cursor", self.handle, raw)
        except OSError:
            return False
        return self.next() and self.call("test_cursor", self.handle, raw) > 0

    def close(self) -> None:
        """Give the files back."""
        # It returns nothing, so what looks like its result means nothing.
        self._library.function("sd_journal_close", Pointer)(self.handle)


def take(cursor: str, *matches: str) -> bytes:
    """Nothing while no entry that ``matches`` follows ``cursor`` (from the beginning when it is empty).

    Otherwise a value that never comes twice, since what was seen once must not count as seen. The same when the
    entry of the cursor is gone. Raises OSError when the journal cannot be read or is empty.
    """
    return _answer(look(cursor, matches, moved=Journal.next))


def look(cursor: str, matches: "tuple[str, ...]", *, moved: "Callable[[Journal], bool]") -> bool:
    """Whether ``moved`` says so of the journal standing on the entry of ``cursor``; True when that entry is gone."""
    files = files_after(cursor, _machine_id()) if cursor else []
    found = _asked(Journal(files=files), cursor, matches=matches, moved=moved) if files else None
    # Where the cursor's own entry is in none of the files chosen by their names, only all of them can tell.
    found = _asked(Journal(), cursor, matches=matches, moved=moved) if found is None else found
    return found is not False


def take_from(directory: str, cursor: str, *matches: str) -> bytes:
    """``take`` of the journal in a directory."""
    return _answer(look_in(directory, cursor, matches=matches, moved=Journal.next))


def look_in(directory: str, cursor: str, *, matches: "tuple[str, ...]", moved: "Callable[[Journal], bool]") -> bool:
    """``look`` in the journal of a directory."""
    return _asked(Journal(directory), cursor, matches=matches, moved=moved) is not False


def _answer(moved: bool) -> bytes:
    return posix.urandom(16) if moved else b""


def _asked(
    journal: Journal, cursor: str, *, matches: "tuple[str, ...]", moved: "Callable[[Journal], bool]"
) -> "bool | None":
    """What ``moved`` says of what follows ``cursor``; None when its entry is not there. Closes the journal."""
    try:
        if not readable(journal):
            raise OSError(errno.ENOENT, "no journal")
        journal.match(matches)
        if not cursor:
            journal.call("seek_head", journal.handle)
        elif not journal.seek_after(cursor):
            return None
        return moved(journal)
    finally:
        journal.close()


def _machine_id() -> str:
    with open("/etc/machine-id", "rb", buffering=0) as handle:
        return handle.read(33).strip().decode("ascii")


def readable(journal: Journal) -> bool:
    """Whether there is any entry at all; a journal that may not be read looks empty. Moves to the oldest."""
    journal.call("seek_head", journal.handle)
    return journal.next()
