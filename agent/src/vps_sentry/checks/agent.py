# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent itself: its files against what was installed, and what it runs in.

Its files are no items: what an installation put there is right whatever was accepted, and nothing else ever is. What
it runs in is the host's, so that an administrator may accept it: an item is there where something is out of place.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Iterator, List, Mapping, Tuple

from .. import ground, release
from ..core.canonical import escape
from ..core.model import Change, Code, Observation, Rating, Signal, Value
from ..errors import CollectError
from ..ground import process, python, units
from ..host import Host
from ..tick import places, plain
from . import Check, Context, Stamp

DAY = 86_400
_STANDS = 2 * DAY
"""Longer than the time until the next full look, which says it again."""
_SHOWN = 10
_LONGEST = 160


@dataclass(frozen=True)
class Options:
    """``checks.agent``: it has no switch, for whoever changed the agent would turn this off first."""

    enabled: bool = True


def validate(options: Options) -> None:
    """Raises ValueError when it is disabled."""
    if not options.enabled:
        raise ValueError("enabled: this check cannot be disabled")


def collect(context: Context) -> Observation:
    """The release this very code runs from."""
    place = release.place_of(release.PACKAGE)
    if place is None:
        return Observation("skipped", error="this code runs from a checkout, not from an installed release")
    seen = look(place, context.memory, now=context.now)
    before = context.memory.get("ground", {})
    try:
        found = ground.look(context.host, before, record=_record("/"), full=context.full)
    except OSError as exc:
        raise CollectError(f"what the agent runs in cannot be seen: {exc}; run as root") from exc
    memory = {**(seen.memory or {}), "ground": found.memory}
    return replace(seen, items=found.items, blind=tuple(found.blind), memory=memory)


def look(place: Path, memory: Mapping[str, Any], *, now: int, top: str = "/") -> Observation:
    """What there is to say about the release in ``place``; ``memory`` is what the last look left."""
    try:
        wrong = release.problems(place)
        compiled = release.bytecode(place, verified=str(memory.get("bytecode", "")))
        record = _record(top)
    except (OSError, ValueError) as exc:
        raise CollectError(f"{place} cannot be read: {exc}; run scripts/install.sh again") from exc
    wrong += [f"different bytecode of {name}" for name in compiled.wrong]
    wrong += release.misplaced(record, top)
    kept = {
        "release": place.name,
        "bytecode": "" if compiled.wrong else compiled.digest,
        "record": hashlib.sha256(record).hexdigest(),
    }
    signals = (*_about_files(wrong, now), *_about_release(memory, kept, now), *_about_runtime(compiled.stale, now))
    return Observation("ok", signals=signals, memory=kept)


def _record(top: str) -> bytes:
    """What was installed outside of the release; empty where nothing was recorded: the check ``files`` has it then."""
    try:
        return plain.read(str(Path(top, release.RECORD.lstrip("/"))))
    except FileNotFoundError:
        return b""


def _about_files(wrong: List[str], now: int) -> Iterator[Signal]:
    if wrong:
        title = f"the agent's own files are not what was installed: {len(wrong)} differ"
        more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        names = ", ".join(escape(line.encode("utf-8", "surrogateescape")) for line in wrong[:_SHOWN])
        detail = f"{names}{more}; keep a copy, then install again"
        yield Signal("agent_modified", "release", "critical", title, detail, now, now + _STANDS)


def _about_release(before: Mapping[str, Any], kept: Mapping[str, str], now: int) -> Iterator[Signal]:
    old, name = before.get("release"), kept["release"]
    if old and old != name:
        title = f"the agent is release {name} now; before: {old}"
        detail = "the controller knows the releases it installed; on a host of its own nobody else may have done this"
        yield Signal("agent_upgraded", name, "info", title, detail, now, now + DAY)
    elif old and before.get("record") != kept["record"]:
        title = f"commands or units of the agent were installed anew, without another release ({name})"
        detail = "an upgrade brings a release with them; if nobody installed anything, somebody made this look like it"
        yield Signal("agent_reinstalled", name, "warning", title, detail, now, now + DAY)


def _about_runtime(stale: Tuple[str, ...], now: int) -> Iterator[Signal]:
    if stale:
        python = sys.implementation.cache_tag or sys.version
        title = f"the agent runs from source: its bytecode is not for this Python ({python})"
        detail = "correct, but slower; mend it with: sudo vps-sentry doctor --fix, or install again"
        yield Signal("runtime_changed", "runtime", "info", title, detail, now, now + _STANDS)


