# SPDX-License-Identifier: GPL-3.0-or-later
"""What a controller hands to a host to be accepted: manifest, leaf, plan, signature (docs/contracts.md section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

from . import canonical, codec, digest
from .model import Strict
from .plan import Plan

NAMESPACE = "accept@vps-sentry"
"""Of the signatures: what is signed here counts nowhere else, and nothing signed elsewhere counts here."""

COHORT = "cohort:"
"""Begins what stands in place of a machine-id in a profile: a plan for any new host of the cohort that follows. No
machine-id looks like it, so a plan is never taken for a profile, nor a profile for a plan."""


@dataclass(frozen=True)
class Leaf(Strict):
    """One host's part of an acceptance. No host sees another's."""

    machine_id: str
    sequence: int
    """Of the baseline it starts from; 0 = none."""
    plan_digest: str
    expires: Optional[str] = None
    """When what is accepted gives way again, RFC 3339 UTC; null when it holds for good."""

    @property
    def name(self) -> str:
        """The leaf's digest, as the manifest lists it."""
        return digest.digest(codec.encode(self))


@dataclass(frozen=True)
class Manifest(Strict):
    """What is signed, once for all hosts of a plan. Times are RFC 3339 UTC."""

    fleet_id: str
    plan_id: str
    log_head: str
    """Head of the controller's audit log when the plan was made."""
    created: str
    expires: str
    """Until when the plan may be applied."""
    leaves: Tuple[str, ...]

    def signed_bytes(self) -> bytes:
        """The very bytes that are signed."""
        return canonical.dumps(codec.encode(self))


@dataclass(frozen=True)
class Order(Strict):
    """One acceptance for one host. The manifest names the leaf by digest, the leaf the plan; the rest is said, not
    proven: a signature over the manifest covers ``by`` and ``reason`` only through ``plan_id``."""

    manifest: Manifest
    leaf: Leaf
    signature: Optional[str] = None
    """Armoured SSH signatures over the manifest, one after the other; null in an unsigned fleet."""
    plan: Optional[Plan] = None
    """The items; a rollback needs none, the host makes the same plan from what it keeps."""
    rollback: Optional[int] = None
    """Sequence of the kept baseline to go back to."""
    by: str = ""
    reason: str = ""
    store_id: str = ""
    """Which store of the fleet keeps this acceptance."""
    profile: Optional[Plan] = None
    """What was signed where nobody saw this host: the manifest names its leaf, and the plan must lie in it."""
