# SPDX-License-Identifier: GPL-3.0-or-later
"""The stamp of the ports check: every listening socket of every namespace with a way out, and what hides from it."""

from _blake2 import blake2b
from posix import readlink, stat
from time import time

from . import MOVED, NOTE, NOTED, UNMOVED, sockets, spaces, unseen

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing collections or typing here would cost more than the whole look does.
    from collections.abc import Collection, Iterable

Space = tuple[str, list[str], list[bytes]]
"""A namespace: what /proc/PID/ns/net links to, the processes there (none for the own one), records of sockets."""

Guests = tuple[tuple[int, int], "Collection[bytes]", "Collection[bytes]"]
"""First and last ephemeral port; notes of the passing sockets that count; of those that count when still here."""
Witness = tuple[str, int, int, int]
"""``/proc/PID/fd/N`` of the oldest holder of a socket, the socket's inode, device and inode of the program."""

OWNERS_FOR = 3600
"""Seconds after which all owners are resolved anew, whatever the sockets and their witnesses look like."""
NOTES = 256
"""So many passing sockets are noted from tick to tick; more of them are a movement."""
NAMED = ("/run/netns", "/run/docker/netns")
MANY, SHY, EMPTY = "namespaces", "processes", "namespace "
"""Words for what is not looked at: namespaces above the limit, those of processes that hide it, those without one."""


def take(expected: bytes, until: int, guests: Guests, witnesses: "Iterable[Witness]") -> bytes:
    """UNMOVED, NOTED with notes of passing sockets that are new, or MOVED.

    ``expected`` is the digest of the last full look, good until ``until``. Raises OSError.
    """
    # A clock set back must not make the last look last longer.
    if not 0 < until - time() <= OWNERS_FOR:
        return MOVED
    ephemeral, known, waiting = guests
    found, hidden = look()
    seal, passing = weigh(found, hidden, ephemeral=ephemeral, known=known)
    if seal != expected or len(passing) > NOTES or any(note in waiting for note in passing):
        return MOVED
    if not all(_stands(*witness) for witness in witnesses):
        return MOVED
    return NOTED + b"".join(sorted(passing)) if passing else UNMOVED


def _stands(path: str, inode: int, device: int, program: int) -> bool:
    """Whether a process still holds that socket and still is the same program. Raises OSError when it ended."""
    exe = stat(path[: path.index("/", 6)] + "/exe")
    return readlink(path) == f"socket:[{inode}]" and (exe.st_dev, exe.st_ino) == (device, program)


def look(proc: str = spaces.PROC) -> "tuple[list[Space], list[str]]":
    """The namespaces with listening sockets, the own one first, and what could not be looked at. Raises OSError."""
    own: Space = (readlink(proc + "/self/ns/net"), [], sockets.records(proc + "/net"))
    found, hidden = [own], unseen.unlisted(unseen.in_use(proc + "/net"))
    elsewhere, shy = spaces.others(proc)
    for link in sorted(elsewhere)[: spaces.LIMIT]:
        records, protocols = spaces.through(link, elsewhere[link], read=_listen, proc=proc) or ([], set())
        hidden |= protocols
        if records:
            found.append((link, elsewhere[link], records))
    if len(elsewhere) > spaces.LIMIT:
        hidden.add(MANY)
    if shy:
        hidden.add(SHY)
    if unseen.translates(proc):
        hidden.add(unseen.NAT)
    hidden.update(EMPTY + name for folder in NAMED for name in spaces.empty(folder, elsewhere))
    return found, sorted(hidden)


def _listen(net: str) -> "tuple[list[bytes], set[str]]":
    if not spaces.leads_out(net):
        return [], set()
    used = unseen.in_use(net)
    return sockets.records_through(net, used), unseen.unlisted(used)


def weigh(
    found: "list[Space]", hidden: "list[str]", *, ephemeral: "tuple[int, int]", known: "Collection[bytes]"
) -> "tuple[bytes, set[bytes]]":
    """The digest of what counts already, and notes of the passing sockets that do not.

    Passing are unconnected UDP sockets on ephemeral ports and packet sockets: a name server's questions, a DHCP
    client's renewal. They count once they outlast a tick.
    """
    seal, passing = blake2b(repr(hidden).encode(), digest_size=16), set()
    for link, _, records in found:
        counted = []
        for record in records:
            if passes(record, ephemeral) and note(link, record) not in known:
                passing.add(note(link, record))
            else:
                counted.append(record)
        seal.update(b"".join([link.encode(), *counted]) if counted else b"")
    return seal.digest(), passing


def passes(record: bytes, ephemeral: "tuple[int, int]") -> bool:
    """Whether a socket like this one comes and goes by itself; ``ephemeral`` are the first and the last such port."""
    if record[0] in (sockets.UDP, sockets.UDPLITE):
        return ephemeral[0] <= int.from_bytes(record[2:4], "big") <= ephemeral[1]
    return record[0] == sockets.PACKET


def note(link: str, record: bytes) -> bytes:
    """The socket without its inode: a new socket of the same user at the same place is the same guest."""
    return blake2b(link.encode() + record[:-4], digest_size=NOTE).digest()
