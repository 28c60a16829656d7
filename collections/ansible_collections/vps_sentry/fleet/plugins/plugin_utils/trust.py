# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a host is still who and what this controller takes it for. Pure: record and bundle in, doubts out.

The host's own verdict plays no part: what is compared is what it says now with what it said to this controller.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, List, Mapping, Optional, Tuple

from .core.bundle import Bundle
from .core.clock import epoch
from .core.digest import NORM
from .core.model import Severity

STOPPED_AFTER = 1800
"""Seconds without a run, six of the timer's, after which an agent that answers counts as stopped."""

PASSING = frozenset({"unreachable", "silent", "stopped", "old", "refused", "host_key_mismatch"})
"""Doubts that end by themselves once their cause is gone; a person has to end all others."""


@dataclass(frozen=True)
class Record:
    """What the controller takes a host for."""

    machine_id: str
    host_keys: Tuple[str, ...]
    sequence: int
    digest: Optional[str]
    since: str


@dataclass(frozen=True)
class Last:
    """What the host said at the last collect; digests of states are store ids."""

    run: int
    prev: Optional[str]
    observed: int
    accepted: Optional[int]


@dataclass(frozen=True)
class Doubt:
    """One reason to doubt a host. ``subject`` is what several hosts with the same doubt share."""

    code: str
    severity: Severity
    detail: str
    subject: str = ""
    votes: bool = False


def about_baseline(record: Record, bundle: Bundle) -> Optional[Doubt]:
    """The accepted baseline against the record: nobody but this controller may have moved it."""
    now = bundle.baseline
    if record.digest is None:
        return None
    if now.status != "accepted":
        return Doubt("rollback", "critical", f"baseline #{record.sequence} is gone from the host ({now.status})")
    told = f"the host says baseline #{now.sequence}, the record #{record.sequence}"
    if now.sequence < record.sequence:
        return Doubt("rollback", "critical", f"{told}: an older one was put back, or its state was reset")
    if now.sequence > record.sequence:
        return Doubt("local_accept", "critical", f"{told}: somebody accepted a baseline on the host itself")
    if now.digest != record.digest:
        return Doubt("fork", "critical", f"{told} with other items in it: it was replaced without a new number")
    return None


def about_runs(last: Last, bundle: Bundle, *, observed: int, accepted: Optional[int]) -> Optional[Doubt]:
    """Runs only count up, the same run never says two things, and what moved moved in a run of its own."""
    if bundle.run < last.run:
        told = f"run {bundle.run} after run {last.run}: its state was put back or reset"
        return Doubt("history_break", "critical", told)
    moved = (observed, accepted) != (last.observed, last.accepted)
    if moved and bundle.run == last.run:
        return Doubt("history_break", "critical", f"run {bundle.run} says something else than it did before")
    if moved and bundle.prev == last.prev:
        return Doubt("history_break", "critical", f"what run {bundle.run} says is not the work of any new run")
    return None


def about_identity(record: Record, bundle: Bundle, *, others: Iterable[str]) -> Optional[Doubt]:
    """Machine-id and SSH host keys against the record; ``others`` are hosts whose machine-id it shows."""
    owners = ", ".join(sorted(others))
    if bundle.machine_id != record.machine_id:
        whose = f", which is that of {owners}" if owners else ""
        told = f"machine-id {bundle.machine_id} instead of {record.machine_id}{whose}"
        return Doubt("identity_changed", "critical", f"{told}: rebuilt, or another machine answers")
    before, now = set(record.host_keys), set(bundle.host_keys)
    if before == now or not before:
        return None
    if not before & now:
        return Doubt("host_key_changed", "critical", "none of its SSH host keys is one of the record's")
    told = f"{len(now - before)} new and {len(before - now)} missing SSH host keys"
    return Doubt("host_key_changed", "warning", told, votes=True)


def about_age(bundle: Bundle, *, at: str) -> List[Doubt]:
    """An agent that answers but no longer looks, and one whose release is behind. ``at`` is the controller's time."""
    found = []
    if epoch(at) - epoch(bundle.time) > STOPPED_AFTER:
        told = f"agent stopped: its last run was at {bundle.time} by the host's clock"
        found.append(Doubt("stopped", "critical", told))
    if bundle.norm < NORM:
        told = f"agent old: rule set {bundle.norm}, this controller's is {NORM}; upgrade it"
        found.append(Doubt("old", "info", told, votes=True))
    return found


def about_clones(bundle: Bundle, others: Mapping[str, str], *, at: str, new_within: int = 3600) -> Optional[Doubt]:
    """``others`` are the hosts (and since when they are known) with the machine-id of this new host.

    Machines made from one image show it at first sight: one grouped doubt. An id that one host alone had for a while
    and a second one shows now is critical.
    """
    if not others:
        return None
    copied = len(others) == 1 and all(epoch(at) - epoch(since) > new_within for since in others.values())
    told = f"several hosts have the machine-id {bundle.machine_id}: give each its own with systemd-machine-id-setup"
    return Doubt("clone", "critical" if copied else "warning", told, subject=bundle.machine_id)


def about_absence(outcome: str, reason: str, *, missed: int, max_age: int) -> Doubt:
    """An attempt that brought no bundle. ``reason`` must be safe to print."""
    if outcome == "replay":
        return Doubt("replay", "critical", reason)
    if missed >= max_age:
        return Doubt("silent", "critical", f"no bundle in {missed} collects: {reason}")
    if outcome == "unreachable":
        return Doubt("unreachable", "warning", reason, votes=True)
    if outcome == "old":
        return Doubt("old", "info", reason, votes=True)
    if outcome == "host_key":
        return Doubt("host_key_mismatch", "critical", reason)
    if outcome == "refused":
        return Doubt("refused", "critical", reason, votes=True)
    return Doubt("stopped", "critical", f"agent stopped: {reason}")
