# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever happens in whatever order: no baseline that is believed moves without a recorded acceptance of it."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance import delivery, planfile
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance.planfile import PlanError, PlanFile
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import open_store
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.verify import VerifyError
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from support.garden import Garden

NAMES = ("web-1", "web-2")
HOSTS = st.sampled_from(NAMES)
Items = Dict[str, Dict[str, Any]]


class Acceptance(RuleBasedStateMachine):
    """Hosts that move, people who plan, a controller that dies, and an attacker who is root on a host."""

    def __init__(self) -> None:
        super().__init__()
        self.open = ExitStack()
        self.place = Path(self.open.enter_context(tempfile.TemporaryDirectory()))
        store = self.open.enter_context(open_store(f"sqlite:///{self.place}/fleet.sqlite", environ={}))
        self.garden = Garden(self.place, store, *NAMES)
        self.plan: Optional[Path] = None
        self.handed_out: Dict[str, bytes] = {}
        self.believed: Dict[str, int] = {}
        """Host -> the sequence the record had when it was last looked at."""
        self.promised: Dict[Tuple[str, int], List[Items]] = {}
        """Host and sequence -> what plans promised for it."""

    def teardown(self) -> None:
        self.open.close()

    @initialize()
    def begin(self) -> None:
        self.garden.collect()
        self.garden.apply(self.garden.plan())
        self.believed = dict.fromkeys(NAMES, 1)

    @rule(name=HOSTS, key=st.sampled_from("abc"), value=st.integers(0, 2))
    def move(self, name: str, key: str, value: int) -> None:
        self.garden.hosts[name].items[key] = {"n": value}

    @rule(name=HOSTS)
    def collect(self, name: str) -> None:
        self.handed_out[name] = self.garden.bundle(name)
        self.garden.take_in(name, self.handed_out[name])

    @rule(name=HOSTS, value=st.integers(3, 9), only=st.sampled_from([(), ("things:a",)]), at_once=st.booleans())
    def review(self, name: str, value: int, only: Tuple[str, ...], at_once: bool) -> None:
        self.move(name, "a", value)
        self.collect(name)
        # Before a newer row hides the one that moved it.
        self.the_record_moves_only_to_what_was_promised()
        told = self.garden.desk.plan({"only": only}, folder=self.place)
        self.plan = Path(told.plan) if told.plan else None
        if at_once:
            self.approve()

    @rule()
    def approve(self) -> None:
        if self.plan is None:
            return
        plan = planfile.read(self.plan)
        self._promise(plan)
        with suppress(PlanError):
            self.garden.desk.begin(self.plan, {"max": "100%", "canary": False})

    def _promise(self, plan: PlanFile) -> None:
        for host, values in planfile.values(plan).items():
            sequence = planfile.by_name(plan)[host].sequence
            before = self.garden.baseline(host)
            if before.sequence == sequence:
                after = dict(before.checks.get("things", {}))
                for (_check, key), value in values.items():
                    after.pop(key, None) if value is None else after.update({key: value})
                self.promised.setdefault((host, sequence + 1), []).append(after)

    @rule(name=HOSTS, dies=st.sampled_from(["never", "before asking", "before hearing", "before collecting"]))
    def hand_over(self, name: str, dies: str) -> None:
        handed = delivery.take_up(self.garden.store, name)
        if handed is None or dies == "before asking":
            return
        answer = self.garden.answer(name, handed.order)
        if dies == "before hearing":
            return
        state, _reason = delivery.answered(self.garden.store, handed, text=answer)
        if state == "accepted" and dies == "never":
            self.garden.collect(name)

    @rule(name=HOSTS)
    def root_accepts_on_the_host(self, name: str) -> None:
        self.garden.hosts[name].items["evil"] = {"n": 666}
        self.garden.hosts[name].accept()
        self.collect(name)

    @rule(name=HOSTS)
    def root_keeps_a_copy_of_the_state(self, name: str) -> None:
        shutil.rmtree(self.place / f"copy-{name}", ignore_errors=True)
        shutil.copytree(self.garden.hosts[name].store.path, self.place / f"copy-{name}")

    @rule(name=HOSTS)
    def root_puts_the_copy_back(self, name: str) -> None:
        if (self.place / f"copy-{name}").exists():
            state = self.garden.hosts[name].store.path
            shutil.rmtree(state)
            shutil.copytree(self.place / f"copy-{name}", state)

    @rule(name=HOSTS)
    def root_replays_an_old_bundle(self, name: str) -> None:
        if name in self.handed_out:
            with suppress(VerifyError):
                self.garden.take_in(name, self.handed_out[name])

    @invariant()
    def the_record_moves_only_to_what_was_promised(self) -> None:
        for name, sequence in list(self.believed.items()):
            record = self.garden.record(name)
            assert record is not None
            assert record.sequence >= sequence, "the record never goes back by itself"
            if record.sequence > sequence:
                row = self.garden.rows()[name]
                assert ("active", record.sequence, record.digest) == (row.state, row.sequence, row.digest), (
                    "only an acceptance from here moves it, and to nothing else than what was planned"
                )
                held = self.garden.baseline(name)
                if held.digest == record.digest:
                    assert held.checks["things"] in self.promised[name, record.sequence], "exactly what was reviewed"
                self.believed[name] = record.sequence

    @invariant()
    def what_a_host_did_by_itself_is_doubted_once_it_is_seen(self) -> None:
        for name in self.believed:
            held, recorded = self.garden.baseline(name), self.garden.recorded(name)
            seen = self.handed_out.get(name)
            if seen is not None and b'"sequence":%d,' % held.sequence in seen and held.sequence > (recorded or 0):
                rows = self.garden.rows()
                waiting = rows[name].sequence == held.sequence
                codes = {code for host, code in self.garden.doubts() if host == name}
                assert waiting or codes, f"{name} holds #{held.sequence}, recorded is #{recorded}, and nobody doubts it"


Acceptance.TestCase.settings = settings(
    max_examples=12,
    stateful_step_count=14,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    # Real runs with real files: making a failure shorter would take longer than reading it.
    phases=(Phase.explicit, Phase.generate),
)
TestAcceptance = Acceptance.TestCase
