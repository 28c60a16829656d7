# SPDX-License-Identifier: GPL-3.0-or-later
"""What OpenSSH would do to reach a host, as ``ssh -G`` says: its files, Match and Include are its own business."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

from . import UnfitError

_SECONDS = 10


@dataclass(frozen=True)
class Settings:
    """How to connect. ``lookup`` is the name in known_hosts; ``jump`` and ``proxy`` are None without one."""

    host: str
    port: int
    user: str
    keys: Tuple[str, ...]
    agent: bool
    known_hosts: Tuple[str, ...]
    lookup: str
    jump: Optional[str] = None
    proxy: Optional[str] = None


def settings(destination: str, options: Sequence[str]) -> Settings:
    """OpenSSH's settings for a destination, given its own options. Raises UnfitError."""
    command = ["ssh", "-G", *options, "--", destination]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise UnfitError(f"ssh -G does not work here: {exc}") from exc
    if done.returncode != 0:
        raise UnfitError(f"ssh does not take its settings: {done.stderr.strip()[-200:]}")
    return parse(done.stdout)


def parse(text: str) -> Settings:
    """The output of ``ssh -G``. Raises UnfitError for what only ssh itself can do."""
    found: Dict[str, List[str]] = {}
    for line in text.splitlines():
        name, _blank, value = line.partition(" ")
        found.setdefault(name.lower(), []).append(value)
    host, port, user = (found[name][0] for name in ("hostname", "port", "user"))
    alias = _one(found, "hostkeyalias")
    files = [word for name in ("userknownhostsfile", "globalknownhostsfile") for word in _one_of(found, name).split()]
    proxy = _one(found, "proxycommand")
    return Settings(
        host=host,
        port=int(port),
        user=user,
        keys=tuple(path for path in map(_path, found.get("identityfile", ())) if os.path.isfile(path)),
        agent=_agent(found),
        known_hosts=tuple(word for word in files if word != "none"),
        lookup=alias or (host if port == "22" else f"[{host}]:{port}"),
        jump=_one(found, "proxyjump"),
        proxy=None if proxy is None else expand(proxy, host=host, port=port, user=user),
    )


def _one_of(found: Dict[str, List[str]], name: str) -> str:
    return found.get(name, [""])[0]


def _one(found: Dict[str, List[str]], name: str) -> Optional[str]:
    value = _one_of(found, name)
    return None if value in ("", "none") else value


def _path(text: str) -> str:
    return str(Path(text).expanduser())


def _agent(found: Dict[str, List[str]]) -> bool:
    wanted = _one_of(found, "identityagent")
    if wanted in ("none",) or _one_of(found, "identitiesonly") == "yes":
        return False
    if wanted not in ("", "SSH_AUTH_SOCK") and _path(wanted) != os.environ.get("SSH_AUTH_SOCK"):
        raise UnfitError(f"IdentityAgent {wanted} is not the agent of this session")
    return True


def expand(command: str, *, host: str, port: str, user: str) -> str:
    """ssh_config(5) TOKENS of ProxyCommand. The values are the inventory's and the user's own."""
    values = {"%%": "%", "%h": host, "%n": host, "%p": port, "%r": user}
    made, rest = "", command
    while rest:
        if rest[:2] in values:
            made, rest = made + values[rest[:2]], rest[2:]
        elif rest.startswith("%"):
            raise UnfitError(f"ProxyCommand uses {rest[:2]}")
        else:
            made, rest = made + rest[0], rest[1:]
    return made
