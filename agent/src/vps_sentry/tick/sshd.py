# SPDX-License-Identifier: GPL-3.0-or-later
"""Stamp of sshd's journal: has it said anything that the full check must hear at once?

On a public server somebody always knocks. Such lines may wait for the next full look, unread by it, as long as they
are few enough that it could raise no alert now that it did not raise before. Each is judged by its bytes alone; what
is not plainly one of them, a login above all, ends the quiet.
"""

from posix import urandom
from time import time

from .journal import Journal, look, look_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Limits = tuple[int, int, int, bool, int, tuple[tuple[str, int], ...], tuple[str, ...]]

MOST = 4_000
"""Lines left for the full look; reading them again costs each tick in between about as much as starting Python."""
_CONNECTIONS = 500
_CUT = 500
"""So long a message of sshd may be cut off within a name."""
_PREAUTH = b" [preauth]"
_GONE = (b"Connection closed by ", b"Connection reset by ", b"Disconnected from ", b"Disconnecting ")
_NAMED = tuple(gone + who for gone in _GONE for who in (b"authenticating user ", b"invalid user "))
_BEFORE_LOGIN = (b"Received disconnect from ", b"Disconnecting: ", *_GONE)
# Nothing follows from these, whatever stands behind. Key and "none" probes are no guesses.
_IDLE = (
    b"pam_unix(sshd:auth): ", b"PAM ", b"input_userauth_request: ", b"reverse mapping checking ", b"Connection from ",
    b"Did not receive identification string from ", b"Bad protocol version identification ", b"error: ", b"fatal: ",
    b"Unable to negotiate with ", b"banner exchange: ", b"kex_exchange_identification: ", b"ssh_dispatch_run_fatal: ",
    b"Timeout before authentication for ", b"User ", b"Failed none for ", b"Failed publickey for ", b"Address ",
    b"Nasty PTR record ", b"beginning MaxStartups throttling", b"exited MaxStartups throttling",
)  # fmt: skip


def take(cursor: str, deadline: int, limits: "Limits", *matches: str) -> bytes:
    """Nothing while no entry that ``matches`` follows ``cursor``, or only such as may wait within ``limits``.

    ``deadline`` is the time in seconds since the epoch from which on none may wait; ``limits`` those of ``calm``.
    Otherwise a value that never comes twice. Raises OSError when the journal cannot be read or is empty.
    """
    moved = not cursor or look(cursor, matches, moved=_moved(deadline, limits))
    return urandom(16) if moved else b""


def take_from(directory: str, cursor: str, *, deadline: int, limits: "Limits", matches: "tuple[str, ...]") -> bytes:
    """``take`` of the journal in a directory."""
    moved = not cursor or look_in(directory, cursor, matches=matches, moved=_moved(deadline, limits))
    return urandom(16) if moved else b""


def _moved(deadline: int, limits: "Limits") -> "Callable[[Journal], bool]":
    waits = time() < deadline
    return lambda journal: not calm(_messages(journal), limits) if waits else journal.next()


def _messages(journal: Journal) -> "Iterator[bytes]":
    while journal.next():
        yield journal.field(b"MESSAGE") or b""


def calm(messages: "Iterable[bytes]", limits: "Limits") -> bool:
    """Whether all of sshd's ``messages`` may wait.

    ``limits``: how many failed attempts, unknown users and connections left early may come, whether penalties may,
    and how many failures against existing accounts from one network; then those networks (``192.0.2``, ``:`` for
    all of IPv6) that have a limit of their own, and the existing accounts.
    """
    count = _Count(limits)
    for number, message in enumerate(messages):
        if number == MOST:
            return False
        if message.startswith(_IDLE):
            continue
        if len(message) >= _CUT:
            return False
        if message.startswith(_NAMED):
            known = count.left(message)
        elif message.startswith(_BEFORE_LOGIN):
            known = message.endswith(_PREAUTH)
        elif message.startswith(b"Failed "):
            known = count.failed(message)
        elif message.startswith(b"Invalid user "):
            known = count.invalid(message)
        else:
            known = message.startswith(b"drop connection #") and (count.penalties or b"penalty" not in message)
        if not known:
            return False
    return True


class _Count:
    """What may still come; each method says whether its message may wait."""

    def __init__(self, limits: "Limits") -> None:
        self._failed, self._invalid, self._left, self.penalties, self._each, own, self._accounts = limits
        self._networks = dict(own)
        self._connections: set[bytes] = set()

    def failed(self, message: bytes) -> bool:
        place = _place(message[message.rfind(b" from ") + 6 : -5]) if message.endswith(b" ssh2") else None
        if place is None:
            return False
        self._remember(place)
        self._failed -= 1
        return self._failed >= 0 and (self._nobody(message) or self._from(_network(place)))

    def _nobody(self, message: bytes) -> bool:
        """Whether the user certainly does not exist; sshd calls one that may not log in invalid, too."""
        who, invalid, name = message.partition(b" for invalid user ")
        user = name[: name.rfind(b" from ")]
        return bool(invalid) and b" for " not in who and user.isalnum() and user.decode("ascii") not in self._accounts

    def _from(self, network: str) -> bool:
        left = self._networks[network] = self._networks.get(network, self._each) - 1
        return left >= 0

    def invalid(self, message: bytes) -> bool:
        self._invalid -= 1
        return self._invalid >= 0 and b" from " in message

    def left(self, message: bytes) -> bool:
        place = _place(b" ".join(message[: -len(_PREAUTH)].rsplit(b" ", 3)[1:]))
        if place is None or not message.endswith(_PREAUTH):
            return False
        # Where it failed it was counted as that; forgetting one only counts it twice.
        self._left -= place not in self._connections
        self._remember(place)
        return self._left >= 0

    def _remember(self, place: bytes) -> None:
        if len(self._connections) >= _CONNECTIONS:
            self._connections.clear()
        self._connections.add(place)


def _place(words: bytes) -> "bytes | None":
    """``ADDRESS port NUMBER`` if that is what the words are."""
    address, between, port = words.partition(b" port ")
    plain = between and port.isdigit() and b" " not in address
    # A mapped IPv4 address counts for a network this room could not tell.
    certain = address[:1].isdigit() or (b":" in address and not address.startswith(b"::ffff:"))
    return words if plain and certain else None


def _network(place: bytes) -> str:
    address = place.partition(b" ")[0]
    return ":" if b":" in address else address.rpartition(b".")[0].decode("ascii", "replace")
