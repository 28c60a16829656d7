# SPDX-License-Identifier: GPL-3.0-or-later
"""How bad a change of a job is, and the sentence that tells it. Pure."""

from __future__ import annotations

from typing import List

from ..core.model import Change, Rating, Value
from . import danger
from .rating import NOT_CHECKED, Pair, cut, lines


def rate(change: Change) -> Rating:
    """Code, severity and title of one change of the check ``cron``."""
    pair = Pair(change.before or {}, change.after or {})
    where = ", ".join(lines(pair.after or pair.before, "sources"))
    if change.key.startswith(NOT_CHECKED):
        return Rating("cron_unseen", "warning", f"{change.key[len(NOT_CHECKED) :]} cannot be looked at as a whole")
    if change.change == "removed":
        # The file it stood in is watched as well: whoever takes a guard away is told of that.
        return Rating("cron_job_removed", "info", f"{where}: {_what(pair.before)} is gone")
    bad = _bad(pair)
    if bad:
        return Rating("cron_suspicious", "critical", f"{where}: {_what(pair.after)}: {'; '.join(bad[:3])}")
    if "malformed" in pair.after or "unreadable" in pair.after:
        return Rating("cron_malformed", "warning", f"{where}: {_what(pair.after)}")
    if "users" in pair.after or ("environment" in pair.after and "runs" not in pair.after):
        return Rating("cron_setting", "warning", f"{where}: {_setting(pair)}")
    if change.change == "added":
        return Rating("cron_job_added", "warning", f"{where}: {_what(pair.after)}")
    return Rating("cron_job_changed", "warning", f"{where}: {_what(pair.after)}; {_moved(pair)}")


def _bad(pair: Pair) -> List[str]:
    root = pair.after.get("user", "root") in ("root", "0", "uid:0")
    commands = lines(pair.after, "runs")
    # A folder of periodic jobs runs what lies at the end of a link.
    commands += [str(pair.after["target"])] if "when" in pair.after and "target" in pair.after else []
    moved = any(pair.moved(field) for field in ("runs", "user", "target", "state"))
    if not moved or "state" in pair.after:
        commands = []
    found = danger.reasons(commands, root=root)
    for text in pair.new("environment"):
        found += [f"it makes programs load code by {cut(text)}" for _ in danger.loaders([text])]
        found += danger.search_path(text)
    return found


def _what(value: Value) -> str:
    """A job in words."""
    if "malformed" in value:
        return f"a line that cron does not understand: {cut(str(value['malformed']))}"
    if "unreadable" in value:
        return f"it cannot be read: {cut(', '.join(lines(value, 'unreadable')))}"
    if "runs" not in value:
        said = lines(value, "environment") or lines(value, "users") or [str(value.get("state", "something"))]
        return cut(", ".join(said))
    runs = lines(value, "runs")
    more = f" and {len(runs) - 1} more lines" if len(runs) > 1 else ""
    ignored = f" ({value['state']})" if "state" in value else ""
    command = cut(runs[0]) if runs else "nothing"
    return f"{value.get('user')} runs {command}{more}, {cut(', '.join(lines(value, 'when')))}{ignored}"


def _setting(pair: Pair) -> str:
    field = "users" if "users" in pair.after else "environment"
    parts = [f"{field} now {cut(', '.join(lines(pair.after, field)) or 'nobody')}"]
    if pair.before:
        parts.append(f"before: {cut(', '.join(lines(pair.before, field)) or 'nobody')}")
    return "; ".join(parts)


def _moved(pair: Pair) -> str:
    for field in ("user", "state", "target"):
        if pair.moved(field):
            return f"{field} before: {pair.before.get(field, 'none')}"
    return f"before: {cut(', '.join(lines(pair.before, 'when')))}" if pair.moved("when") else "it changed"
