# SPDX-License-Identifier: GPL-3.0-or-later
"""The ground the agent stands on: clock, disk, timer, sandbox."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Dict, Iterator

from ..core.clock import rfc3339
from ..errors import StoreError
from ..selftest.machine import SYSTEMD_RUNS, credentials_reach
from . import Advice, Patient, judged

SMALLEST_FREE = 64 * 1024 * 1024
"""Bytes the state directory's file system should have free: some runs' reports and an outbox of a bad day."""
FEWEST_INODES = 1000
CLOCK_SLACK = 120
LATE = 11 * 60
"""Seconds without a completed run after which two ticks were missed."""


def about(patient: Patient) -> Iterator[Advice]:
    """Clock, disk, last run, then what systemd says."""
    yield _disk(patient)
    yield from _last_run(patient)
    if not Path(SYSTEMD_RUNS).is_dir():
        yield Advice("skip", "systemd", "it is not running here, so nothing looks by itself and nothing is confined")
        return
    yield _clock(patient)
    yield _timer(patient)
    yield _sandbox(patient)
    if patient.config is not None:
        reach = credentials_reach(patient.host, patient.config)
        yield Advice(reach.verdict, reach.name, reach.reason)


def _disk(patient: Patient) -> Advice:
    try:
        found = os.statvfs(patient.store.path)
    except OSError as exc:
        return Advice("FAIL", "state directory", f"{patient.store.path}: {exc.strerror}; run scripts/install.sh again")
    free = found.f_bavail * found.f_frsize
    problem = ""
    if free < SMALLEST_FREE:
        problem = f"only {free // 1024:,} KiB free below {patient.store.path}: runs cannot be recorded; make room"
    elif 0 < found.f_files and found.f_favail < FEWEST_INODES:
        problem = f"only {found.f_favail} inodes free below {patient.store.path}; remove files there"
    return judged("disk space", problem, good=f"{free // 1024**2:,} MiB free below {patient.store.path}")


def _last_run(patient: Patient) -> Iterator[Advice]:
    try:
        beat = (patient.store.read("heartbeat") or b"").decode("ascii", "replace").strip()
        last = int((patient.store.path / "heartbeat").stat().st_mtime) if beat else 0
    except (StoreError, OSError) as exc:
        yield Advice("FAIL", "last run", f"{exc}; run as root")
        return
    problem = ""
    if not beat:
        problem = "none was ever completed; take one with: sudo vps-sentry"
    elif last > patient.now + CLOCK_SLACK:
        problem = f"it was at {rfc3339(last)}, which has not come yet: the clock went back; set it right"
    elif patient.now - last > LATE:
        problem = f"it was at {rfc3339(last)}, ticks were missed; look with: journalctl -u vps-sentry"
    yield judged("last run", problem, good=beat.partition(" due=")[0])


def _clock(patient: Patient) -> Advice:
    code, said = patient.host.command(["timedatectl", "show", "--property=NTPSynchronized", "--value"])
    if code != 0 or said.strip() not in ("yes", "no"):
        return Advice("skip", "clock", "timedatectl does not answer, so whether it is synchronised is not known")
    problem = "it is not synchronised, so times in alerts may be wrong; run: timedatectl set-ntp true"
    return judged("clock", "" if said.strip() == "yes" else problem, good="synchronised", verdict="warn")


def _show(patient: Patient, unit: str, *names: str) -> Dict[str, str]:
    _, said = patient.host.command(["systemctl", "show", *(f"--property={name}" for name in names), unit])
    rows = (line.partition("=") for line in said.splitlines())
    return {name: value for name, _, value in rows}


def _timer(patient: Patient) -> Advice:
    unit = "vps-sentry.timer"
    found = _show(patient, unit, "ActiveState", "UnitFileState", "NextElapseUSecRealtime")
    good = found.get("ActiveState") == "active" and found.get("UnitFileState") == "enabled"
    state = f"{found.get('UnitFileState') or 'not installed'}, {found.get('ActiveState') or 'unknown'}"
    problem = "" if good else f"{state}: nobody looks; run: systemctl enable --now {unit}"
    return judged("timer", problem, good=f"active, next run {found.get('NextElapseUSecRealtime') or 'unknown'}")


def _sandbox(patient: Patient) -> Advice:
    """Tried for real: where mount namespaces are closed, systemd goes on without a word."""
    found = _show(patient, "vps-sentry.service", "ProtectSystem", "NoNewPrivileges")
    if found.get("ProtectSystem") != "strict" or found.get("NoNewPrivileges") != "yes":
        return Advice("FAIL", "sandbox", "the unit is not as shipped; see: systemctl cat vps-sentry.service")
    command = ["systemd-run", "--quiet", "--wait", "--collect", "--property=ProtectSystem=strict"]
    code, said = patient.host.command([*command, "test", "-w", "/usr"])
    if code not in (0, 1) or re.search(r"[Ff]ailed to", said):
        return Advice("skip", "sandbox", f"it could not be tried: {said.strip()[:200] or f'systemd-run ended {code}'}")
    problem = (
        "ProtectSystem= has no effect on this host (a container without mount namespaces?): the agent runs unconfined"
    )
    return judged("sandbox", problem if code == 0 else "", good="in effect", verdict="warn")
