# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a host is still who and what this controller takes it for. Pure: record and bundle in, doubts out.

The host's own verdict plays no part: what is compared is what it says now with what it said to this controller.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Callable, Iterable, List, Mapping, Optional, Tuple

from .core.bundle import Bundle, CheckHeader
from .core.clock import epoch
from .core.digest import NORM
from .core.model import Severity
from .limits import show

STOPPED_AFTER = 1800
"""Seconds without a run, six of the timer's, after which an agent that answers counts as stopped."""

PASSING = frozenset({"unreachable", "silent", "stopped", "old", "refused", "host_key_mismatch"})
"""Doubts that end by themselves once their cause is gone; a person has to end all others."""
AGENT, TIMER, RUNS = "agent", "timer", "enabled"
"""Check and item in which a host tells of the timer, and the state of one that starts the agent."""
_INSTALL_AGAIN = "what it reported since is unproved: look at the host, install again from here"


@dataclass(frozen=True)
class Record:
    """What the controller takes a host for."""

    machine_id: str
    host_keys: Tuple[str, ...]
    sequence: int
    digest: Optional[str]
    since: str
    agent_digest: Optional[str] = None
    """Of the MANIFEST of its agent's release; None while nobody knows."""
    timer: Optional[str] = None
    """State of its agent's timer; None while nobody knows."""


@dataclass(frozen=True)
class Last:
    """What the host said at the last collect; digests of states are store ids."""

    run: int
    prev: Optional[str]
    observed: int
    accepted: Optional[int]
    run_since: str = ""
    """When this controller first saw that run; empty when it does not know."""


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


def about_agent(known: Optional[str], bundle: Bundle, *, installed: Callable[[], Optional[str]]) -> Optional[Doubt]:
    """The release its agent is of, and what the agent's own check says about the files of that release.

    ``known`` is the digest on record; ``installed`` gives that of the release which this controller installs, and is
    asked only where the two differ.
    """
    says = bundle.agent_digest
    modified = [alert for alert in bundle.alerts if alert.code == "agent_modified" and alert.state != "resolved"]
    if modified:
        told = f"its own check says: {show(modified[0].title, limit=120)}; {_INSTALL_AGAIN}"
        return Doubt("agent_changed", "critical", told)
    if says == known or (says is not None and says == installed()):
        return None
    if known is None:
        told = f"its agent is release {_short(says)}, which this controller did not install; install from here"
        return Doubt("agent_unknown", "info", told, subject=says or "", votes=True)
    told = f"its agent is release {_short(says)} now, {_short(known)} is on record and neither this controller nor a"
    return Doubt("agent_changed", "critical", f"{told} person put the new one there; {_INSTALL_AGAIN}")


def _short(digest: Optional[str]) -> str:
    return show(digest, limit=19) if digest else "unknown (it names none)"


def timer_state(head: Optional[CheckHeader], value: Optional[str]) -> Optional[str]:
    """The state in the item of the timer (canonical JSON), short and printable; None where the check did not work.

    ``head`` is that of the check AGENT. A host that leaves check or item out does not get away with it.
    """
    if head is not None and head.status != "ok":
        return None
    found = json.loads(value) if value is not None else None
    state = found.get("state") if type(found) is dict else None
    return show(state, limit=20) if type(state) is str else "no longer reported"


def about_timer(known: Optional[str], state: Optional[str]) -> Optional[Doubt]:
    """The timer that starts the agent, as its check ``agent`` sees it, against the record."""
    if state is None or state in (RUNS, known) or known is None:
        return None
    told = f"the timer of its agent is {state}: it answers, but soon nobody looks there any more"
    remedy = "systemctl unmask vps-sentry.timer; systemctl enable --now vps-sentry.timer; find out who was root"
    return Doubt("timer_off", "critical", f"{told}; {remedy}")


def about_age(bundle: Bundle, *, at: str, last: Optional[Last]) -> List[Doubt]:
    """An agent that answers but no longer looks, and one whose release is behind. ``at`` is the controller's time.

    A host may write any time it likes, so the number of its run has to move by this controller's clock as well.
    """
    found = []
    if epoch(at) - epoch(bundle.time) > STOPPED_AFTER:
        told = f"agent stopped: its last run was at {bundle.time} by the host's clock"
        found.append(Doubt("stopped", "critical", told))
    elif last and last.run_since and last.run == bundle.run and epoch(at) - epoch(last.run_since) > STOPPED_AFTER:
        told = f"agent stopped: it was in run {bundle.run} at {last.run_since} already, whatever its clock says"
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
