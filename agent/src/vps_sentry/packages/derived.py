# SPDX-License-Identifier: GPL-3.0-or-later
"""What no package lists but an upgrade makes: who makes it, and how that is verified.

What nothing on the disk can prove (an initrd, a boot menu) is believed only in the hour in which an upgrade that
makes it was first seen, and only with the content it had then.
"""

from __future__ import annotations

import os
import re
from typing import Callable, Mapping, NamedTuple, Optional, Pattern, Set, Tuple

from ..core.canonical import unescape
from ..core.model import Value
from ..errors import CollectError
from ..host import Host

HOUR = 3600
_HELPER = "/var/lib/dpkg/deb-systemd"
_ALTERNATIVES = "/var/lib/dpkg/alternatives"
_UNITS = (b"/usr/lib/systemd/system/", b"/usr/lib/systemd/user/")
_CERTIFICATES = b"/usr/share/ca-certificates/"
_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


class Upgraded(NamedTuple):
    """What the explaining upgrades of this host brought."""

    host: Host
    brought: Mapping[bytes, str]
    """Place -> package."""
    names: Mapping[str, str]
    """Name of a package without its architecture -> its key."""


class Asked(NamedTuple):
    """What differs: where it lies, and the value of its item."""

    place: bytes
    value: Value

    @property
    def target(self) -> bytes:
        """Where it leads if it is a link."""
        return unescape(str(self.value.get("target", "")))


Verify = Callable[[Upgraded, Asked], Optional[str]]
"""What differs -> the package that made it so; None when that is not proved."""


class Rule(NamedTuple):
    """One line of the table."""

    place: Pattern[bytes]
    verify: Verify
    moment: bool = False
    """Believed only while the upgrade is new, and with the content of that moment."""


def _enabled(upgraded: Upgraded, asked: Asked) -> Optional[str]:
    """A link to a unit of the package, made by its own postinst: deb-systemd-helper keeps a note of each."""
    target = os.path.normpath(os.path.join(os.path.dirname(asked.place), asked.target))
    unit = b"/usr" + target if target.startswith(b"/lib/") else target
    package = upgraded.brought.get(unit)
    if package is None or not unit.startswith(_UNITS):
        return None
    below = asked.place.partition(b"/systemd/system/")[2] or asked.place.partition(b"/systemd/user/")[2]
    kind = "user-helper" if b"/systemd/user/" in asked.place else "helper"
    note = f"{_HELPER}-{kind}-enabled/{os.fsdecode(below)}"
    return package if _exists(upgraded.host, note) else None


def _alternative(upgraded: Upgraded, asked: Asked) -> Optional[str]:
    """A link of update-alternatives: its own record holds the name, and a package the file it leads to."""
    package = upgraded.brought.get(os.path.normpath(asked.target))
    if package is None:
        return None
    name = os.path.basename(asked.place)
    for record in (f"{_ALTERNATIVES}/{os.fsdecode(name)}", *_records(upgraded.host)):
        try:
            lines = upgraded.host.read(record, limit=256 * 1024).split(b"\n")
        except CollectError:
            continue
        if (record.endswith("/" + os.fsdecode(name)) or name in lines) and asked.target in lines:
            return package
    return None


def _records(host: Host) -> Tuple[str, ...]:
    try:
        folder = os.path.dirname(host.locate(os.fsencode(_ALTERNATIVES) + b"/entry"))
        return tuple(f"{_ALTERNATIVES}/{os.fsdecode(name)}" for name in sorted(os.listdir(folder)))
    except OSError:
        return ()


def _to_alternative(upgraded: Upgraded, asked: Asked) -> Optional[str]:
    """A command that is a link into /etc/alternatives, where the link of its group is judged by itself."""
    target = asked.target
    if not target.startswith(b"/etc/alternatives/"):
        return None
    try:
        final = os.readlink(upgraded.host.locate(target))
    except OSError:
        return None
    return upgraded.brought.get(os.path.normpath(final))


def _certificate(upgraded: Upgraded, asked: Asked) -> Optional[str]:
    """A link to a certificate of ca-certificates, or a hash link to such a link."""
    target = asked.target
    if b"/" not in target:
        try:
            target = os.readlink(upgraded.host.locate(os.path.join(os.path.dirname(asked.place), target)))
        except OSError:
            return None
    package = upgraded.brought.get(os.path.normpath(target))
    return package if package and target.startswith(_CERTIFICATES) else None


def _certificates(upgraded: Upgraded, asked: Asked) -> Optional[str]:
    """All certificates in one file: every one of them is in a file of the package, whose digests are verified."""
    package = upgraded.names.get("ca-certificates")
    if package is None:
        return None
    known: Set[bytes] = set()
    try:
        for listed, owner in upgraded.brought.items():
            if owner == package and listed.startswith(_CERTIFICATES):
                known.update(_blocks(upgraded.host.read(os.fsdecode(listed))))
        held = _blocks(upgraded.host.read(os.fsdecode(asked.place)))
    except CollectError:
        return None
    return package if held and held <= known else None


def _blocks(text: bytes) -> Set[bytes]:
    return {b"".join(block.split()) for block in _BLOCK.findall(text)}


def _boot(upgraded: Upgraded, asked: Asked) -> Optional[str]:
    """An initrd or boot menu is made by whatever upgrade has a part in it: nothing on the disk proves its content."""
    value = asked.value
    if value.get("uid") != 0 or int(str(value.get("mode", "7777")), 8) & 0o022:
        return None
    parts = (b"/usr/share/initramfs-tools/", b"/usr/lib/dracut/", b"/usr/lib/modules/", b"/boot/", b"/etc/grub.d/")
    return next((package for listed, package in upgraded.brought.items() if listed.startswith(parts)), None)


TABLE: Tuple[Rule, ...] = (
    Rule(re.compile(rb"/etc/systemd/(system|user)/([^/]+\.(wants|requires)/)?[^/]+"), _enabled),
    Rule(re.compile(rb"/etc/alternatives/[^/]+"), _alternative),
    Rule(re.compile(rb"/usr/(bin|sbin|games)/[^/]+"), _to_alternative),
    Rule(re.compile(rb"/etc/ssl/certs/ca-certificates\.crt"), _certificates),
    Rule(re.compile(rb"/etc/ssl/certs/[^/]+"), _certificate),
    Rule(re.compile(rb"/boot/(initrd\.img|initramfs)-[^/]+|/boot/grub2?/(grub\.cfg|grubenv)"), _boot, moment=True),
)
"""Not in it, because no check watches them as files: /etc/ld.so.cache, .pyc in __pycache__, /var/lib/dpkg/info."""


def explained(upgraded: Upgraded, asked: Asked) -> Tuple[Optional[str], bool]:
    """The package whose upgrade made a file what it is, and whether only the moment says so."""
    for rule in TABLE:
        if rule.place.fullmatch(asked.place):
            package = rule.verify(upgraded, asked)
            if package is not None:
                return package, rule.moment
    return None, False


def _exists(host: Host, path: str) -> bool:
    try:
        return os.path.lexists(host.locate(os.fsencode(path)))
    except OSError:
        return False
