# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's own rules: which items belong to one host alone, and which differences are critical.

Whatever a bundle says about scope counts for nothing: a host must not vote itself out of a comparison.
"""

from __future__ import annotations

import re
from fnmatch import translate
from typing import Iterable, Literal, Optional, Tuple

from .core import canonical
from .core.model import Severity

VERSION = 3
"""Raise with every change of a table below; stands in each report."""

NORMS = frozenset({1})
"""The normalisation rule sets that are known here; of any other nobody can say what its items stand for."""

Scope = Literal["shared", "host", "peers"]

HOST_SCOPED: Tuple[Tuple[str, str], ...] = (
    ("files", "/etc/ssh/ssh_host_*"),
    ("files", "/etc/machine-id"),
    ("files", "/var/lib/dbus/machine-id"),
    ("files", "/etc/hostname"),
    ("files", "/etc/hosts"),
    ("files", "/etc/shadow"),
    ("files", "/etc/gshadow"),
    ("files", "/etc/mailname"),
    ("files", "/etc/resolv.conf"),
    ("files", "/etc/fstab"),
    ("files", "/etc/network/interfaces*"),
    ("files", "/etc/netplan/*"),
    ("files", "/etc/systemd/network/*"),
    ("files", "/etc/NetworkManager/system-connections/*"),
    ("files", "/etc/ssl/private/*"),
    ("files", "/etc/ssl/certs/ssl-cert-snakeoil.pem"),
    ("files", "/etc/pki/tls/private/*"),
    ("files", "/etc/letsencrypt/*"),
    ("files", "/etc/wireguard/*"),
    ("files", "/etc/iscsi/initiatorname.iscsi"),
    ("files", "/boot/grub/grub.cfg"),
    ("files", "/etc/default/grub.d/*cloudimg*"),
    ("files", "*/initrd.img-*"),
    ("files", "*/initramfs-*.img"),
    ("files", "*/.ssh/id_*"),
    ("files", "*/.ssh/known_hosts*"),
    ("files", "/var/lib/systemd/random-seed"),
    # Hashes are counted on each host by itself, and container ids are handed out in the order of useradd.
    ("accounts", "password *"),
    ("sshd_config", "*listenaddress"),
    ("accounts", "sub[ug]id *"),
    # Disks and their partitions are each host's own.
    ("mounts", "*"),
)
"""Check and key glob of items compared with the host's own past only."""

PEERS_SCOPED: Tuple[Tuple[str, str], ...] = (("system", "text:*"),)
"""Items compared between hosts only: the same file's own item says what became of it over time."""

CRITICAL: Tuple[Tuple[str, str], ...] = (
    ("files", "*/.ssh/authorized_keys*"),
    ("files", "/etc/ssh/sshd_config*"),
    ("files", "/etc/sudoers*"),
    ("files", "/etc/ld.so.preload"),
    ("files", "/etc/pam.d/*"),
    ("files", "*/security/pam_*"),
    ("files", "/etc/passwd"),
    ("files", "/etc/group"),
    ("files", "/etc/cron*"),
    ("files", "/var/spool/cron/*"),
    ("files", "/etc/systemd/system/*"),
    ("files", "/etc/vps-sentry*"),
    ("files", "/opt/vps-sentry/*"),
    ("files", "/usr/local/bin/vps-sentry*"),
    ("accounts", "user *"),
    ("accounts", "line *"),
    ("accounts", "/etc/*"),
    ("ssh_keys", "*:SHA256:*"),
    ("ssh_keys", "file *"),
    ("sshd_config", "*authorizedkeys*"),
    ("sshd_config", "*trustedusercakeys"),
    ("sshd_config", "*permitrootlogin"),
    ("sshd_config", "*passwordauthentication"),
    ("sshd_config", "*permitemptypasswords"),
    ("sudoers", "rule *"),
    ("sudoers", "doas *"),
    ("sudoers", "sudo.conf *"),
    ("ports", "*:wildcard"),
    ("ports", "*:wildcard@*"),
    ("ports", "*:public"),
    ("ports", "*:public@*"),
    ("ports", "packet:*"),
)
"""Classes that are never explained away: a difference in one of them is critical until somebody accepts it."""


def _compiled(table: Tuple[Tuple[str, str], ...]) -> re.Pattern[str]:
    # One pattern over "check NUL key": a NUL stands in no check name and no escaped key.
    return re.compile("|".join(translate(f"{check}\0{glob}") for check, glob in table))


_HOST_SCOPED = _compiled(HOST_SCOPED)
_PEERS_SCOPED = _compiled(PEERS_SCOPED)
_CRITICAL = _compiled(CRITICAL)
_RULED = frozenset(check for check, _glob in HOST_SCOPED)
_OCTAL = re.compile("[0-7]{1,5}", re.ASCII)


def scope(check: str, key: str) -> Scope:
    """Whether an item is compared between hosts and over time (``shared``), or on one axis only."""
    place = f"{check}\0{key}"
    return "host" if _HOST_SCOPED.match(place) else "peers" if _PEERS_SCOPED.match(place) else "shared"


def is_ruled(check: str) -> bool:
    """Whether some item of the check may have no vote, so that its items must be looked at one by one."""
    return check in _RULED


def severity(check: str, key: str, *, values: Iterable[Optional[str]]) -> Severity:
    """How much a difference between hosts in this item weighs; ``values`` are canonical JSON, None = absent."""
    powerful = check == "files" and any(value is not None and _is_powerful(value) for value in values)
    return "critical" if powerful or _CRITICAL.match(f"{check}\0{key}") else "warning"


def _is_powerful(text: str) -> bool:
    """Whether a file lends rights to whoever runs it: setuid, setgid or capabilities."""
    value = canonical.loads(text.encode("ascii"))
    mode = str(value.get("mode"))
    lends = _OCTAL.fullmatch(mode) is not None and bool(int(mode, 8) & 0o6000)
    return value.get("type") == "file" and (lends or bool(value.get("capabilities")))
