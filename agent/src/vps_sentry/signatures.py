# SPDX-License-Identifier: GPL-3.0-or-later
"""SSH signatures (PROTOCOL.sshsig), judged by ``ssh-keygen -Y`` against a copy of the signers file."""

from __future__ import annotations

import os
import re
import tempfile
from typing import List, Tuple

from .errors import ConfigError
from .host import Host

_ARMOUR = re.compile(r"-----BEGIN SSH SIGNATURE-----\n[A-Za-z0-9+/=\n]{1,8000}?-----END SSH SIGNATURE-----", re.ASCII)
_MOST = 8
"""Signatures looked at; nobody asks for more reviewers."""
LENGTH = 64 * 1024


def split(text: str) -> List[str]:
    """The armoured signatures in ``text``, at most eight."""
    return [f"{found}\n" for found in _ARMOUR.findall(text.replace("\r\n", "\n"))[:_MOST]]


def signers_of(host: Host, text: str, *, message: bytes, signers: bytes, namespace: str) -> Tuple[str, ...]:
    """Who signed ``message``: the principals of the good signatures in ``text``, sorted, each once.

    ``signers`` is the content of an allowed_signers file (ssh-keygen(1)). A signature by a key that is not in it, over
    other bytes or in another namespace names nobody. Raises ConfigError when ``ssh-keygen`` cannot judge at all.
    """
    with tempfile.TemporaryDirectory(prefix="vps-sentry-") as place:
        allowed = os.path.join(place, "allowed_signers")
        with open(allowed, "wb") as handle:
            handle.write(signers)
        found = set()
        for number, armoured in enumerate(split(text)):
            signature = os.path.join(place, f"{number}.sig")
            with open(signature, "w", encoding="ascii") as handle:
                handle.write(armoured)
            found |= set(_good(host, signature, allowed=allowed, message=message, namespace=namespace))
    return tuple(sorted(found))


def _good(host: Host, signature: str, *, allowed: str, message: bytes, namespace: str) -> List[str]:
    files = ["-f", allowed, "-s", signature]
    code, said = host.command(["ssh-keygen", "-Y", "find-principals", *files])
    if code == 127 or "unknown option" in said:
        raise ConfigError(f"signatures cannot be judged here: {said.splitlines()[0]}; install OpenSSH 8.2 or newer")
    if code != 0:
        return []
    good = []
    for principal in said.splitlines():
        argv = ["ssh-keygen", "-Y", "verify", "-I", principal, "-n", namespace, *files]
        if host.command(argv, given=message)[0] == 0:
            good.append(principal)
    return good
