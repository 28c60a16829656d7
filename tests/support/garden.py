# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet without machines: real agent runs, real orders, a real store; only the wire is a function call."""

from __future__ import annotations

import json
import time
from hashlib import md5
from pathlib import Path
from typing import Any, Dict, List, Optional

from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import ingest, roster, trust_store
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance import delivery, ledger, planfile
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance.desk import Desk
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance.ledger import Row
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance.planfile import PlanFile
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.moment import now
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import Store
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.trust import Record
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.verify import verify
from support.fleet import raw
from support.runs import World
from vps_sentry import handout, memory, orders, signatures
from vps_sentry.accept import Request
from vps_sentry.baseline import Baseline
from vps_sentry.core import canonical, codec
from vps_sentry.core.order import NAMESPACE, Order
from vps_sentry.host import Host


class Garden:
    """Hosts by name, and the desk of the person who accepts."""

    def __init__(self, path: Path, store: Store, *names: str) -> None:
        self.path = path
        self.store = store
        self.desk = Desk(store, "anna")
        self.hosts: Dict[str, World] = {}
        self.releases: Dict[str, str] = {}
        """Host -> the digest of the release that its agent names; none where it runs from a checkout."""
        self.signers = b""
        """What the hosts have as allowed_signers; empty in an unsigned fleet."""
        for name in names:
            self.add(name)

    def add(self, name: str) -> World:
        """One more host, as alike to the others as a new host is."""
        machine = md5(name.encode()).hexdigest()
        world = World(self.path / name, items={"a": {"n": 1}, "b": {"n": 2}}, machine=machine, now=int(time.time()))
        self.hosts[name] = world
        return world

    def bundle(self, name: str) -> bytes:
        """What the host hands out after one more run."""
        world = self.hosts[name]
        world.run(after=1)
        source = handout.Source(world.setup().host, ("things",), self.releases.get(name))
        return raw(handout.build(world.store, source, request=None))

    def collect(self, *names: str) -> None:
        """Take in the bundles of these hosts, of all by default."""
        for name in names or self.hosts:
            self.take_in(name, self.bundle(name))

    def take_in(self, name: str, data: bytes) -> None:
        """Take in what a host says, whatever that is."""
        with self.store.write() as connection:
            found = verify(data, nonce=None, held=roster.holdings(connection, name))
            ingest.ingest(connection, found, whose=ingest.Whose(name, "web"), at=now())

    def plan(self, **options: Any) -> Path:
        """A plan over what was collected."""
        told = self.desk.plan(options, folder=self.path)
        assert told.plan is not None, told.text
        return Path(told.plan)

    def read(self, plan: Path) -> PlanFile:
        """What a plan's file holds."""
        return planfile.read(plan)

    def apply(self, plan: Path, *, down: tuple[str, ...] = (), **options: Any) -> None:
        """Begin a plan and hand it over, to its canaries first."""
        self.desk.begin(plan, {"max": "100%", **options})
        for _ in range(2):
            self.hand_over(down=down)

    def hand_over(self, *, down: tuple[str, ...] = ()) -> None:
        """Hand each host what waits for it, and collect whoever says that it accepted."""
        for name in self.hosts:
            handed = delivery.take_up(self.store, name)
            if handed is None:
                continue
            if name in down:
                delivery.missed(self.store, handed, reason="no route to host")
                continue
            state, _reason = delivery.answered(self.store, handed, text=self.answer(name, handed.order))
            if state == "accepted":
                self.collect(name)

    def answer(self, name: str, order: bytes) -> str:
        """What the agent of the host says to an order, after it carried it out."""
        world = self.hosts[name]
        wanted = codec.decode(Order, canonical.loads(order))
        if orders.carried_out(world.store, self.baseline(name), order=wanted) is not None:
            return json.dumps({"outcome": "already", "refusals": []})
        found = world.accept(self._request(world, wanted)).outcome
        assert found is not None
        return json.dumps({"outcome": "stale" if found.stale else found.kind, "refusals": list(found.refusals)})

    def _request(self, world: World, order: Order) -> Request:
        """As ``cli.order`` makes it of what configuration and signatures say."""
        settings = world.fleet
        fleet_id, cohort = (settings.fleet_id, settings.cohort) if settings else (None, None)
        doubts = tuple(orders.foreign(order, fleet_id=fleet_id, cohort=cohort))
        if not self.signers:
            return Request(by=order.by, reason=order.reason, order=order, doubts=doubts)
        text, message = order.signature or "", order.manifest.signed_bytes()
        who = signatures.signers_of(Host(), text, message=message, signers=self.signers, namespace=NAMESPACE)
        doubts += () if who else ("nobody signed",)
        return Request(by=" ".join(who), reason=order.reason, order=order, doubts=doubts, signers="signers")

    def baseline(self, name: str) -> Baseline:
        """What the host itself holds as accepted."""
        return memory.recall(self.hosts[name].store).baseline

    def rows(self) -> Dict[str, Row]:
        """The newest acceptance of each host."""
        with self.store.read() as connection:
            return {row.host: row for row in ledger.rows(connection)}

    def states(self) -> Dict[str, str]:
        """Host -> state of its newest acceptance."""
        return {name: row.state for name, row in self.rows().items()}

    def doubts(self) -> List[tuple[str, str]]:
        """Host and code of what stands against believing it."""
        with self.store.read() as connection:
            return [(doubt.host, doubt.code) for doubt in trust_store.standing(connection)]

    def record(self, name: str) -> Optional[Record]:
        """What this controller takes the host for."""
        with self.store.read() as connection:
            return trust_store.record_of(connection, ledger.host_ids(connection)[name])

    def recorded(self, name: str) -> Optional[int]:
        """The sequence of that record."""
        found = self.record(name)
        return None if found is None else found.sequence
