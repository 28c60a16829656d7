# SPDX-License-Identifier: GPL-3.0-or-later
"""How bad a change of the check ``packages`` is, and the sentence that tells it. Pure."""

from __future__ import annotations

import re

from ..core.model import Change, Rating, Severity, Value
from .versions import later_deb, later_rpm

_KERNEL = re.compile(r"(linux-(image|headers|modules|kbuild|tools)[a-z-]*-[0-9]|kernel(-[a-z-]+)?\.).*")
_RUN = re.compile(r"(/usr)?/(s?bin|lib|lib64|libexec)/.*|/boot/.*")
_DATA = re.compile(r"/usr/lib/.*\.(h|a|la|pc|txt|html|js|css|json|xml|png|svg|mo|py\.txt)")
_PREFIXES = ("diversion ", "statoverride ", "keyring ")


def rate(change: Change) -> Rating:
    """Code, severity and title of one change."""
    if change.key.startswith("/"):
        return _file(change)
    for prefix in _PREFIXES:
        if change.key.startswith(prefix):
            return _special(change, prefix.strip(), change.key[len(prefix) :])
    return _package(change)


def _file(change: Change) -> Rating:
    value = change.after or {}
    if change.change == "removed":
        return Rating("package_file_restored", "info", f"{change.key} is again as its package brought it")
    package = value.get("package")
    if value.get("problem") == "missing":
        return Rating("package_file_missing", "warning", f"{change.key} of {package} is missing")
    dangerous = _RUN.fullmatch(change.key) and not _DATA.fullmatch(change.key)
    severity: Severity = "critical" if dangerous else "warning"
    what = "is no file any more" if value.get("problem") == "no file" else "has another content than its package says"
    return Rating("package_file_differs", severity, f"{change.key} of {package} {what}")


def _special(change: Change, kind: str, path: str) -> Rating:
    value = change.after or change.before or {}
    verb = {"added": "appeared", "removed": "is gone", "changed": "changed"}[change.change]
    if kind == "diversion":
        by = value.get("by")
        what = f"what packages install as {path} goes to {value.get('to')} now ({by}'s diversion {verb})"
        gone = f"the diversion of {path} is gone"
        return Rating("package_diversion", "warning", gone if change.change == "removed" else what)
    if kind == "statoverride":
        mode = str(value.get("mode", ""))
        special = len(mode.lstrip("0")) > 3 and change.change != "removed"
        owner = f"{value.get('user')}:{value.get('group')}, mode {mode}"
        title = f"dpkg's rule for owner and mode of {path} {verb} ({owner})"
        return Rating("package_override", "critical" if special else "warning", title)
    return Rating("package_keyring", "warning", f"{path}, by which archives of packages are believed, {verb}")


def _package(change: Change) -> Rating:
    before, after = change.before or {}, change.after or {}
    name = change.key
    if change.change == "added":
        where = ", which no signed list has" if after.get("local") else ""
        return Rating("package_added", "warning", f"package {name} {after.get('version')} was installed{where}")
    if change.change == "removed" or (after.get("state") == "config-files" and before.get("state") != "config-files"):
        severity: Severity = "info" if _KERNEL.fullmatch(name) else "warning"
        return Rating("package_removed", severity, f"package {name} {before.get('version')} was removed")
    if before.get("version") != after.get("version"):
        return _moved(name, before, after)
    return _same(name, before, after)


def _moved(name: str, before: Value, after: Value) -> Rating:
    old, new = str(before.get("version")), str(after.get("version"))
    way = f"{name} {old} -> {new}"
    if after.get("edited"):
        return Rating("package_lists_edited", "critical", f"{way}, and its list of files was changed afterwards")
    later = later_deb if ":" in name else later_rpm
    if not later(new, old):
        return Rating("package_downgraded", "warning", f"{way}: replaced by an earlier version")
    if after.get("local"):
        return Rating("package_unsigned", "critical", f"{way}: a version that no signed list of an archive has")
    if "state" in after:
        return Rating("package_unfinished", "warning", f"{way}: its installation is not finished ({after['state']})")
    return Rating("package_upgraded", "warning", f"{way}: not known to come from a signed archive")


def _same(name: str, before: Value, after: Value) -> Rating:
    def moved(field: str) -> bool:
        return before.get(field) != after.get(field)

    version = f"version {after.get('version')} is the same"
    if moved("lists") or after.get("edited"):
        title = f"the list of what {name} brought changed although its {version}"
        return Rating("package_lists_edited", "critical", title)
    if moved("scripts"):
        title = f"scripts that root runs for {name} changed although its {version}"
        return Rating("package_script_changed", "critical", title)
    if moved("state"):
        state = after.get("state", "installed")
        severity: Severity = "info" if state == "installed" else "warning"
        return Rating("package_unfinished", severity, f"{name} is {state}")
    if moved("held"):
        words = "is held back: it gets no upgrades" if after.get("held") else "is no longer held back"
        return Rating("package_held", "warning" if after.get("held") else "info", f"{name} {words}")
    return Rating("package_added", "warning", f"{name}: it is known now that no signed list has it")
