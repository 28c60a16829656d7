# SPDX-License-Identifier: GPL-3.0-or-later
"""How bad a change of a file is, and the sentence that tells it."""

from __future__ import annotations

from typing import List, NamedTuple

from ..core.model import Change, Rating, Severity, Value

_FILES = frozenset(
    f"/etc/{name}"
    for name in (
        *("sudoers", "sudo.conf", "pam.conf", "passwd", "shadow", "gshadow", "ssh/sshd_config", "ld.so.preload"),
        *("default/vps-sentry", "vps-sentry.json"),
    )
)
_FOLDERS = ("/etc/sudoers.d/", "/etc/pam.d/", "/etc/ssh/sshd_config.d/", "/opt/vps-sentry/", "/etc/vps-sentry.d/")
"""Themselves and everything below."""
_LIBRARIES = frozenset(("lib", "lib64"))
_UNITS, _COMMANDS, _OWN = "/etc/systemd/system/", "/usr/local/bin/", "vps-sentry"
_PRELOAD = "/etc/ld.so.preload"
_CODES = {"added": "file_added", "removed": "file_removed", "changed": "file_changed"}
_SPECIAL_BITS = ((0o4000, "setuid"), (0o2000, "setgid"))


class _Pair(NamedTuple):
    """The accepted value and the one found, each empty where there is none."""

    before: Value
    after: Value

    def moved(self, *names: str) -> bool:
        return any(self.before.get(name) != self.after.get(name) for name in names)

    def arrow(self, *names: str) -> str:
        old, new = (":".join(str(value.get(name)) for name in names) for value in self)
        return f"({old} -> {new})"


def never_explained(key: str) -> bool:
    """Whether a change of this path is critical whatever a package says. Asked of every file, so it is plain text."""
    folder, _, name = key.rpartition("/")
    return (
        key in _FILES
        or f"{key}/".startswith(_FOLDERS)
        or name.startswith("authorized_keys")
        or (folder + "/" == _COMMANDS and name.startswith(_OWN))
        or (key.startswith(_UNITS) and _is_own_unit(key[len(_UNITS) :].split("/")))
        or ("/security" in key and _is_of_pam(key.split("/")[1:]))
    )


def _is_own_unit(names: List[str]) -> bool:
    """``vps-sentry*`` or what lies in it, there or in a ``*.wants`` folder."""
    wants = len(names) > 1 and len(names[0]) > len(".wants") and names[0].endswith(".wants")
    return names[0].startswith(_OWN) or (wants and names[1].startswith(_OWN))


def _is_of_pam(names: List[str]) -> bool:
    """``/lib/security`` and what lies in it, ``lib64``, below ``/usr`` and with one folder in between as well."""
    if names[0] == "usr":
        names = names[1:]
    return bool(names) and names[0] in _LIBRARIES and "security" in names[1:3]


def rate(change: Change) -> Rating:
    """Code, severity and title of one change of the check ``files``."""
    pair = _Pair(change.before or {}, change.after or {})
    if change.key == _PRELOAD:
        return Rating("file_preload", "critical", _title(change, pair))
    gained = _privilege(change, pair)
    if gained:
        return Rating("file_setuid", "critical", gained)
    return Rating(_CODES[change.change], _severity(change.key, pair), _title(change, pair))


def _severity(key: str, pair: _Pair) -> Severity:
    if _first_read(pair):
        return "info"
    return "critical" if never_explained(key) else "warning"


def _first_read(pair: _Pair) -> bool:
    """Whether all that is new is a hash where the accepted item had none."""
    unread = {**pair.after, "truncated": True}
    return unread.pop("sha256", None) is not None and "truncated" not in pair.after and unread == pair.before


def _privilege(change: Change, pair: _Pair) -> str:
    """The title of a change that lets a file run as somebody else, or nothing."""
    before, after = pair
    gained = _bits(after) & ~_bits(before)
    names = " and ".join(name for bit, name in _SPECIAL_BITS if gained & bit)
    if names and change.change == "added":
        return f"{change.key} appeared with the {names} bit (mode {after.get('mode')})"
    if names:
        return f"{names} bit appeared on {change.key} (mode {before.get('mode')} -> {after.get('mode')})"
    if change.change == "changed" and _bits(after) and pair.moved("sha256", "uid", "gid"):
        what = "content" if pair.moved("sha256") else "owner"
        return f"{what} of {change.key} changed, which runs with its owner's rights (mode {after.get('mode')})"
    if "capabilities" in after and pair.moved("capabilities"):
        verb = "changed" if "capabilities" in before else "appeared"
        return f"file capabilities {verb} on {change.key}"
    return ""


def _bits(value: Value) -> int:
    """Setuid and setgid of a file; on a directory they give nobody anything."""
    return int(str(value.get("mode", "0")), 8) & 0o6000 if value.get("type") == "file" else 0


def _title(change: Change, pair: _Pair) -> str:
    if change.change == "added":
        return f"{change.key} appeared{_unseen(pair.after)}"
    if change.change == "removed":
        return f"{change.key} is gone"
    return _visibility(change.key, pair) or _comparison(change.key, pair)


def _unseen(value: Value) -> str:
    """What an item that appeared does not show of itself."""
    if "unreadable" in value:
        return f" and cannot be checked: {value['unreadable']}"
    if "truncated" not in value:
        return ""
    return ", its content not read yet" if value.get("type") == "file" else " and holds more than can be looked at"


def _visibility(key: str, pair: _Pair) -> str:
    """The title when what changed is how much of the file can be seen, else nothing."""
    before, after = pair
    if "unreadable" in after and pair.moved("unreadable"):
        return f"{key} can no longer be checked: {after['unreadable']}"
    if "unreadable" in before and "unreadable" not in after:
        return f"{key} can be checked again"
    if _first_read(pair):
        return f"content of {key}, accepted unread, is now known"
    if "truncated" not in after or "truncated" in before:
        return ""
    if after.get("type") == "file":
        return f"{key} changed and its content is not read yet (over the size limit or the hash budget)"
    return f"{key} holds more than can be looked at"


def _comparison(key: str, pair: _Pair) -> str:
    if pair.moved("type"):
        return f"{key} turned from a {pair.before.get('type')} into a {pair.after.get('type')}"
    parts = _differences(pair)
    if not parts:
        return f"{key} changed"
    words = parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
    return f"{words} of {key} changed"


def _differences(pair: _Pair) -> List[str]:
    """What differs, in words, the most telling first."""
    candidates = (
        ("content", pair.moved("size", "sha256")),
        (f"target {pair.arrow('target')}", pair.moved("target")),
        (f"mode {pair.arrow('mode')}", pair.moved("mode")),
        (f"owner {pair.arrow('uid', 'gid')}", pair.moved("uid", "gid")),
        ("file capabilities", pair.moved("capabilities")),
        ("access list", pair.moved("acl")),
        (f"number of hard links {pair.arrow('nlink')}", pair.moved("nlink")),
        (f"device number {pair.arrow('rdev')}", pair.moved("rdev")),
    )
    return [words for words, moved in candidates if moved]
