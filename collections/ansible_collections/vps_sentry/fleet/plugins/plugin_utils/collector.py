# SPDX-License-Identifier: GPL-3.0-or-later
"""The user that collects: what a mistake in the inventory would make of its keys, found before any host is contacted.

sshd(8) skips a line of authorized_keys that it cannot read without a word: the key would simply not be let in.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from typing import Iterator, List

from .limits import show

_USER = re.compile(r"[a-z_][a-z0-9_-]{0,30}", re.ASCII)
_KIND = re.compile(r"(ssh-(rsa|ed25519)|ecdsa-sha2-nistp(256|384|521)|sk-[a-z0-9-]+@openssh\.com)", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_.*?:%-]+", re.ASCII)
_NUMBERS = re.compile(r"[0-9.]+|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*", re.ASCII)


def mistakes(user: str, *, keys: List[str], origins: List[str]) -> List[str]:
    """What is wrong with ``vps_sentry_collect_user``, ``_keys`` and ``_from``; sentences, each with its remedy."""
    if not user:
        return []
    return [*_about_user(user), *_about_keys(keys), *_about_origins(origins)]


def _about_user(user: str) -> Iterator[str]:
    if not _USER.fullmatch(user) or user == "root":
        yield f"vps_sentry_collect_user: {show(user)!r} is no name for a user of its own; take sentry-collect"


def _about_keys(keys: List[str]) -> Iterator[str]:
    if not keys:
        yield "vps_sentry_collect_user needs vps_sentry_collect_keys, the public keys of the controller"
    for key in keys:
        if not _is_key(key):
            # A second line would be a key without any restriction.
            yield (
                f"vps_sentry_collect_keys: {show(key)!r} is not one public key in one line without options; "
                "take the line of the .pub file, each key an entry of its own"
            )


def _is_key(key: str) -> bool:
    kind, _blank, rest = key.strip().partition(" ")
    data, _blank, comment = rest.partition(" ")
    try:
        inner = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return False
    named = inner[4 : 4 + int.from_bytes(inner[:4], "big")]
    return bool(_KIND.fullmatch(kind)) and named == kind.encode("ascii") and (comment + "x").isprintable()


def _about_origins(origins: List[str]) -> Iterator[str]:
    for origin in origins:
        said = _about_origin(origin.removeprefix("!"))
        if said:
            yield f"vps_sentry_collect_from: {show(origin)} {said}"
    if origins and all(origin.startswith("!") for origin in origins):
        yield "vps_sentry_collect_from only names who is kept out, so sshd lets nobody in; name who may, too, or '*'"


def _about_origin(origin: str) -> str:
    if "/" in origin:
        return _about_network(origin)
    if _NUMBERS.fullmatch(origin):
        try:
            ipaddress.ip_address(origin)
        except ValueError:
            return "is no address"
    return "" if _NAME.fullmatch(origin) else "is no address, network or name of sshd's from=, see sshd(8)"


def _about_network(origin: str) -> str:
    try:
        loose = ipaddress.ip_network(origin, strict=False)
    except ValueError:
        return "is no network; write ADDRESS/BITS"
    if origin.partition("/")[2] != str(loose.prefixlen):
        return f"is no network to sshd; write {loose}"
    address = ipaddress.ip_address(origin.partition("/")[0])
    if address != loose.network_address:
        return f"is an address inside a network, and sshd would let nobody in; write {loose}, or {address} for it alone"
    return ""
