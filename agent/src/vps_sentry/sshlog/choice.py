# SPDX-License-Identifier: GPL-3.0-or-later
"""Which log of sshd is read: exactly one, the first of the configured that can be."""

from __future__ import annotations

from typing import Any, List, Mapping

from ..core.clock import rfc3339
from ..errors import CollectError
from ..host import Host
from .options import Options, candidates
from .rules import DAY
from .source import Source
from .textlog import TextSource

FIRST_LOOK = 30 * DAY
SILENT = 3600
"""Seconds without any entry after which a journal is what journald once kept: our own unit alone writes every tick."""


def choose(host: Host, options: Options, *, memory: Mapping[str, Any], now: int) -> Source:
    """The source, going on where ``memory`` left it. Raises CollectError with what to do when there is none."""
    problems: List[str] = []
    for name in candidates(options):
        position = memory.get("position", {}) if memory.get("source") == name else {}
        try:
            return _open(name, position, host=host, now=now)
        except CollectError as exc:
            problems.append(str(exc))
    raise CollectError(
        "no log of sshd can be read (" + "; ".join(problems) + "); let journald or rsyslog keep one, or name it in "
        "checks.ssh_auth.sources"
    )


def _open(name: str, position: Mapping[str, Any], *, host: Host, now: int) -> Source:
    if name != "journal":
        return TextSource(host, name, position, now=now)
    try:
        from .journal import JournalSource
    except ImportError as exc:
        # In the middle of a dist-upgrade Python may lack the library that ctypes needs: one check fails, not the agent.
        raise CollectError(f"cannot load what reads the journal: {exc}") from exc

    source = JournalSource(position, now, since=now - FIRST_LOOK, machine_id=host.machine_id())
    if now - source.newest > SILENT:
        source.close()
        raise CollectError(kept_nothing(source.newest))
    return source


def kept_nothing(since: int) -> str:
    """The journal is still there, and nothing is written to it any more."""
    return f"journald has kept nothing since {rfc3339(since)}; see Storage= in /etc/systemd/journald.conf"
