# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent itself: its files against what was installed, and the Python that runs it.

Nothing here is an item: what an installation put there is right whatever was accepted, and nothing else ever is.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, List, Mapping, Tuple

from .. import release
from ..core.canonical import escape
from ..core.model import Change, Code, Observation, Rating, Signal
from ..errors import CollectError
from ..host import Host
from ..tick import plain
from ..watch import entries
from ..watch.entries import Watch
from . import Check, Context, Stamp

DAY = 86_400
_STANDS = 2 * DAY
"""Longer than the time until the next full look, which says it again."""
_SHOWN = 10


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
    return look(place, context.memory, now=context.now)


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
    """There are no items; one that a baseline of another release holds is no alarm."""
    return Rating("agent_upgraded", "info", f"{change.key} is no item of this release")


def stamps(options: Options, host: Host, memory: Mapping[str, Any]) -> Tuple[Stamp, ...]:
    """Every file of the release with its bytecode, what was installed outside of it, and the Python that runs it."""
    place = release.place_of(release.PACKAGE)
    if place is None:
        return ()
    # Bytecode is derived elsewhere and left out of every walk, unless a watch begins in its folder.
    folders = {(place / name).parent / "__pycache__" for name in release.sources(place)}
    targets = [entries.target(Watch(str(path))) for path in (place, *(folder / "*.pyc" for folder in sorted(folders)))]
    # Laid out one by one: a place below another watch would count as seen by that.
    each = [entries.lay_out([target], host, excluded=()) for target in targets]
    tree: Stamp = ("tree", (tuple(watch for layout in each for watch in layout.watches),))
    outside = (release.RECORD, *sorted(release.recorded(_record("/"))))
    return tree, ("stat", (sys.executable, *outside))


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
    ),
    "agent_reinstalled": Code(
        about="The record of the agent's commands and units changed, and they with it, but not its release.",
        technique="T1562.001",
        action="Nothing, if somebody installed the same release again with other units; else install again and look "
        "at who was root at that time.",
        event=True,
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

CHECK = Check(
    name="agent",
    about="the agent itself: its files against what was installed, and the Python that runs it",
    options=Options,
    columns={},
    collect=collect,
    rate=rate,
    stamps=stamps,
    validate=validate,
    live=True,
    codes=CODES,
)
