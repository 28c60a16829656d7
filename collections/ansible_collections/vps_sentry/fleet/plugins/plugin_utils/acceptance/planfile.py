# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan on disk: exactly what a person reviews, named by its own digest, written once and never edited."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from ..core import canonical, codec, digest
from ..core.model import Severity
from ..core.order import COHORT, Leaf, Manifest, Order
from ..core.plan import SCHEMA as HOST_SCHEMA
from ..core.plan import Plan, PlanItem

SCHEMA = 1
LIFETIME = 24 * 3600
"""Seconds for which a plan may be applied."""
LIMIT = 256 * 1024 * 1024


class PlanError(Exception):
    """The plan cannot be used. The message is safe to print and says what to do."""


@dataclass(frozen=True)
class HostPlan:
    """One host's part. ``items`` are check, key, digest of the accepted value, digest of the one to accept."""

    name: str
    machine_id: str
    sequence: int
    plan_digest: str
    items: Tuple[PlanItem, ...]
    not_checked: Tuple[str, ...] = ()
    rollback: Optional[int] = None
    """Sequence of the kept baseline it goes back to; its items then say what that changes."""


@dataclass(frozen=True)
class Group:
    """The same change on one or more hosts of a cohort, with its values: what a person reads."""

    cohort: str
    severity: Severity
    check: str
    key: str
    before: Any
    after: Any
    hosts: Tuple[str, ...]
    explanation: str = ""


@dataclass(frozen=True)
class Withheld:
    """What the plan leaves out, and why; ``check`` and ``key`` are empty where it is the whole host."""

    host: str
    check: str
    key: str
    reason: str


@dataclass(frozen=True)
class PlanFile:
    """The whole plan. Times are RFC 3339 UTC; ``lifetime`` is when what it accepts gives way again, or null.

    A profile is one too: its only host stands for every new host of a cohort.
    """

    schema: int
    plan_id: str
    fleet_id: str
    store_id: str
    log_head: str
    created: str
    expires: str
    by: str
    reason: str
    hosts: Tuple[HostPlan, ...]
    withheld: Tuple[Withheld, ...]
    groups: Tuple[Group, ...]
    lifetime: Optional[str] = None

    @property
    def file_name(self) -> str:
        """Under what name it is kept."""
        return f"{'profile' if self.cohort else 'plan'}-{self.plan_id}.json"

    @property
    def cohort(self) -> str:
        """Of a profile: whose new hosts may accept it; empty where this is a plan."""
        return next((h.machine_id[len(COHORT) :] for h in self.hosts if h.machine_id.startswith(COHORT)), "")

    @property
    def critical(self) -> int:
        """How many critical items it would trust, each host's counted."""
        return sum(len(group.hosts) for group in self.groups if group.severity == "critical")

    @property
    def items(self) -> int:
        """How many items it would trust, each host's counted."""
        return sum(len(group.hosts) for group in self.groups)


def named(plan: PlanFile) -> PlanFile:
    """``plan`` under the name its content gives it."""
    return replace(plan, plan_id=_id(plan))


def _id(plan: PlanFile) -> str:
    return digest.digest(codec.encode(replace(plan, plan_id="")))[len("sha256:") :][:32]


def manifest(plan: PlanFile) -> Manifest:
    """What is signed: it names the plan by digest, and each host's leaf."""
    return Manifest(
        fleet_id=plan.fleet_id,
        plan_id=plan.plan_id,
        log_head=plan.log_head,
        created=plan.created,
        expires=plan.expires,
        leaves=tuple(leaf(plan, host).name for host in plan.hosts),
    )


def leaf(plan: PlanFile, host: HostPlan) -> Leaf:
    """The part of the manifest that is ``host``'s."""
    return Leaf(host.machine_id, host.sequence, host.plan_digest, plan.lifetime)


@dataclass(frozen=True)
class Signed:
    """What people signed, made once for all hosts: the manifest of a plan, or of the profile it was made from."""

    manifest: Manifest
    signature: Optional[str] = None
    profile: Optional[Plan] = None


def signed(plan: PlanFile, signature: Optional[str]) -> Signed:
    """``plan`` as its hosts see it signed; ``signature`` is None in an unsigned fleet."""
    profile = host_plan(plan.hosts[0], expires=plan.expires) if plan.cohort else None
    return Signed(manifest(plan), signature, profile)


