# SPDX-License-Identifier: GPL-3.0-or-later
"""nsswitch.conf(5): what also comes from a directory service, and so cannot be seen in files."""

from __future__ import annotations

from typing import Dict

from ..core.model import Value
from ..host import Host
from . import places

FILE = "/etc/nsswitch.conf"
_LIMIT = 1024 * 1024
_LOCAL = ("files", "compat", "systemd", "db", "mymachines")


def elsewhere(host: Host, database: str, *, advice: str) -> Dict[str, Value]:
    """One item ``not_checked:nsswitch`` where ``database`` names a service that is not this host's own."""
    text = places.read(host, FILE, limit=_LIMIT).data.decode("utf-8", "replace")
    for line in text.splitlines():
        name, _, services = line.partition("#")[0].partition(":")
        others = [word for word in services.split() if word not in _LOCAL and word[:1] not in "[!" and word[-1:] != "]"]
        if name.strip() == database and others:
            reason = f"they also come from {', '.join(others)} ({FILE}); {advice}"
            return {"not_checked:nsswitch": {"reason": reason, "source": FILE}}
    return {}
