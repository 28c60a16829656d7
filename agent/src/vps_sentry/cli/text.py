# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports and plans as text made for people. Pure: documents in, lines out."""

from __future__ import annotations

import itertools
import shlex
from collections import Counter
from typing import TYPE_CHECKING, Iterable, Iterator, List, Mapping, Tuple

from ..baseline import Baseline
from ..core.model import Alert, Change, Severity
from ..report import OPEN, Report, open_counts, stands

if TYPE_CHECKING:
    from ..accept import Outcome

Severities = Mapping[Tuple[str, str], Severity]
_COLOR = {"critical": "\x1b[1;31m", "warning": "\x1b[33m", "info": "\x1b[36m"}
_RESET = "\x1b[0m"
_SIGN = {"added": "+", "removed": "-", "changed": "~"}
PLACES = 16
PLAN_LINES = 40
"""Boring items of one check printed one by one; above that they are counted by place."""


def visible(text: str) -> str:
    """Text from the machine, safe for a terminal: whatever is not printable stands as \\xHH."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "".join(f"\\x{b:02x}" for b in c.encode("utf-8", "replace")) for c in text)


def report(found: Report, *, color: bool, hints: bool = True) -> Iterator[str]:
    """One run: who and when, what stands open, what the checks saw; ``hints`` are commands for this very host."""
    identity = found.identity
    yield visible(f"vps-sentry {identity.version} on {identity.host}, {found.time}, run {found.run}")
    yield visible(baseline_line(found.baseline))
    yield ""
    standing = [alert for alert in found.alerts if alert.state in OPEN]
    ended = [alert for alert in found.alerts if alert.state == "resolved"]
    for alert in standing:
        if not stands(alert):
            yield visible(f"silenced  {alert.title} ({alert.code} {alert.id}, acknowledged)")
            continue
        yield from _alert(alert, color)
        seen = found.observations.get(alert.check)
        hint = accept_hint(alert, seen.learnable if seen else ())
        if hints and hint:
            yield visible(f"{'':<10}{hint}")
    for alert in ended:
        yield visible(f"resolved  {alert.title} ({alert.detail})")
    if standing or ended:
        yield ""
    for name, observation in sorted(found.observations.items()):
        what = count(len(observation.items))
        problem = {
            "ok": what,
            "failed": f"COULD NOT CHECK: {observation.error}",
            "skipped": f"skipped: {observation.error}",
        }
        yield visible(f"{name:<14}{problem[observation.status]}")
    yield ""
    cost = found.cost
    yield f"{_open_line(found.alerts)}; {cost.cpu_milliseconds / 1000:.2f} s CPU, {cost.max_rss_kib // 1024} MiB"


def count(number: int) -> str:
    """``1 item``, ``1,964 items``."""
    return "1 item" if number == 1 else f"{number:,} items" if number else "looked, nothing to list"


def baseline_line(baseline: Baseline) -> str:
    """The baseline in one line."""
    if baseline.status == "accepted":
        why = f": {baseline.reason}" if baseline.reason else ""
        return f"baseline #{baseline.sequence}, accepted {baseline.accepted_at} by {baseline.accepted_by}{why}"
    if baseline.status == "lost":
        return f"baseline #{baseline.sequence} IS LOST: {baseline.problem}"
    return "no baseline accepted yet"


def _alert(alert: Alert, color: bool) -> Iterator[str]:
    word = f"{alert.severity.upper():<10}"
    yield (f"{_COLOR[alert.severity]}{word}{_RESET}" if color else word) + visible(alert.title)
    state = "changed, " if alert.state == "changed" else ""
    yield visible(f"{'':<10}{alert.detail}; {state}since {alert.first_seen}; {alert.code} {alert.id}")


def accept_hint(alert: Alert, learnable: Iterable[str]) -> str:
    """The command that makes the alert's item trusted; empty where there is nothing to accept."""
    key = alert.key.replace("[", "[[]").replace("*", "[*]").replace("?", "[?]")
    command = "sudo vps-sentry --accept-baseline"
    if alert.before is not None or alert.after is not None or alert.key in learnable:
        return f"accept with: {command} --only {shlex.quote(f'{alert.check}:{key}')}"
    if alert.key.startswith("/"):
        # A group: what else lies below is in the plan too, so it is looked at first.
        return f"review with: {command} --dry-run --only {shlex.quote(f'{alert.check}:{key}/*')}"
    return ""


