# SPDX-License-Identifier: GPL-3.0-or-later
"""The heartbeat: one line saying that a run ended, when, how, at what cost and when the next is due."""

from time import gmtime, process_time, strftime

from . import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    Moment = tuple[int, int]
    """Seconds since the epoch, and since boot with suspension left out."""

NAME = "/heartbeat"
OVERDUE = 900
"""Seconds between two runs, three times the timer's, from which on a gap is looked into."""
_CLOCK = "%Y-%m-%dT%H:%M:%SZ"


def line(moment: "Moment", *, run: int, code: int, due: int, noted: "frozenset[str] | set[str]" = frozenset()) -> bytes:
    """``TIME run=N exit=N cpu_ms=N due=SECONDS up=SECONDS [noted=HEX,...]``; the cost is this process' so far."""
    now, up = moment
    clock = strftime(_CLOCK, gmtime(now))
    notes = " noted=" + ",".join(sorted(noted)) if noted else ""
    return f"{clock} run={run} exit={code} cpu_ms={round(process_time() * 1000)} due={due} up={up}{notes}\n".encode()


def overdue(text: bytes, moment: "Moment") -> bool:
    """Whether the run of this line ended ``OVERDUE`` seconds ago or earlier, by either clock: one can be set back."""
    now, up = moment
    before = up_of(text)
    return text[:20] <= strftime(_CLOCK, gmtime(now - OVERDUE)).encode() or 0 < before <= up - OVERDUE


def up_of(text: bytes) -> int:
    """Seconds since boot at the run of this line; 0 where it does not say."""
    for word in text.split():
        if word.startswith(b"up=") and word[3:].isdigit():
            return int(word[3:])
    return 0


def run_of(text: bytes) -> int:
    """The run number of a heartbeat line. Raises ValueError when it is cut off."""
    for word in text.split():
        if word.startswith(b"run="):
            return int(word[4:])
    raise ValueError("no run number")


def noted_of(text: bytes) -> "frozenset[str]":
    """What the tick of this line saw for the first time, in hex (see ``tick.NOTED``)."""
    for word in text.split():
        if word.startswith(b"noted="):
            return frozenset(word[6:].decode("ascii", "replace").split(","))
    return frozenset()


def write(state: str, text: bytes) -> None:
    """Replace the heartbeat: losing one line in a power cut loses nothing else."""
    plain.write(state, NAME[1:], data=text)
