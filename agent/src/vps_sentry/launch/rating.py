# SPDX-License-Identifier: GPL-3.0-or-later
"""How bad a change of what systemd starts is, and the sentence that tells it. Pure."""

from __future__ import annotations

import re
from typing import Iterable, List, NamedTuple

from ..core.model import Change, Rating, Severity, Value
from . import danger

NOT_CHECKED = "not_checked:"
_OWN = re.compile(r"vps-sentry(?:-ship)?\.(?:service|timer)")
_HEALTH = re.compile(r'ExecStart="?/usr/bin/podman"? "?healthcheck"? "?run"? "?\*"?')
"""What podman makes systemd run for a container that asks for it; the program is the container's."""
_LONGEST = 140
_FIELDS = {
    "when": "when it starts",
    "starts": "what it starts",
    "sees": "which files it sees",
    "identity": "whose rights it has",
    "aliases": "its other names",
    "environment": "its environment",
}


class Pair(NamedTuple):
    """The accepted value and the one found, each empty where there is none."""

    before: Value
    after: Value

    def new(self, field: str) -> List[str]:
        """Lines that were not there before."""
        return [line for line in lines(self.after, field) if line not in lines(self.before, field)]

    def gone(self, field: str) -> List[str]:
        """Lines that were there before."""
        return [line for line in lines(self.before, field) if line not in lines(self.after, field)]

    def moved(self, field: str) -> bool:
        """Whether a field differs."""
        return self.before.get(field) != self.after.get(field)


def lines(value: Value, field: str) -> List[str]:
    """A field that is a list, as text."""
    found = value.get(field)
    return [str(line) for line in found] if isinstance(found, list) else []


def rate(change: Change) -> Rating:
    """Code, severity and title of one change of the check ``units``."""
    pair = Pair(change.before or {}, change.after or {})
    key = change.key
    name = called(key)
    if key.startswith(NOT_CHECKED):
        return Rating("units_unseen", "warning", f"{key[len(NOT_CHECKED) :]} cannot be looked at as a whole")
    if change.change == "removed":
        return Rating("unit_removed", _removed(key, pair.before), f"{name} is gone{_did(pair.before)}")
    bad = _bad(key, pair)
    if bad:
        return Rating("unit_suspicious", "critical", f"{name}: {'; '.join(bad[:3])}")
    stopped = _stopped(pair)
    if stopped:
        return Rating("unit_stopped", "critical" if _OWN.fullmatch(key) else "warning", f"{name} {stopped}")
    if change.change == "changed":
        return Rating("unit_changed", "warning", f"{name}: {_comparison(pair)}")
    if key.startswith("linger:"):
        return Rating("unit_added", "warning", f"units of {key[7:]} start at boot, whether or not anybody logs in")
    harmless = pair.after.get("transient") is True and all(map(_HEALTH.fullmatch, lines(pair.after, "runs")))
    return Rating("unit_added", "info" if harmless else "warning", f"{name} appeared{_did(pair.after)}")


def called(key: str) -> str:
    """A key in words."""
    if not key.startswith("user:"):
        return key
    account, _, unit = key[len("user:") :].rpartition(":")
    return f"{unit} of {account}'s own manager" if account else f"{unit} of every user's manager"


def _removed(key: str, before: Value) -> Severity:
    return "critical" if _OWN.fullmatch(key) else "info" if before.get("transient") is True else "warning"


def _stopped(pair: Pair) -> str:
    if pair.after.get("state") == "masked" and pair.moved("state"):
        return "is masked: nothing can start it any more"
    if pair.before.get("enabled_by") and not pair.after.get("enabled_by"):
        return f"is disabled: {cut(', '.join(lines(pair.before, 'enabled_by')))} no longer starts it"
    return ""


def _bad(key: str, pair: Pair) -> List[str]:
    root = not key.startswith("user:") and pair.after.get("user", "root") in ("root", "0")
    wanted = [*pair.new("runs"), *([f"ExecStart={pair.after['target']}"] if pair.moved("target") else [])]
    commands = [line.partition("=")[2] if line.startswith("Exec") else line for line in wanted]
    loads = [f"it makes programs load code by {cut(text)}" for text in danger.loaders(pair.new("environment"))]
    return [*danger.reasons(commands, root=root), *loads]


def _did(value: Value) -> str:
    """What a unit runs, as whom, and what starts it."""
    said = lines(value, "runs")
    main = [line for line in said if line.startswith("ExecStart=")] or said
    parts = []
    if main:
        more = f" and {len(said) - 1} more" if len(said) > 1 else ""
        parts.append(f"runs {cut(main[0])}{more} as {value.get('user', 'whoever owns it')}")
    elif "alias_of" in value:
        parts.append(f"another name of {value['alias_of']}")
    elif value.get("state"):
        parts.append(str(value["state"]))
    parts += [cut(", ".join(lines(value, field))) for field in ("when", "starts", "environment") if lines(value, field)]
    if lines(value, "enabled_by"):
        parts.append(f"started by {cut(', '.join(lines(value, 'enabled_by')))}")
    parts += [cut(line) for line in lines(value, "unreadable")[:1]]
    return f": {'; '.join(parts)}" if parts else ""


def _comparison(pair: Pair) -> str:
    before, after = pair
    parts = [f"now runs {cut(line)} as {after.get('user', 'its user')}" for line in pair.new("runs")[:3]]
    parts += [f"no longer runs {cut(line)}" for line in pair.gone("runs")[:2]]
    if pair.moved("user") and before.get("user") and after.get("user"):
        parts.append(f"runs as {after['user']}, before: {before['user']}")
    if pair.moved("alias_of") or pair.moved("target"):
        now, was = (value.get("alias_of") or value.get("target") or "a file of its own" for value in (after, before))
        parts.append(f"is {now} now, before: {was}")
    parts += [f"now started by {cut(line)}" for line in pair.new("enabled_by")]
    parts += [f"cannot be read: {cut(line)}" for line in pair.new("unreadable")[:1]]
    for field, words in _FIELDS.items():
        if pair.moved(field):
            parts.append(f"{words} changed ({cut(_arrow(pair.new(field), pair.gone(field)))})")
    if pair.moved("state"):
        parts.append(f"{after.get('state', 'in force')}, before: {before.get('state', 'in force')}")
    return "; ".join(parts) or ("where it is written changed" if pair.moved("sources") else "it changed")


def _arrow(new: Iterable[str], gone: Iterable[str]) -> str:
    return ", ".join([*(f"+{line}" for line in new), *(f"-{line}" for line in gone)]) or "order"


def cut(text: str) -> str:
    """Text for a title; the whole of it stands in the item."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