def order(plan: PlanFile, host: HostPlan, *, signed: Signed) -> Order:
    """What ``host`` is handed."""
    return Order(
        manifest=signed.manifest,
        leaf=leaf(plan, host),
        signature=signed.signature,
        plan=None if host.rollback is not None else host_plan(host, expires=plan.expires),
        rollback=host.rollback,
        by=plan.by,
        reason=plan.reason,
        store_id=plan.store_id,
        profile=signed.profile,
    )


def host_plan(host: HostPlan, *, expires: Optional[str]) -> Plan:
    """The plan as the host itself names it; one that goes back does not expire, for the host makes it anew."""
    return Plan(
        schema=HOST_SCHEMA,
        machine_id=host.machine_id,
        sequence=host.sequence,
        expires=None if host.rollback is not None else expires,
        items=host.items,
        not_checked=host.not_checked,
    )


def write(plan: PlanFile, folder: Path) -> Path:
    """Keep the plan, readable by its owner alone; the same plan twice is the same file. Raises OSError."""
    path = folder / plan.file_name
    temporary = folder / f".{plan.file_name}.{os.getpid()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as handle:
        handle.write(canonical.dumps(codec.encode(plan)) + b"\n")
        handle.flush()
        os.fsync(handle.fileno())
    os.replace(temporary, path)
    return path


def read(path: Path) -> PlanFile:
    """The plan in ``path``. Raises PlanError when it is none, or no longer what was written."""
    try:
        with path.open("rb") as handle:
            data = handle.read(LIMIT + 1)
    except OSError as exc:
        raise PlanError(f"cannot read {path}: {exc.strerror}") from exc
    if len(data) > LIMIT:
        raise PlanError(f"{path}: larger than {LIMIT} bytes")
    try:
        plan = codec.decode(PlanFile, canonical.loads(data))
    except (canonical.CanonicalError, codec.CodecError) as exc:
        raise PlanError(f"{path} is no plan: {exc}; make one with: vps-sentry-fleet accept plan") from exc
    problem = next(defects(plan), None)
    if problem is not None:
        raise PlanError(f"{path}: {problem}; make a new plan")
    return plan


def defects(plan: PlanFile) -> Iterator[str]:
    """Why the plan is not what its name says, or shows a person something else than it does."""
    if plan.schema != SCHEMA:
        yield f"plan schema {plan.schema} is not known to this controller"
    elif plan.plan_id != _id(plan):
        yield "it was edited after it was made"
    elif len({host.name for host in plan.hosts}) != len(plan.hosts):
        yield "it names a host twice"
    elif plan.cohort and len(plan.hosts) != 1:
        yield "it is a profile and a plan in one"
    else:
        yield from (
            f"the items of {host.name} do not match their digest" for host in plan.hosts if _misnamed(plan, host)
        )
        if _shown(plan) != _done(plan):
            yield "what it shows is not what it does"


def _misnamed(plan: PlanFile, host: HostPlan) -> bool:
    return host_plan(host, expires=plan.expires).name != host.plan_digest


def _done(plan: PlanFile) -> List[Tuple[str, PlanItem]]:
    return sorted(((host.name, item) for host in plan.hosts for item in host.items if item[1]), key=repr)


def _shown(plan: PlanFile) -> List[Tuple[str, PlanItem]]:
    shown = ((group, (group.check, group.key, _digest(group.before), _digest(group.after))) for group in plan.groups)
    return sorted(((name, item) for group, item in shown for name in group.hosts), key=repr)


def _digest(value: Any) -> Optional[str]:
    return None if value is None else digest.digest(value)


def values(plan: PlanFile) -> Dict[str, Dict[Tuple[str, str], Any]]:
    """Host -> check and key -> the value to accept, None where the item goes."""
    found: Dict[str, Dict[Tuple[str, str], Any]] = {host.name: {} for host in plan.hosts}
    for group in plan.groups:
        for name in group.hosts:
            found[name][group.check, group.key] = group.after
    return found


def by_name(plan: PlanFile) -> Mapping[str, HostPlan]:
    """The hosts of the plan by name."""
    return {host.name: host for host in plan.hosts}
