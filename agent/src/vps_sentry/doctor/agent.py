# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's own things: configuration, secrets, release, baseline."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Iterator

from .. import baseline, credentials, memory, release, trust
from ..errors import StoreError
from . import Advice, Patient, judged

SECRETS = "/etc/vps-sentry.d"


def about(patient: Patient) -> Iterator[Advice]:
    """What must be right before anything is seen."""
    yield from _configuration(patient)
    yield from _secrets(patient)
    yield from _release(patient)
    yield _baseline(patient)


def _configuration(patient: Patient) -> Iterator[Advice]:
    if patient.config is None:
        yield Advice("FAIL", "configuration", f"{patient.config_problem} (the last good one is in force)")
        return
    warnings = [*patient.config.warnings, trust.misplaced(patient.config_path, user=patient.user)]
    if patient.config.notify.sinks:
        warnings.append(trust.exposed(patient.config_path))
    warnings += credentials.warnings(patient.config)
    problem = "; ".join(word for word in warnings if word)
    there = os.path.lexists(patient.config_path)
    good = f"{patient.config_path} can be used" if there else f"{patient.config_path} is not there: defaults, no sink"
    yield judged("configuration", problem, good=good, verdict="warn")


def _secrets(patient: Patient) -> Iterator[Advice]:
    try:
        places = sorted(Path(SECRETS).iterdir())
    except OSError:
        return
    bad = []
    for place in places:
        found = place.lstat()
        if stat.S_ISREG(found.st_mode) and (found.st_uid != 0 or found.st_mode & 0o077):
            bad.append(str(place))
    remedy = f"others than root can read or write {', '.join(bad)}; run: chown root:root FILE; chmod 600 FILE"
    yield judged("secrets", remedy if bad else "", good=f"{len(places)} in {SECRETS}, root's alone")


def _release(patient: Patient) -> Iterator[Advice]:
    place = release.place_of(patient.package)
    if place is None:
        yield Advice("skip", "release", "this code runs from a checkout, not from an installed release")
        return
    try:
        wrong, compiled = release.problems(place), release.bytecode(place)
    except (OSError, ValueError) as exc:
        yield Advice("FAIL", "release", f"{place} cannot be read: {exc}; run scripts/install.sh again")
        return
    wrong += [f"different bytecode of {name}" for name in compiled.wrong]
    more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
    problem = f"{', '.join(wrong[:5])}{more}: keep a copy, then run scripts/install.sh again" if wrong else ""
    yield judged("own files", problem, good=f"{place.name} is as its MANIFEST says")
    stale = f"bytecode of {len(compiled.stale)} files is not for this Python: slower; run: sudo vps-sentry doctor --fix"
    yield judged("bytecode", stale if compiled.stale else "", good="made for this Python", verdict="warn")


def _baseline(patient: Patient) -> Advice:
    try:
        patient.store.read(baseline.FILE)
        found = memory.recall(patient.store).baseline
    except StoreError as exc:
        return Advice("FAIL", "baseline", str(exc))
    if found.status == "lost":
        remedy = "restore it from history/, or review and accept anew: sudo vps-sentry --accept-baseline --dry-run"
        return Advice("FAIL", "baseline", f"{found.problem}; {remedy}")
    problem = "nothing is accepted yet; see what would be: sudo vps-sentry --accept-baseline --dry-run"
    good = f"#{found.sequence}, accepted {found.accepted_at} by {found.accepted_by}"
    return judged("baseline", "" if found.status == "accepted" else problem, good=good, verdict="warn")


def fix(patient: Patient) -> Advice:
    """Make the bytecode that is not for this Python anew, from sources that MANIFEST vouches for and nothing else."""
    place = release.place_of(patient.package)
    if place is None:
        return Advice("skip", "fix", "this code runs from a checkout; nothing is compiled there")
    try:
        wrong = release.problems(place)
        if wrong:
            return Advice("FAIL", "fix", f"the release is not as installed ({wrong[0]}); run scripts/install.sh again")
        made = release.recompile(place)
    except (OSError, ValueError, SyntaxError) as exc:
        return Advice("FAIL", "fix", f"{place}: {exc}; run as root, or scripts/install.sh again")
    return Advice("ok", "fix", f"bytecode of {made} files made anew" if made else "the bytecode is already right")
