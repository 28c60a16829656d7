# SPDX-License-Identifier: GPL-3.0-or-later
"""A signed fleet of four alike, and whoever reviews for it: what a profile is made from and held out to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance import planfile, signing
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import Store, open_store
from support.garden import Garden
from support.orders import FLEET, Signer
from support.runs import World
from vps_sentry.config import Accept

PEERS = ("web-1", "web-2", "web-3", "web-4")


class Cohort:
    """A signed fleet of four hosts, and the files of whoever reviews for it. Its hosts' clocks are an hour ahead."""

    def __init__(self, path: Path, store: Store) -> None:
        self.path = path
        self.anna, self.bert = (Signer(name, path / name) for name in ("anna@example.org", "bert@example.org"))
        self.allowed = path / "allowed_signers"
        self.garden = Garden(path, store)
        self.garden.signers = self.allowed.read_bytes()
        for name in PEERS:
            world = self.add(name)
            world.items["root key"] = {"n": 7}
            world.now += 3600

    @classmethod
    def found(cls, path: Path) -> None:
        """Let there be one in ``path``, its baselines accepted."""
        signers = [Signer.make(path, name) for name in ("anna@example.org", "bert@example.org")]
        (path / "allowed_signers").write_text("".join(one.allowed() for one in signers))
        with open_store(f"sqlite:///{path}/fleet.sqlite", environ={}) as store:
            cohort = cls(path, store)
            for world in cohort.garden.hosts.values():
                world.now -= 3600
            cohort.garden.collect()
            cohort.apply(cohort.sign(cohort.garden.plan(fleet_id=FLEET), cohort.anna))
            assert {"active"} == set(cohort.garden.states().values())

    def add(self, name: str, *, cohort: str = "web") -> World:
        """One more host, whose configuration says whose it is."""
        world = self.garden.add(name)
        world.fleet = Accept(FLEET, allowed_signers="signers", cohort=cohort)
        return world

    def make(self, **options: Any) -> Path:
        """A profile as it comes from the desk."""
        told = self.garden.desk.profile({"cohort": "web", "expires": "90d", **options}, folder=self.path)
        assert told.plan is not None
        return Path(told.plan)

    def sign(self, path: Path, *signers: Signer) -> Path:
        """As ``accept sign`` does it."""
        for one in signers:
            signing.add(path, signing.sign(planfile.read(path), one.key))
        return path

    def remade(self, path: Path, **changes: Any) -> Path:
        """The profile in ``path`` with other words, as a controller would make it; nobody signed that yet."""
        found = replace(planfile.read(path), **changes)
        part = found.hosts[0]
        part = replace(part, plan_digest=planfile.host_plan(part, expires=found.expires).name)
        return planfile.write(planfile.named(replace(found, hosts=(part,))), self.path)

    def begin(self, path: Path, **options: Any) -> str:
        """What the desk says to it."""
        given = {"signers": str(self.allowed), "max": "100%", "canary": False, "profile": "profile" in path.name}
        return self.garden.desk.begin(path, {**given, **options}).text

    def apply(self, path: Path, **options: Any) -> str:
        """Begin it and hand it over."""
        text = self.begin(path, **options)
        self.garden.hand_over()
        return text
