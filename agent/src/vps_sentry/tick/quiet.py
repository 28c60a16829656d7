# SPDX-License-Identifier: GPL-3.0-or-later
"""The quiet tick: ask every stamp whether anything moved; if not, leave a heartbeat and end."""

from posix import urandom
from time import monotonic, time

from . import NOTE, NOTED, heartbeat, plain, record, take

TYPE_CHECKING = False
if TYPE_CHECKING:
    Taken = dict[tuple[str, tuple[object, ...]], bytes]

BYPASS_ONE_IN = 12
"""So often a tick ignores all stamps, at random: a forged stamp file is outlived within the hour."""


def quiet(state: str, taken: "Taken | None" = None, *, bypass: "bool | None" = None) -> "int | None":
    """The stored exit code when nothing moved since the last full run, None when a full run is needed.

    Whatever goes wrong here means: not quiet. The full run then says what is the matter. ``taken`` is given
    each stamp with its value, so that nobody has to take it twice.
    """
    if bypass if bypass is not None else urandom(1)[0] % BYPASS_ONE_IN == 0:
        return None
    try:
        due, code, stamps = record.loads(plain.read(state + "/" + record.FILE))
        last = plain.read(state + heartbeat.NAME)
        run = heartbeat.run_of(last) + 1
        now, up = int(time()), int(monotonic())
        noted = _noted(stamps, {} if taken is None else taken) if 0 < due - now <= 86400 else None
        # What was noted by the last tick and is still there counts.
        if noted is None or noted & heartbeat.noted_of(last) or heartbeat.overdue(last, (now, up)):
            return None
        heartbeat.write(state, heartbeat.line((now, up), run=run, code=code, due=due, noted=noted))
    except (OSError, ValueError, EOFError, TypeError, ImportError, AttributeError, LookupError):
        return None
    return code


def _noted(stamps: "tuple[tuple[str, str, tuple[object, ...], bytes], ...]", taken: "Taken") -> "set[str] | None":
    """What the stamps note for the next tick, None as soon as one of them moved."""
    noted: set[str] = set()
    for _, kind, arguments, expected in stamps:
        answer = taken[kind, arguments] = take(kind, arguments)
        if answer != expected:
            if not answer.startswith(NOTED):
                return None
            notes = answer[len(NOTED) :]
            noted.update(notes[at : at + NOTE].hex() for at in range(0, len(notes), NOTE))
    return noted
