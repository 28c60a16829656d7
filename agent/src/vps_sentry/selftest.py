# SPDX-License-Identifier: GPL-3.0-or-later
"""Does it work here? Step by step, in a state of its own: the real baseline and outbox are never touched."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable, Iterator, List, Literal, Tuple

from . import baseline, memory, outbox
from .accept import Request
from .checks import Context
from .checks.files import Options as FileOptions
from .config import Config
from .core import digest
from .core.clock import rfc3339
from .core.model import Alert
from .errors import SentryError
from .host import Host
from .pipeline import run_once
from .setup import Setup
from .ship import ship
from .sinks import Routes
from .store import Store

COMMANDS = ("/usr/local/bin/vps-sentry", "/usr/local/bin/vps-sentry-ship", "/usr/local/bin/vps-sentry-selftest")
UNITS = ("vps-sentry.service", "vps-sentry.timer", "vps-sentry-ship.service")
SYSTEMD_RUNS = "/run/systemd/system"
Verdict = Literal["ok", "FAIL", "skip"]


@dataclass(frozen=True)
class Step:
    """What one step found."""

    verdict: Verdict
    name: str
    reason: str


@dataclass(frozen=True)
class Trial:
    """The installation to try. ``setup`` is that of an ordinary run on it."""

    setup: Setup
    routes: Callable[[], Routes]
    """Where real messages go; raises ConfigError or ShipError."""
    with_network: bool


def steps(trial: Trial) -> Iterator[Step]:
    """Every step, each said even when the one before failed."""
    before = _digest(trial.setup.store)
    yield _commands()
    yield from _systemd(trial.setup.host)
    yield _log_source(trial.setup)
    yield from _tripwire(trial.setup)
    yield _network(trial)
    after = _digest(trial.setup.store)
    yield _step("baseline untouched", before == after, after or "there is none, before and after")


def _step(name: str, good: bool, reason: str) -> Step:
    return Step("ok" if good else "FAIL", name, reason)


def _digest(store: Store) -> str:
    return baseline.load(store, last_sequence=0).digest or ""


def _commands() -> Step:
    bad = [path for path in COMMANDS if not _executable(path)]
    problem = f"{', '.join(bad)}: missing or not root's own; run scripts/install.sh again"
    return _step("commands", not bad, problem if bad else "installed, root's own")


def _executable(path: str) -> bool:
    try:
        found = os.stat(path)
    except OSError:
        return False
    mode = found.st_mode
    return stat.S_ISREG(mode) and bool(mode & 0o111) and not mode & 0o022 and found.st_uid == 0


def _systemd(host: Host) -> Iterator[Step]:
    if not Path(SYSTEMD_RUNS).is_dir():
        yield Step("skip", "units", "systemd is not running here, so nothing looks by itself")
        return
    files = [f"/etc/systemd/system/{unit}" for unit in UNITS]
    code, said = host.command(["systemd-analyze", "verify", *files])
    ours = [line for line in said.splitlines() if "vps-sentry" in line]
    yield _step("units", code == 0 or not ours, "; ".join(ours) or "systemd accepts them")
    enabled, _ = host.command(["systemctl", "is-enabled", "--quiet", "vps-sentry.timer"])
    active, _ = host.command(["systemctl", "is-active", "--quiet", "vps-sentry.timer"])
    remedy = "run: systemctl enable --now vps-sentry.timer"
    yield _step("timer", enabled == active == 0, "enabled and active" if enabled == active == 0 else remedy)
    _, wants = host.command(["systemctl", "show", "--property=Wants", "vps-sentry.service"])
    effective = "vps-sentry-ship.service" in wants
    yield _step("shipping after each run", effective, "ship.conf holds" if effective else "ship.conf is not in effect")


def _log_source(setup: Setup) -> Step:
    """Which log of sshd the next run will read, looked at without remembering anything."""
    check, known = setup.checks["ssh_auth"], memory.recall(setup.store)
    options = setup.config.checks["ssh_auth"]
    if not options.enabled:
        return Step("skip", "log source", "ssh_auth is disabled by the configuration")
    cursor = known.checks.get("ssh_auth", {})
    try:
        seen = check.collect(Context(setup.host, options, setup.now, cursor, b"", accepted=True))
    except SentryError as exc:
        return Step("FAIL", "log source", str(exc))
    return _step("log source", seen.status == "ok", str((seen.memory or {}).get("source")))


def _tripwire(setup: Setup) -> Iterator[Step]:
    """A file of our own is accepted, changed and must alert; the message must be withheld."""
    folder = setup.store.path / "test"
    watched = folder / "watched" / "tripwire"
    mine = _own_setup(setup, folder, watch=str(watched.parent))
    watched.parent.mkdir(mode=0o700, exist_ok=True)
    watched.write_text("before\n", encoding="ascii")
    run_once(mine, Request(by="selftest"))
    watched.write_text("after\n", encoding="ascii")
    found = run_once(replace(mine, now=setup.now + 1)).report
    alerts = [alert for alert in found.alerts if alert.code == "file_changed" and alert.key == str(watched)]
    yield _step("a changed file", bool(alerts), alerts[0].title if alerts else f"no alert about {watched}")
    said: List[str] = []
    code = ship(str(mine.store.path), _nowhere, clock=lambda: setup.now, log=said.append)
    withheld = code == 0 and any("test-only" in line for line in said)
    yield _step("test-only", withheld, "its message is withheld" if withheld else "; ".join(said))
    for name in mine.store.names("outbox"):
        mine.store.remove(f"outbox/{name}")
        mine.store.remove(f"acks/{name}")


def _own_setup(setup: Setup, folder: Path, *, watch: str) -> Setup:
    store = Store(str(folder / "state"))
    store.prepare()
    options = FileOptions(defaults=False, watch=(watch,))
    mine = replace(setup, store=store, config=Config(checks={"files": options}), config_error="", test=True)
    return replace(mine, checks={"files": setup.checks["files"]})


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
    return _step("delivery", sent, "; ".join(line.partition(": ")[2] for line in said))


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
