# SPDX-License-Identifier: GPL-3.0-or-later
"""The quiet tick: ask every stamp whether anything moved; if not, leave a heartbeat and end."""

from posix import urandom
from time import time

from . import heartbeat, record, take

BYPASS_ONE_IN = 12
"""So often a tick ignores all stamps, at random: a forged stamp file is outlived within the hour."""


def quiet(state: str, *, bypass: "bool | None" = None) -> "int | None":
    """The stored exit code when nothing moved since the last full run, None when a full run is needed.

    Whatever goes wrong here means: not quiet. The full run then says what is the matter.
    """
    if bypass if bypass is not None else urandom(1)[0] % BYPASS_ONE_IN == 0:
        return None
    try:
        due, code, stamps = record.loads(_read(state + "/" + record.FILE))
        run = heartbeat.run_of(_read(state + heartbeat.NAME)) + 1
        now = int(time())
        if not 0 < due - now <= 86400 or not _unmoved(stamps):
            return None
        heartbeat.write(state, heartbeat.line(now, run=run, code=code, due=due))
    except (OSError, ValueError, EOFError, TypeError, ImportError, AttributeError, LookupError):
        return None
    return code


def _unmoved(stamps: "tuple[tuple[str, str, tuple[object, ...], bytes], ...]") -> bool:
    return all(take(kind, arguments) == expected for _, kind, arguments, expected in stamps)


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as handle:
        return handle.readall()