def rate(change: Change, options: Options) -> Rating:
    """Code, severity and title of a change in what the agent runs in; no option bears on it."""
    kind, _, name = change.key.partition(":")
    after = change.after or {}
    state = str(after.get("state", ""))
    if kind == "timer":
        good = state == "enabled"
        return Rating("agent_timer", "info" if good else "critical", f"the agent's timer is {state or 'missing'}")
    if change.change == "removed":
        return Rating("agent_ground", "info", f"{name or kind} is in order again: what the agent runs in")
    if kind == "drop-in":
        sets = ", ".join(str(line) for line in _lines(after, "sets"))
        return Rating("agent_ground", "critical", f"{name} changes how the agent's units run: {_cut(sets)}")
    words = _KINDS.get(kind, "{}: {}").format(name, _cut(state))
    return Rating("agent_ground", "critical", words)


_KINDS = {
    "environment": "the agent was started with the variable {} ({})",
    "library": "code of {} is loaded into the agent; {}",
    "limit": "the agent is held down by {} ({})",
    "python": "the Python that runs the agent is not what was installed: {} ({})",
}


def _lines(value: Value, field: str) -> List[object]:
    found = value.get(field)
    return [*found] if isinstance(found, list) else []


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."


def stamps(options: Options, host: Host, memory: Mapping[str, Any]) -> Tuple[Stamp, ...]:
    """Every place of the release, what was installed outside of it, every file of Python's library that was loaded,
    each folder where a drop-in of its units may lie, and what the tick itself runs in: environment, mapped code,
    limits of its control groups.
    """
    place = release.place_of(release.PACKAGE)
    if place is None:
        return ()
    outside = (release.RECORD, *sorted(release.recorded(_record("/"))))
    known = memory["ground"]
    return (
        ("places", places.grouped(release.places(place))),
        ("stat", (sys.executable, *outside)),
        ("tree", (units.layout(host),)),
        process.stamp(known["process"]),
        python.stamp(known["python"]),
    )


CODES = {
    "agent_modified": Code(
        about="Files of the agent differ from what was installed (release, commands or units), or its bytecode is not "
        "made of its sources. Whoever takes a host over blinds what watches it.",
        technique="T1562.001",
        action="Keep a copy of /opt/vps-sentry, install again, and look at what else changed at that time. Do not "
        "trust what this host reported since.",
        event=True,
        lasts=True,
    ),
    "agent_upgraded": Code(
        about="The agent runs from another release than at the last look.",
        technique="T1554",
        action="Nothing, if somebody installed it; else look at who did.",
        event=True,
    ),
    "agent_reinstalled": Code(
        about="The record of the agent's commands and units changed, and they with it, but not its release.",
        technique="T1562.001",
        action="Nothing, if somebody installed the same release again with other units; else install again and look "
        "at who was root at that time.",
        event=True,
    ),
    "agent_ground": Code(
        about="What the agent runs in is not what it should be: a variable or a library that nobody should give it, a "
        "drop-in or a control group that holds it down, a file of Python's that its package did not bring.",
        technique="T1562.001",
        action="See what it is with: systemctl cat vps-sentry.service; systemctl show-environment. Accept it if you "
        "did it; else treat what this host reported since as unproved.",
    ),
    "agent_timer": Code(
        about="The timer that starts the agent every five minutes is disabled, masked or gone: after the next boot, or "
        "at once, nobody looks any more.",
        technique="T1562.001",
        action="systemctl unmask vps-sentry.timer; systemctl enable --now vps-sentry.timer; look at who was root.",
    ),
    "runtime_changed": Code(
        about="The host's Python changed, by a distribution upgrade for example, and the agent's bytecode is for "
        "the one before. The agent runs from its sources: correct, but slower.",
        technique="",
        action="Run: sudo vps-sentry doctor --fix, or install again.",
        event=True,
        lasts=True,
    ),
}

COLUMNS = {
    "state": "of the timer: enabled, disabled, masked or missing; else what is out of place, or the value found",
    "sets": "what a drop-in that nobody installed sets for the agent's units",
    "sources": "the files that say so",
}

CHECK = Check(
    name="agent",
    about="the agent itself: its files against what was installed, and what it runs in",
    options=Options,
    columns=COLUMNS,
    collect=collect,
    rate=rate,
    stamps=stamps,
    validate=validate,
    live=True,
    codes=CODES,
)
