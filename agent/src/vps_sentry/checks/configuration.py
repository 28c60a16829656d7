# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration in force: what is watched, and who is told, is itself a thing that must not change unseen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

from ..core import canonical
from ..core.model import Change, Code, Observation, Rating, Value
from ..host import Host
from . import Check, Context, Stamp

_RELEASE_OWN = re.compile(r"checks\..+|notify\.(min_severity|mode|proxy|heartbeat)|remind_after|accept", re.ASCII)
"""Options that come and go with releases; sinks and signers do so only by somebody's hand."""
_LOST_WHEN_GONE = ("watch", "sources")
_NOTIFY = {
    "mode": "other alerts are sent than before",
    "min_severity": "other alerts are sent than before",
    "proxy": "everything is sent another way",
    "heartbeat": "whoever waited for a sign of life of this host may wait in vain",
}

_UNUSED: Value = {"value": "null"}
_SINKS = "notify."
"""What stands below it: a sink is set, swapped or dropped as a whole, in one edit, and told as one thing."""


@dataclass(frozen=True)
class Options:
    """``checks.configuration``: it has no switch, for whoever turned others off would turn this off first."""

    enabled: bool = True


def validate(options: Options) -> None:
    """Raises ValueError when it is disabled."""
    if not options.enabled:
        raise ValueError("enabled: this check cannot be disabled")


def collect(context: Context) -> Observation:
    """One item per option, secrets as digests."""
    return Observation("ok", dict(flatten("", context.effective())))


def flatten(prefix: str, section: Mapping[str, Any]) -> Iterator[Tuple[str, Value]]:
    """The leaves of nested objects by dotted key; a list is one leaf, and so is all that says where one sink sends."""
    for name, value in section.items():
        if isinstance(value, dict) and prefix != _SINKS:
            yield from flatten(f"{prefix}{name}.", value)
            continue
        if isinstance(value, dict):
            value = {option: set_to for option, set_to in value.items() if set_to is not None}
        yield f"{prefix}{name}", {"value": canonical.dumps(value).decode("ascii")}


def rate(change: Change, options: Options) -> Rating:
    """Critical, except for options of checks that a release brings or drops."""
    if (change.before or _UNUSED) == (change.after or _UNUSED) or (
        change.change != "changed" and _RELEASE_OWN.fullmatch(change.key)
    ):
        return Rating("config_option", "info", f"option {change.key} {change.change} by this release")
    lost = consequence(change)
    told = f"; {lost}" if lost else ""
    return Rating("config_changed", "critical", f"configuration: {change.key} {_difference(change)}{told}")


def consequence(change: Change) -> str:
    """What is no longer watched or sent because of it, in words; empty where that is not known."""
    section, _, option = change.key.partition(".")
    name, _, field = option.partition(".")
    before, after = (_decoded(value) for value in (change.before, change.after))
    if section == "checks" and field == "enabled":
        return "" if after else f"check {name} no longer looks"
    if (section, name, field, after) == ("checks", "files", "defaults", False):
        return "no longer watched: the built-in list"
    if section == "checks" and isinstance(before, list) and isinstance(after, list):
        gone = [entry for entry in before if entry not in after]
        new = [entry for entry in after if entry not in before]
        # What is watched is lost when it leaves its list, what is left out or expected when it enters one.
        lost = gone if field in _LOST_WHEN_GONE else new
        verb = "watched" if name == "files" else "told"
        return f"no longer {verb}: {', '.join(map(_words, lost))[:200]}" if lost else ""
    if section == "notify" and name in ("mode", "min_severity", "proxy", "heartbeat"):
        return _NOTIFY[name]
    if section == "notify" and change.change != "added":
        return f"nothing is sent by {name} any more" if after is None else f"{name} no longer goes where it went"
    return ""


def _decoded(value: Optional[Value]) -> Any:
    try:
        return None if value is None else canonical.loads(str(value["value"]).encode("ascii"))
    except (canonical.CanonicalError, KeyError, ValueError):
        return None


def _words(entry: Any) -> str:
    return entry if isinstance(entry, str) else canonical.dumps(entry).decode("ascii")


def _difference(change: Change) -> str:
    """``OLD -> NEW``; of two sets of options those that differ, each by its name."""
    before, after = (_decoded(value) for value in (change.before, change.after))
    if not isinstance(before, dict) or not isinstance(after, dict):
        return " -> ".join(map(_shown, (change.before, change.after)))
    names = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    return ", ".join(f"{name} {_option(before.get(name))} -> {_option(after.get(name))}" for name in names)


def _option(value: Any) -> str:
    return "not set" if value is None else _words(value)[:80]


def _shown(value: Any) -> str:
    fields: Dict[str, Any] = value or {"value": "not set"}
    return str(fields["value"])[:80]


def stamps(options: Options, host: Host, memory: Mapping[str, Any]) -> Tuple[Stamp, ...]:
    """None of its own: the configuration file is among the agent's own stamps."""
    return ()


CODES = {
    "config_changed": Code(
        about="An option of the configuration in force changed. Whoever wants to stay unseen drops a watch or swaps "
        "the webhook first, so this is told through the sinks of the configuration before, too.",
        technique="T1562.001",
        action="Ask who edited /etc/vps-sentry.json. If nobody did, put it back and treat the host as taken over.",
    ),
    "config_option": Code(
        about="A release of the agent brought or dropped an option of a check.",
        technique="",
        action="Nothing; it is accepted with the next acceptance of the check configuration.",
    ),
}

CHECK = Check(
    name="configuration",
    about="the configuration in force: what is watched, and who is told",
    options=Options,
    columns={"value": "The option as JSON text, secrets as digests."},
    collect=collect,
    rate=rate,
    stamps=stamps,
    validate=validate,
    codes=CODES,
)
