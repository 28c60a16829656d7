# SPDX-License-Identifier: GPL-3.0-or-later
"""What the checks can see, and what they say they cannot."""

from __future__ import annotations

from typing import Iterator

from .. import memory, observations, report
from ..errors import StoreError
from . import Advice, Patient, Verdict

_NOT_CHECKED = "not_checked:"


def about(patient: Patient) -> Iterator[Advice]:
    """The last look of every check, in its own words."""
    try:
        last = report.read_last(patient.store)
    except StoreError as exc:
        yield Advice("skip", "checks", str(exc))
        return
    for name, found in sorted(last.checks.items()):
        if found.get("status") != "ok":
            verdict: Verdict = "FAIL" if found.get("status") == "failed" else "warn"
            yield Advice(verdict, f"check {name}", str(found.get("error") or found.get("status")))
    yield from _log_source(patient)
    yield from _families(patient)


def _log_source(patient: Patient) -> Iterator[Advice]:
    memory = _memory(patient).get("ssh_auth", {})
    if memory.get("source"):
        yield Advice("ok", "log source", f"sshd's messages are read from {memory['source']}")


def _memory(patient: Patient) -> dict[str, dict[str, object]]:

    return {name: dict(kept) for name, kept in memory.recall(patient.store).checks.items()}


def _families(patient: Patient) -> Iterator[Advice]:
    """Kinds of listeners that the check of ports can and cannot see here."""
    seen = observations.load(patient.store, "ports")
    if seen is None or seen.status != "ok":
        return
    protocols = sorted({key.partition(":")[0] for key in seen.items if not key.startswith(_NOT_CHECKED)})
    yield Advice("ok", "listeners looked at", ", ".join(protocols) or "none is open")
    for key, value in sorted(seen.items.items()):
        if key.startswith(_NOT_CHECKED):
            yield Advice("warn", "listeners not looked at", f"{key[len(_NOT_CHECKED) :]}: {value.get('reason')}")
