# SPDX-License-Identifier: GPL-3.0-or-later
"""Small texts as they would stand on any host: its own names, addresses and machine-id give way to words for them.

This is rule set 1 (``core.digest.NORM``). Whatever changes here changes what hosts are compared on: raise that number.
"""

from __future__ import annotations

import os
import re
import stat
from ipaddress import IPv6Address
from typing import Dict, Iterator, Mapping, Tuple

from ..errors import CollectError
from ..host import Host

TEXTS = (
    "/etc/aliases",
    "/etc/exports",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/issue",
    "/etc/mailname",
    "/etc/motd",
    "/etc/munin/munin-node.conf",
    "/etc/network/interfaces",
    "/etc/postfix/main.cf",
    "/etc/snmp/snmpd.conf",
    "/etc/ssmtp/ssmtp.conf",
    "/etc/zabbix/zabbix_agentd.conf",
)
"""Files that name the host they are on and are alike apart from that."""
LIMIT = 64 * 1024
"""Bytes; a larger one is no small text and is left out."""

_FIB = "/proc/net/fib_trie"
_INET6 = "/proc/net/if_inet6"
_LOCAL = re.compile(rb"\|-- ([0-9.]+)\n\s+/32 host LOCAL")
_COMMON = (b"localhost", b"(none)", b"")

Own = Mapping[bytes, bytes]
"""What is the host's own -> the word that stands for it."""


def texts(host: Host) -> Iterator[Tuple[str, bytes]]:
    """Path and content of each that is there as a small regular file; what else it may be the check ``files`` says.

    A link is left out: its target may change without it, and no stamp would see that.
    """
    for path in TEXTS:
        try:
            if stat.S_ISREG(os.lstat(host.locate(os.fsencode(path))).st_mode):
                yield path, host.read(path, limit=LIMIT)
        except (CollectError, OSError):
            continue


def own(host: Host) -> Own:
    """The names, addresses and machine-id of a host. Of a mounted disk nobody knows the addresses."""
    name = host.name().encode("utf-8", "surrogateescape")
    short = name.partition(b".")[0]
    found: Dict[bytes, bytes] = {}
    if host.live:
        found.update((address, b"${IP}") for address in _addresses(host))
    if short not in _COMMON:
        found.update((full, b"${FQDN}") for full in _full_names(_read(host, "/etc/hosts"), short))
        found[name] = b"${FQDN}" if b"." in name else b"${HOST}"
        found[short] = b"${HOST}"
    machine = _read(host, "/etc/machine-id").strip()
    if machine:
        found[machine] = b"${MID}"
    return found


def _full_names(hosts: bytes, short: bytes) -> Iterator[bytes]:
    """Names of hosts(5) that begin with the short one."""
    for line in hosts.splitlines():
        names = line.partition(b"#")[0].split()[1:]
        yield from (name for name in names if name.startswith(short + b"."))


def _addresses(host: Host) -> Iterator[bytes]:
    """Every address of the host but those of loopback, as people write them (proc(5), fib_trie and if_inet6)."""
    yield from {found for found in _LOCAL.findall(_read(host, _FIB)) if not found.startswith(b"127.")}
    for line in _read(host, _INET6).splitlines():
        address = IPv6Address(bytes.fromhex(line.split()[0].decode("ascii")))
        if not address.is_loopback:
            yield str(address).encode("ascii")


def _read(host: Host, path: str) -> bytes:
    try:
        return host.read(path)
    except CollectError:
        return b""


def normal(text: bytes, own: Own) -> bytes:
    """``text`` with whole words of ``own`` replaced; a ``${`` that stood there before becomes ``$${``."""
    escaped = text.replace(b"${", b"$${")
    if not own:
        return escaped
    words = b"|".join(re.escape(word) for word in sorted(own, key=len, reverse=True))
    return re.sub(rb"(?<![\w.-])(?:%s)(?![\w-])" % words, lambda match: own[match[0]], escaped)
