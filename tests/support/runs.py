# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs against a scripted check: real store, real pipeline, a machine that says what the test wants."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Tuple

from vps_sentry import outbox
from vps_sentry.accept import Request
from vps_sentry.checks import Check, Context, Stamp
from vps_sentry.config import Accept, Config, Delivery, Notify
from vps_sentry.core.model import Change, Observation, Rating, Value
from vps_sentry.errors import CollectError
from vps_sentry.host import Host
from vps_sentry.pipeline import Result, run_once
from vps_sentry.report import Report
from vps_sentry.setup import Setup
from vps_sentry.sinks.webhook import Options as WebhookOptions
from vps_sentry.store import Store

NOW = 1_764_000_000
MACHINE = "0123456789abcdef0123456789abcdef"


@dataclass(frozen=True)
class Options:
    """Options of the scripted check."""

    enabled: bool = True


@dataclass
class World:
    """A machine, its state directory and what its one check, ``things``, sees next."""

    path: Path
    items: Dict[str, Value] = field(default_factory=dict)
    learnable: Dict[str, Value] = field(default_factory=dict)
    unwatched: FrozenSet[str] = frozenset()
    begun: FrozenSet[str] = frozenset()
    failing: str = ""
    now: int = NOW
    scheduled: bool = False
    config_error: str = ""
    fleet: Optional[Accept] = None
    sinks: Mapping[str, Any] = field(default_factory=lambda: {"webhook": WebhookOptions(url="https://hook.example/x")})
    delivery: Delivery = field(default_factory=Delivery)
    stampless: bool = False
    settles: bool = False
    uptime: int = 3600
    machine: str = MACHINE
    collected: int = 0
    taken: Dict[Stamp, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        root = self.path / "root" / "etc"
        root.mkdir(parents=True, exist_ok=True)
        (root / "machine-id").write_text(self.machine + "\n")
        (root / "hostname").write_text("web-1\n")
        (self.path / "marker").write_text("0")
        self.store.prepare()

    @property
    def store(self) -> Store:
        return Store(str(self.path / "state"))

    def move(self) -> None:
        """Something the stamp sees."""
        (self.path / "marker").write_text(str(self.now))

    def setup(self) -> Setup:
        return Setup(
            host=Host(str(self.path / "root")),
            store=self.store,
            config=Config(
                checks={"things": Options()}, notify=Notify(self.delivery, dict(self.sinks)), accept=self.fleet
            ),
            checks={"things": self._check()},
            version="0.0.0",
            now=self.now,
            uptime=self.uptime,
            config_error=self.config_error,
            scheduled=self.scheduled,
            taken=self.taken,
        )

    def _check(self) -> Check:
        return Check(
            name="things",
            about="scripted",
            options=Options,
            columns={},
            collect=self._collect,
            rate=_rate,
            stamps=self._stamps,
            learn=_learn,
            settles_after_boot=self.settles,
        )

    def _collect(self, context: Context) -> Observation:
        self.collected += 1
        if self.failing == "defect":
            raise ZeroDivisionError
        if self.failing:
            raise CollectError(self.failing)
        known = context.memory.get("known", [])
        new = {key: value for key, value in self.learnable.items() if key not in known}
        return Observation(
            "ok",
            dict(self.items),
            unwatched=self.unwatched,
            begun=self.begun,
            learnable=new,
            memory=dict(context.memory),
        )

    def _stamps(self, options: Any, host: Host, memory: Mapping[str, Any]) -> Tuple[Stamp, ...]:
        if self.stampless:
            raise KeyError("device")
        return (("stat", (str(self.path / "marker"),)),)

    def run(self, *, after: int = 300) -> Result:
        """One run, ``after`` seconds after the last."""
        self.now += after
        return run_once(self.setup())

    def accept(self, request: Optional[Request] = None, **changes: Any) -> Result:
        """One acceptance."""
        self.now += 300
        return run_once(self.setup(), replace(request or Request(by="anna", reason="reviewed"), **changes))


def _rate(change: Change, options: Any) -> Rating:
    return Rating(f"thing_{change.change}", "critical" if "root" in change.key else "warning", f"{change.key} moved")


def _learn(memory: Mapping[str, Any], keys: Tuple[str, ...], now: int) -> Dict[str, Any]:
    return {**memory, "known": sorted({*memory.get("known", []), *keys}), "since": now}


def standing(report: Report) -> List[Tuple[str, str, str]]:
    """Code, state and key of each alert."""
    return [(alert.code, alert.state, alert.key) for alert in report.alerts]


def shipped(world: World) -> List[outbox.Entry]:
    """What lies in the outbox, in the order in which it is sent."""
    names = world.store.names("outbox")
    return [outbox.decode_entry(world.store.read(f"outbox/{name}") or b"", name=name) for name in names]
