# SPDX-License-Identifier: GPL-3.0-or-later
"""One command on one connection: become root, put the question, read the answer, with a ceiling on bytes and time."""

from __future__ import annotations

import secrets
import shlex
import time
from dataclasses import dataclass

from .. import fetch
from .._libraries import paramiko
from ..acceptance import delivery
from ..limits import MAX_BYTES, show
from . import PullError
from .target import Become, Target

_PIECE = 64 * 1024
_SAID = 4096
"""Bytes of standard error that are kept."""


class _Channel:
    """A session with a deadline."""

    def __init__(self, channel: paramiko.Channel, deadline: float) -> None:
        self._channel, self._deadline = channel, deadline

    def _wait(self) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._channel.settimeout(left)

    def run(self, command: str) -> None:
        self._wait()
        self._channel.exec_command(command)

    def send(self, data: bytes) -> None:
        self._wait()
        try:
            self._channel.sendall(data)
        except TimeoutError:
            raise
        except OSError:
            if not self._is_answered():
                raise

    def _is_answered(self) -> bool:
        """Whether the host ended without reading the question: the connection stands, and what it said counts."""
        transport = self._channel.get_transport()
        return bool(self._channel.closed and transport is not None and transport.is_active())

    def end_input(self) -> None:
        self._channel.shutdown_write()

    def error(self) -> bytes:
        """Some of standard error; nothing at its end."""
        self._wait()
        return self._channel.recv_stderr(_SAID)

    def output(self, limit: int) -> bytes:
        """All of standard output. Raises PullError when it is more than ``limit``."""
        found = bytearray()
        while True:
            self._wait()
            piece = self._channel.recv(_PIECE)
            if not piece:
                return bytes(found)
            found += piece
            if len(found) > limit:
                raise PullError("refused", f"its answer is larger than {limit} bytes")

    def status(self) -> int:
        """The exit status; -1 when the host does not tell one."""
        if not self._channel.status_event.wait(max(0.0, self._deadline - time.monotonic())):
            raise TimeoutError
        return int(self._channel.recv_exit_status())

    def said(self) -> str:
        """What is left of standard error, safe to print."""
        data = self._channel.recv_stderr(_SAID) if self._channel.recv_stderr_ready() else b""
        return show(data.decode("utf-8", "replace").strip(), limit=300)


def ask(client: paramiko.SSHClient, target: Target, *, request: bytes, seconds: float) -> bytes:
    """The host's bundle, as it came. Raises PullError."""
    errand = _Errand("bundle", fetch.command(target.agent, text=False), request, MAX_BYTES)
    return _over(client, target, errand, seconds=seconds)


def hand(client: paramiko.SSHClient, target: Target, *, order: bytes, seconds: float) -> str:
    """What the host says to an order that was put to it (``delivery.verdict``). Raises PullError."""
    errand = _Errand("apply-acceptance", delivery.command(target.agent), order, delivery.ANSWER)
    return _over(client, target, errand, seconds=seconds).decode("utf-8", "replace")


@dataclass(frozen=True)
class _Errand:
    """A command of the agent and how it is run, its standard input, and the bytes it may answer with."""

    name: str
    pipeline: str
    given: bytes
    limit: int


def _over(client: paramiko.SSHClient, target: Target, errand: _Errand, *, seconds: float) -> bytes:
    transport = client.get_transport()
    try:
        if transport is None:
            raise PullError("unreachable", "the connection is gone")
        with transport.open_session(timeout=seconds) as channel:
            return _converse(_Channel(channel, time.monotonic() + seconds), target, errand)
    except TimeoutError as exc:
        raise PullError("failed", f"no whole answer within {seconds:.0f} s") from exc
    except (paramiko.SSHException, OSError, EOFError) as exc:
        raise PullError("unreachable", f"the connection broke: {show(str(exc) or type(exc).__name__)}") from exc


def _converse(channel: _Channel, target: Target, errand: _Errand) -> bytes:
    if target.become is None:
        channel.run(errand.pipeline)
    elif target.become.password is None:
        channel.run(_as_root(target.become, errand.pipeline, "-n"))
    else:
        _prove(channel, target.become, errand.pipeline)
    channel.send(errand.given)
    channel.end_input()
    answer = channel.output(errand.limit)
    status = channel.status()
    if status != 0:
        told = channel.said() or fetch.hint(status)
        raise PullError("failed", f"`vps-sentry {errand.name}` ended with {status}: {told}")
    return answer


def _as_root(become: Become, pipeline: str, *options: str) -> str:
    words = [become.program, "-H", *options, "-u", become.user, "--", "/bin/sh", "-c", pipeline]
    return " ".join(map(shlex.quote, words))


def _prove(channel: _Channel, become: Become, pipeline: str) -> None:
    """Start it through a sudo that may ask: the password goes out when our own prompt is seen, and never twice."""
    mark = secrets.token_hex(8)
    prompt, ready = f"[vps-sentry {mark}] password: ", f"vps-sentry {mark} ready"
    channel.run(_as_root(become, f"echo {shlex.quote(ready)} >&2; {pipeline}", "-S", "-p", prompt))
    said, asked = b"", False
    while ready.encode() not in said:
        piece = channel.error()
        said = (said + piece)[-_SAID:]
        wanted = prompt.encode() in said
        if not piece or (wanted and asked):
            raise PullError("failed", _refused(said, prompt))
        if wanted:
            channel.send((become.password or "").encode() + b"\n")
            asked, said = True, b""


def _refused(said: bytes, prompt: str) -> str:
    words = said.decode("utf-8", "replace").replace(prompt, " ").strip()
    return f"sudo did not let us in: {show(words, limit=200) or 'wrong become password'}"
