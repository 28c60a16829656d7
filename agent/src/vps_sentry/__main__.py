# SPDX-License-Identifier: GPL-3.0-or-later
"""Entry point: a scheduled run tries the quiet path first and imports nothing else when that is enough."""

import sys
from gc import disable
from posix import _exit, environ, isatty

from .tick.quiet import quiet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

STATE = "/var/lib/vps-sentry"
CONFIG = "/etc/vps-sentry.json"
_SCHEDULED = (["--format", "text"], ["run", "--format", "text"])


def main() -> int:
    """The whole program: exit codes of docs/contracts.md section 2."""
    arguments = sys.argv[1:]
    # systemd gives every unit's process an INVOCATION_ID; a person's shell has a terminal.
    scheduled = b"INVOCATION_ID" in environ and not isatty(1)
    if scheduled and arguments in _SCHEDULED:
        _leave(_tick())
    if scheduled and arguments == ["ship"]:
        _leave(_ship())
    asked = _reply() if arguments == ["bundle"] else None
    from .cli import main as full

    return full(arguments, scheduled=scheduled, asked=asked)


def _reply() -> bytes:
    """Answer a controller's question without reading an item, and end; the question where that is not possible."""
    from .reply import answer, footing, question

    asked = question()
    found = answer(asked, state=STATE, footing=footing())
    if found is not None:
        sys.stdout.buffer.write(found)
        _leave(0)
    return asked


def _tick() -> int:
    """The quiet path, and only if that is not enough all the rest."""
    # A run makes few cycles and soon ends: looking for them costs a tenth of it.
    disable()
    taken: dict[tuple[str, tuple[object, ...]], bytes] = {}
    code = quiet(STATE, taken)
    if code is not None:
        return code
    from .cli.scheduled import scheduled

    return scheduled(taken)


def _leave(code: int) -> "NoReturn":
    """End at once: taking the interpreter apart piece by piece costs a quiet tick a tenth of its time."""
    sys.stdout.flush()
    sys.stderr.flush()
    _exit(code)


def _ship() -> int:
    """Ship by the defaults; the command line is only imported when there is something to send."""
    from time import time

    from .ship import pulse, ship

    def routes():  # type: ignore[no-untyped-def]
        from .cli.ship import routes

        return routes(CONFIG, state=STATE)

    credentials = environ.get(b"CREDENTIALS_DIRECTORY", b"").decode("utf-8", "surrogateescape")
    config = credentials + "/vps-sentry.json" if credentials else CONFIG
    pulse(STATE, config, routes=routes, now=int(time()), log=_say)
    return ship(STATE, routes, clock=lambda: int(time()), log=_say)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
