# SPDX-License-Identifier: GPL-3.0-or-later
"""Alerts as JSON to the standard input of a program of one's own."""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Optional, Tuple

from ..errors import ShipError
from . import DeliveryError, Message, Sink, Transport
from ._text import clip, one_line
from .webhook import document

if TYPE_CHECKING:
    import subprocess

OUTPUT_LIMIT = 4096
"""Bytes of what the program says that are looked at; the rest is read and dropped."""
_SHOWN = 200
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/"}


@dataclass(frozen=True)
class Options:
    """``notify.command``: obeyed only from a configuration in /etc."""

    argv: Tuple[str, ...] = ()
    """The program by its real, absolute path, and its arguments. Everybody on the host can read them."""


def validate(options: Options) -> None:
    """Raises ValueError unless there is a program with an absolute path."""
    if not options.argv or not os.path.isabs(options.argv[0]):
        raise ValueError("argv: give a list: the absolute path of a program, then its arguments")
    if any("\0" in word for word in options.argv):
        raise ValueError("argv: no argument can hold a NUL")


def send(message: Message, options: Options, *, transport: Transport) -> None:
    """Start the program, without a shell, and give it the JSON of ``webhook``; 0 means it took the message.

    Raises ShipError: any other end, more time than a delivery has, a program that others than root could change.
    """
    require_own(options.argv[0])
    with open(os.memfd_create("vps-sentry"), "w+b", buffering=0) as handle:
        # A file and not a pipe: a program that never reads cannot stall us, however long the message is.
        handle.write(document(message))
        handle.seek(0)
        code, said = _run(options.argv, handle.fileno(), transport.deadline, message.id)
    name = os.path.basename(options.argv[0])
    if code is None:
        raise DeliveryError(f"{name} took longer than {transport.deadline:g} s and was ended", whole_sink=True)
    if code:
        text = clip(said.decode("utf-8", "replace").strip(), _SHOWN, escape=one_line)
        how = f"exit code {code}" if code > 0 else f"signal {-code}"
        raise DeliveryError(f"{name} ended with {how}: {text or 'it said nothing'}", whole_sink=False)


def require_own(path: str) -> None:
    """Raises ShipError unless ``path`` is a program that root alone can change, its directories included."""
    here = path
    while True:
        try:
            found = os.lstat(here)
        except OSError as exc:
            raise _unusable(here, exc.strerror or "it cannot be looked at") from exc
        if stat.S_ISLNK(found.st_mode):
            raise _unusable(here, f"it is a link; name the real path, {os.path.realpath(path)}")
        if found.st_uid != 0 or found.st_mode & 0o022:
            raise _unusable(here, "others than root could change it; run: chown root, chmod go-w")
        if here == path and not (stat.S_ISREG(found.st_mode) and found.st_mode & 0o111):
            raise _unusable(here, "it is no program; run: chmod 755")
        if here == "/":
            return
        here = os.path.dirname(here)


def _unusable(path: str, problem: str) -> ShipError:
    return ShipError("upload-failure", f"{clip(path, _SHOWN, escape=one_line)} is not started: {problem}")


def _run(argv: Tuple[str, ...], given: int, seconds: float, identity: str) -> Tuple[Optional[int], bytes]:
    """Exit code, None when it was late, and the first of what it said on both streams."""
    # Imported here: of all sinks only this one starts a program.
    import signal
    import subprocess

    try:
        child = subprocess.Popen(
            argv,
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**_ENVIRONMENT, "VPS_SENTRY_MESSAGE_ID": identity},
            cwd="/",
            start_new_session=True,
        )
    except OSError as exc:
        raise DeliveryError(f"{argv[0]} cannot be started: {exc.strerror}", whole_sink=True) from exc
    end = monotonic() + seconds
    with child:
        try:
            said = _listen(child, end)
            return child.wait(timeout=max(0.0, end - monotonic())), said
        except (TimeoutError, subprocess.TimeoutExpired):
            # The whole session: what it started ends with it.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            return None, b""


def _listen(child: subprocess.Popen[bytes], end: float) -> bytes:
    """The first of what the child says until it closes its output. Raises TimeoutError when that is too late."""
    import select

    assert child.stdout is not None
    kept = b""
    while True:
        ready, _, _ = select.select([child.stdout], [], [], max(0.0, end - monotonic()))
        if not ready:
            raise TimeoutError
        data = os.read(child.stdout.fileno(), 65536)
        if not data:
            return kept
        kept += data[: OUTPUT_LIMIT - len(kept)]


SINK = Sink(
    name="command",
    about="JSON on the standard input of a program, which runs as the user that ships.",
    options=Options,
    validate=validate,
    send=send,
)
