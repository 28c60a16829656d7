# SPDX-License-Identifier: GPL-3.0-or-later
"""Does it work here? Step by step, in a state of its own: the real baseline and outbox are never touched."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable, Iterator, List, Tuple

from .. import baseline, outbox
from ..accept import Request
from ..checks.files import Options as FileOptions
from ..config import Config
from ..core import digest
from ..core.clock import rfc3339
from ..core.model import Alert
from ..errors import SentryError
from ..pipeline import run_once
from ..setup import Setup
from ..ship import ship
from ..sinks import Routes
from ..store import Store
from . import machine
from .step import Step, step


@dataclass(frozen=True)
class Trial:
    """The installation to try. ``setup`` is that of an ordinary run on it."""

    setup: Setup
    routes: Callable[[], Routes]
    """Where real messages go; raises ConfigError or ShipError."""
    with_network: bool


def steps(trial: Trial) -> Iterator[Step]:
    """Every step, each said even when the one before failed."""
    setup = trial.setup
    before = _digest(setup.store)
    yield machine.commands()
    yield from machine.systemd(setup.host, setup.config)
    yield step("configuration", not setup.config_error, reason=setup.config_error or "it can be used, or there is none")
    yield machine.secrets(setup.config)
    yield machine.log_source(setup)
    yield from _tripwire(setup)
    yield _network(trial)
    after = _digest(setup.store)
    yield step("baseline untouched", before == after, reason=after or "there is none, before and after")


def _digest(store: Store) -> str:
    return baseline.load(store, last_sequence=0).digest or ""


def _tripwire(setup: Setup) -> Iterator[Step]:
    """A file of our own is accepted, changed and must alert; the message must be withheld."""
    folder = setup.store.path / "test"
    try:
        # Alone, and from nothing: neither another self-test nor what one left behind decides this one.
        with Store(str(folder)).lock():
            shutil.rmtree(folder / "state", ignore_errors=True)
            yield from _changed(_own_setup(setup, folder), folder / "watched" / "tripwire")
    except SentryError as exc:
        yield Step("FAIL", "a changed file", str(exc))


def _changed(mine: Setup, watched: Path) -> Iterator[Step]:
    watched.write_text("before\n", encoding="ascii")
    run_once(mine, Request(by="selftest"))
    watched.write_text("after\n", encoding="ascii")
    found = run_once(replace(mine, now=mine.now + 1)).report
    alerts = [alert for alert in found.alerts if alert.code == "file_changed" and alert.key == str(watched)]
    yield step("a changed file", bool(alerts), reason=alerts[0].title if alerts else f"no alert about {watched}")
    said: List[str] = []
    code = ship(str(mine.store.path), _nowhere, clock=lambda: mine.now, log=said.append)
    withheld = code == 0 and any("test-only" in line for line in said)
    yield step("test-only", withheld, reason="its message is withheld" if withheld else "; ".join(said))


def _own_setup(setup: Setup, folder: Path) -> Setup:
    """The same installation with a state, a configuration and a watched folder of its own."""
    store = Store(str(folder / "state"))
    store.prepare()
    watched = folder / "watched"
    watched.mkdir(mode=0o700, exist_ok=True)
    options = FileOptions(defaults=False, watch=(str(watched),))
    mine = replace(setup, store=store, config=Config(checks={"files": options}), config_error="", former=None)
    return replace(mine, checks={"files": setup.checks["files"]}, test=True)


def _nowhere() -> Routes:
    raise AssertionError("a withheld message asks for no route")


def _network(trial: Trial) -> Step:
    """One message marked TEST to every sink."""
    if not trial.with_network:
        return Step("skip", "delivery", "add --with-network to send one message marked TEST to every sink")
    store = Store(str(trial.setup.store.path / "test" / "network"))
    store.prepare()
    entry = _message(trial.setup)
    store.write(f"outbox/{outbox.file_name(entry)}", outbox.encode_entry(entry))
    said: List[str] = []
    code = ship(str(store.path), trial.routes, clock=lambda: trial.setup.now, log=said.append, tests=True)
    for place in ("outbox", "acks"):
        for name in store.names(place):
            store.remove(f"{place}/{name}")
    sent = code == 0 and any(" sent " in f"{line} " for line in said)
    return step("delivery", sent, reason="; ".join(line.partition(": ")[2] for line in said))


def _message(setup: Setup) -> outbox.Entry:
    host, time = setup.host.name(), rfc3339(setup.now)
    key = digest.digest([setup.host.machine_id(), setup.now, "test"]).split(":", 1)[1][:32]
    alert = Alert(
        id=key[:16],
        code="selftest",
        severity="info",
        state="open",
        check="selftest",
        key="selftest",
        title=f"TEST message of vps-sentry on {host}",
        detail="nothing happened; somebody ran vps-sentry-selftest --with-network",
        before=None,
        after=None,
        explanation="none",
        first_seen=time,
        last_seen=time,
    )
    alerts: Tuple[Alert, ...] = (alert,)
    return outbox.Entry(key, host, time, setup.now, "test", "info", alerts, None, f"TEST from {host}")
