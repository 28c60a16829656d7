# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders as a controller gives them, and real SSH keys to sign them with."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Optional

from support.runs import MACHINE, NOW, World
from vps_sentry.core.clock import rfc3339
from vps_sentry.core.order import NAMESPACE, Leaf, Manifest, Order
from vps_sentry.core.plan import Plan

FLEET = "acme"
STORE = "store-1"


def plan_of(world: World) -> Plan:
    """What accepting everything would trust now."""
    outcome = world.accept(dry_run=True).outcome
    assert outcome is not None
    return replace(outcome.proposal.plan, expires=rfc3339(NOW + 86400))


def order_for(plan: Plan, *, leaf_expires: Optional[str] = None, **changes: Any) -> Order:
    """An order that fits ``plan``; ``changes`` replace fields of the manifest."""
    leaf = Leaf(plan.machine_id, plan.sequence, plan.name, leaf_expires)
    return Order(
        manifest=replace(manifest_of(leaf), **changes),
        leaf=leaf,
        plan=plan,
        by="anna",
        reason="reviewed",
        store_id=STORE,
    )


def manifest_of(leaf: Leaf) -> Manifest:
    """The manifest over one leaf, and another host's that this one cannot know."""
    return Manifest(
        fleet_id=FLEET,
        plan_id="p-1",
        log_head="sha256:" + "0" * 64,
        created=rfc3339(NOW),
        expires=rfc3339(NOW + 86400),
        leaves=(leaf.name, "sha256:" + "1" * 64),
    )


def rollback_order(sequence: int, plan: Plan) -> Order:
    """Back to ``sequence``; ``plan`` is what that changes."""
    return replace(order_for(plan), plan=None, rollback=sequence)


def profile_order(profile: Plan, plan: Plan) -> Order:
    """``plan`` for a new host on the word of ``profile``: only the latter is named by what is signed."""
    own, signed = order_for(plan), order_for(profile)
    return replace(own, manifest=signed.manifest, profile=profile)


@dataclass(frozen=True)
class Signer:
    """One person with a key of their own."""

    name: str
    key: Path

    @classmethod
    def make(cls, folder: Path, name: str) -> Signer:
        """A new key."""
        key = folder / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(key)], check=True)
        return cls(name, key)

    def allowed(self, options: str = "") -> str:
        """This signer's line of an allowed_signers file."""
        public = self.key.with_name(f"{self.key.name}.pub").read_text().split()
        return f"{self.name} {options}{' ' if options else ''}{public[0]} {public[1]}\n"

    def sign(self, message: bytes, *, namespace: str = NAMESPACE) -> str:
        """The armoured signature over ``message``."""
        argv = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(self.key), "-n", namespace]
        return subprocess.run(argv, input=message, capture_output=True, check=True).stdout.decode("ascii")


__all__ = [
    "FLEET",
    "MACHINE",
    "NOW",
    "STORE",
    "Signer",
    "manifest_of",
    "order_for",
    "plan_of",
    "profile_order",
    "rollback_order",
]
