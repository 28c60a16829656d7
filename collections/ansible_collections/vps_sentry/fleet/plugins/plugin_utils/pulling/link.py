# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection to one host: its key must be known, and no key is ever added."""

from __future__ import annotations

import threading
from base64 import b64decode
from contextlib import ExitStack, contextmanager
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from .._libraries import paramiko
from ..limits import show
from . import PullError, UnfitError, known_hosts
from .settings import Settings, settings
from .target import Target

CONNECT_SECONDS = 15
_LOST = "unreachable"


class Links:
    """Makes connections; those to jump hosts are shared by all hosts behind them."""

    def __init__(self) -> None:
        self._jumps: Dict[Tuple[str, Tuple[str, ...]], paramiko.SSHClient] = {}
        self._lock = threading.RLock()
        self._stack = ExitStack()

    def close(self) -> None:
        """End the connections to jump hosts."""
        self._stack.close()

    @contextmanager
    def open(self, target: Target) -> Iterator[paramiko.SSHClient]:
        """A client that has logged in, closed at the end. Raises UnfitError, PullError."""
        options = list(target.arguments)
        for flag, value in (("-p", target.port), ("-l", target.user), ("-i", target.key)):
            options += [flag, str(value)] if value is not None else []
        found = settings(target.address, options)
        way = self._way(found, _file_of(target.arguments))
        client = _connect(found, way, target.password, compress=target.become is None)
        try:
            yield client
        finally:
            _end(client, way)

    def _way(self, found: Settings, options: Tuple[str, ...]) -> Optional[Any]:
        """What carries the connection: a channel through the last jump host, a command, or None for the network."""
        if found.jump is None:
            return None if found.proxy is None else paramiko.ProxyCommand(found.proxy)
        before, _comma, last = found.jump.rpartition(",")
        client = self._jump(last, options, ("-J", before) if before else ())
        try:
            transport = client.get_transport()
            if transport is None:
                raise PullError(_LOST, f"the connection to jump host {show(last)} is gone")
            place = (found.host, found.port)
            return transport.open_channel("direct-tcpip", place, ("", 0), timeout=CONNECT_SECONDS)
        except (paramiko.SSHException, OSError) as exc:
            raise PullError(_LOST, f"jump host {show(last)} cannot reach it: {show(str(exc))}") from exc

    def _jump(self, destination: str, options: Tuple[str, ...], before: Tuple[str, ...]) -> paramiko.SSHClient:
        """As ssh does: of the options given for the host only the file of settings counts for those before it."""
        place = (destination, (*options, *before))
        with self._lock:
            known = self._jumps.get(place)
            if known is None or not _alive(known):
                found = settings(f"ssh://{destination}", place[1])
                way = self._way(found, options)
                known = self._jumps[place] = _connect(found, way, None, compress=False)
                self._stack.callback(_end, known, way)
            return known


def _file_of(arguments: Sequence[str]) -> Tuple[str, ...]:
    for number, word in enumerate(arguments):
        if word.startswith("-F"):
            return ("-F", word[2:] or "".join(arguments[number + 1 : number + 2]))
    return ()


def _end(client: paramiko.SSHClient, way: Optional[Any]) -> None:
    """Close a connection, and end the program that carried it once nobody reads from it any more."""
    transport = client.get_transport()
    client.close()
    if isinstance(way, paramiko.ProxyCommand):
        way.process.kill()
        if transport is not None:
            transport.join(CONNECT_SECONDS)
        way.process.communicate()


def _alive(client: paramiko.SSHClient) -> bool:
    transport = client.get_transport()
    return transport is not None and transport.is_active()


def _connect(found: Settings, way: Optional[Any], password: Optional[str], *, compress: bool) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    shown = found.host if found.port == 22 else f"[{found.host}]:{found.port}"
    for kind, key in _keys(found):
        client.get_host_keys().add(shown, kind, key)
    try:
        client.connect(
            found.host,
            port=found.port,
            username=found.user,
            password=password,
            key_filename=list(found.keys),  # type: ignore[arg-type]  # paramiko takes several, its types say one
            allow_agent=found.agent,
            look_for_keys=False,
            timeout=CONNECT_SECONDS,
            banner_timeout=CONNECT_SECONDS,
            auth_timeout=CONNECT_SECONDS,
            channel_timeout=CONNECT_SECONDS,
            compress=compress,
            sock=way,
        )
    except paramiko.BadHostKeyException as exc:
        _end(client, way)
        told = "its SSH host key is not the known one: rebuilt, or somebody is in between"
        raise PullError("host_key", told) from exc
    except paramiko.AuthenticationException as exc:
        _end(client, way)
        raise UnfitError("no login with what paramiko can use; security keys and GSSAPI need ssh") from exc
    except (paramiko.SSHException, OSError, EOFError) as exc:
        _end(client, way)
        raise PullError(_LOST, show(str(exc) or type(exc).__name__, limit=200)) from exc
    return client


def _keys(found: Settings) -> List[Tuple[str, paramiko.PKey]]:
    """The known keys of a host, those that paramiko can read. Raises UnfitError, PullError."""
    known = known_hosts.read(found.known_hosts).of(found.lookup)
    keys = []
    for kind, text in known.keys:
        try:
            keys.append((kind, paramiko.PKey.from_type_string(kind, b64decode(text))))
        except (paramiko.SSHException, ValueError):
            continue
    if not keys and known.authority:
        raise UnfitError("its host key is proved by a certificate authority")
    if not keys and known.keys:
        raise UnfitError("its host key is of a kind that paramiko does not know")
    if not keys:
        raise PullError(_LOST, f"unknown SSH host key: prove it, then add {found.lookup} to known_hosts")
    return keys
