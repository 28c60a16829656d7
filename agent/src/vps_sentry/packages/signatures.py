# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenPGP signatures, judged by gpgv or sqv, whichever the host's own apt uses; started on the full path alone."""

from __future__ import annotations

import base64
import binascii
import os
from contextlib import ExitStack
from typing import Iterable, Tuple

from ..core.canonical import escape
from ..host import Host

_BEGIN = b"-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE = b"-----BEGIN PGP SIGNATURE-----"
_END = b"-----END PGP SIGNATURE-----"
_ARMOUR = b"-----BEGIN PGP PUBLIC KEY BLOCK-----"
_ARMOUR_END = b"-----END PGP PUBLIC KEY BLOCK-----"
_GOOD, _BAD = "[GNUPG:] VALIDSIG ", "[GNUPG:] BADSIG "
_MISSING = 127


def parted(text: bytes) -> Tuple[bytes, bytes]:
    """A clear-signed text (RFC 9580, section 7) as its message and its signature in armour.

    What is outside of both is nobody's word, so that text raises ValueError: what is verified is what is read.
    """
    lines = text.rstrip(b"\n").split(b"\n")
    if lines[0].rstrip() != _BEGIN or lines[-1].rstrip() != _END:
        raise ValueError("it is not one signed message from its first line to its last")
    try:
        start, end = lines.index(b"") + 1, lines.index(_SIGNATURE)
    except ValueError as exc:
        raise ValueError("it has no end of its head, or no signature") from exc
    if not all(line.startswith(b"Hash: ") for line in lines[1 : start - 1]):
        raise ValueError("its head holds more than the name of the hash")
    message = [line[2:] if line.startswith(b"- ") else line for line in lines[start:end]]
    if any(line.startswith(b"-----") for line in message):
        raise ValueError("it holds a second message")
    return b"\n".join(line.rstrip(b" \t\r") for line in message), b"\n".join((*lines[end:], b""))


def bare(keyring: bytes) -> bytes:
    """A keyring without its armour, as gpgv wants it. Raises ValueError when the armour is torn."""
    if not keyring.lstrip().startswith(_ARMOUR):
        return keyring
    found = b""
    for block in keyring.split(_ARMOUR)[1:]:
        body, end, _ = block.partition(_ARMOUR_END)
        if not end:
            raise ValueError("a key's armour has no end")
        _, _, data = body.replace(b"\r", b"").partition(b"\n\n")
        # The last line may be a checksum, which begins with an equals sign.
        lines = [line for line in data.split(b"\n") if not line.startswith(b"=")]
        try:
            found += base64.b64decode(b"".join(lines), validate=True)
        except binascii.Error as exc:
            raise ValueError("a key's armour is damaged") from exc
    return found


def problem(host: Host, message: bytes, *, signature: bytes, keyrings: Iterable[bytes]) -> str:
    """Why ``signature`` is no good one of ``message`` by a key of ``keyrings`` (bare); empty when it is."""
    keys = b"".join(keyrings)
    if not keys:
        return "no key is accepted"
    with ExitStack() as stack:
        places = [_handed(stack, content) for content in (keys, signature, message)]
        options = ["--status-fd", "1", "--homedir", "/nonexistent", "--keyring"]
        code, said = host.command(["gpgv", *options, *places])
        if code != _MISSING:
            lines = said.splitlines()
            good = any(line.startswith(_GOOD) for line in lines) and not any(line.startswith(_BAD) for line in lines)
            return "" if good else f"gpgv finds no good signature: {_last(lines)}"
        code, said = host.command(["sqv", "--keyring", *places])
        if code == _MISSING:
            return "neither gpgv nor sqv is installed"
        return "" if code == 0 else f"sqv finds no good signature: {_last(said.splitlines())}"


def _handed(stack: ExitStack, content: bytes) -> str:
    """A path under which a child process reads ``content``, which lies in memory alone."""
    handle = os.memfd_create("vps-sentry")
    stack.callback(os.close, handle)
    with open(handle, "wb", closefd=False) as file:
        file.write(content)
    return f"/proc/{os.getpid()}/fd/{handle}"


def _last(lines: list[str]) -> str:
    told = [line for line in lines if line and not line.startswith("[GNUPG:]")]
    return escape(told[-1].encode("utf-8", "replace"))[:200] if told else "it says nothing"
