# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces besides the own one, reached through the /proc of a process that lives in them.

Entering one (setns(2)) needs CAP_SYS_ADMIN and a system call that the unit does not have; reading does not.
"""

from errno import ESRCH
from posix import listdir, readlink, stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    Found = tuple[list[bytes], set[str]]
    """Records of sockets, and protocols that could not be looked at."""

PROC = "/proc"
LIMIT = 256
"""So many are looked at; above that it is said that some are not. The oldest come first."""


def others(proc: str = PROC) -> "tuple[dict[str, list[str]], bool]":
    """What ``/proc/PID/ns/net`` links to -> the processes there, for each namespace but ours.

    The flag says that some process did not show its namespace. Raises OSError where ``proc`` cannot be read.
    """
    own = readlink(proc + "/self/ns/net")
    found: dict[str, list[str]] = {}
    hidden = False
    for name in listdir(proc):
        if name.isdigit():
            try:
                link = readlink(proc + "/" + name + "/ns/net")
            except (FileNotFoundError, ProcessLookupError):
                continue  # It ended meanwhile.
            except OSError:
                hidden = True
                continue
            if link != own:
                found.setdefault(link, []).append(name)
    return found, hidden


def through(link: str, processes: "list[str]", *, read: "Callable[[str], Found]", proc: str = PROC) -> "Found | None":
    """``read`` of the ``net`` folder of one process that was in the namespace before and after; None when all left."""
    for name in processes:
        try:
            answer = read(proc + "/" + name + "/net")
            if readlink(proc + "/" + name + "/ns/net") == link:
                return answer
        except OSError as exc:
            # A process that ended has no files; anything else is an answer that must not pass for an empty one.
            if not isinstance(exc, (FileNotFoundError, ProcessLookupError)) and exc.errno != ESRCH:
                raise
    return None


def leads_out(net: str) -> bool:
    """Whether anything but the loopback device can reach the namespace of this ``net`` folder.

    That is an IPv4 address that is not 127/8 in any routing table, or an IPv6 route over another device:
    the kernel makes both as soon as an interface is up.
    """
    try:
        with open(net + "/fib_trie", "rb") as rows:
            if any(_is_address(row.split()) for row in rows):
                return True
    except FileNotFoundError:
        return True  # The process ended, which the caller sees, or nothing here tells.
    try:
        with open(net + "/ipv6_route", "rb") as rows:
            return any(row.split()[-1:] != [b"lo"] for row in rows)
    except FileNotFoundError:
        return False  # A kernel without IPv6.


def _is_address(row: "list[bytes]") -> bool:
    return row[:1] == [b"|--"] and not row[1].startswith(b"127.")


def empty(folder: str, inhabited: "Collection[str]") -> "list[str]":
    """Names below ``folder`` (such as /run/netns) of namespaces in which no process lives.

    ``inhabited`` are links like those of ``others``. Whoever listens in an empty one cannot be seen.
    """
    try:
        names = listdir(folder)
    except OSError:
        return []
    ours = stat("/proc/self/ns/net")
    found = []
    for name in names:
        try:
            entry = stat(folder + "/" + name)
        except OSError:
            continue
        if entry.st_dev == ours.st_dev and entry.st_ino != ours.st_ino and f"net:[{entry.st_ino}]" not in inhabited:
            found.append(name)
    return sorted(found)