def _open_line(alerts: Tuple[Alert, ...]) -> str:
    counts = open_counts(alerts)
    silenced = sum(alert.state in OPEN and not stands(alert) for alert in alerts)
    rest = f", {silenced} acknowledged" if silenced else ""
    if not any(counts.values()):
        return f"nothing open{rest}"
    return "open: " + ", ".join(f"{number} {severity}" for severity, number in counts.items() if number) + rest


def plan(outcome: Outcome, severities: Severities) -> Iterator[str]:
    """What an acceptance trusts: critical items in full, the rest of a check in full or counted by place."""
    proposal = outcome.proposal
    yield f"plan {proposal.plan.name}"
    critical = [c for c in proposal.changes if severities[c.check, c.key] == "critical"]
    rest = [c for c in proposal.changes if severities[c.check, c.key] != "critical"]
    if critical:
        yield f"critical, {len(critical)} in full:"
        yield from _lines(critical)
    if rest:
        yield f"{'also' if critical else 'to trust'}, {len(rest):,}:"
        for _, group in itertools.groupby(rest, key=lambda change: change.check):
            members = list(group)
            yield from _lines(members) if len(members) <= PLAN_LINES else _counted(members)
    if not proposal.changes:
        yield "nothing differs from what is accepted"
    for name in proposal.plan.not_checked:
        yield visible(f"not accepted: could not check {name}")


def _lines(changes: Iterable[Change]) -> Iterator[str]:
    for change in changes:
        fields = f" ({', '.join(change.fields())})" if change.change == "changed" else ""
        yield visible(f"  {_SIGN[change.change]} {change.check} {change.key}{fields}{_owners(change)}")


def _owners(change: Change) -> str:
    """The programs behind an item that has some: accepting a port is trusting who holds it."""
    owners = (change.after or {}).get("owners")
    found = [owner for owner in owners if isinstance(owner, dict)] if isinstance(owners, list) else []
    people = ", ".join(f"{owner.get('exe')} ({owner.get('unit')}, {owner.get('user')})" for owner in found)
    return f" held by {people}" if people else ""


def _counted(changes: List[Change]) -> Iterator[str]:
    places = Counter((change.change, change.check, _place(change.key)) for change in changes)
    ranked = sorted(places.items(), key=lambda entry: (-entry[1], entry[0]))
    for (kind, check, place), number in ranked[:PLACES]:
        yield visible(f"  {_SIGN[kind]} {check} {place}: {number:,}")
    rest = ranked[PLACES:]
    if rest:
        yield f"  and {sum(number for _, number in rest):,} in {len(rest)} other places"
    yield "  (every item: add --format json)"


def _place(key: str) -> str:
    return "/".join(key.rpartition("/")[0].split("/")[:3]) or "/" if key.startswith("/") else "all"


def outcome(found: Outcome, *, signed: bool) -> Iterator[str]:
    """What became of a request to accept. ``signed``: here it can only be proposed."""
    kinds = Counter(change.change for change in found.proposal.changes)
    counts = f"{kinds['added']:,} added, {kinds['changed']:,} changed, {kinds['removed']:,} removed"
    if found.kind == "accepted":
        yield visible(f"accepted as baseline #{found.baseline.sequence} by {found.baseline.accepted_by}: {counts}")
        for entry in found.baseline.temporary:
            if entry.sequence == found.baseline.sequence:
                yield f"until {entry.until}; then the values before hold again, and what differs is an alert"
    elif found.kind == "rolled-back":
        yield visible(f"baseline #{found.baseline.sequence} holds: {found.baseline.reason}; {counts}")
    elif found.kind == "proposed":
        yield f"nothing accepted; this plan would trust: {counts}"
        if signed:
            yield "signed mode: this is a proposal; only a signed plan of the controller moves the baseline"
        elif found.proposal.changes:
            yield f"accept exactly this: sudo vps-sentry --accept-baseline --digest {found.proposal.plan.name}"
    else:
        yield "refused, nothing accepted:"
        yield from (visible(f"  {problem}") for problem in found.refusals)
        yield "look at what is there now: sudo vps-sentry --accept-baseline --dry-run"
