# SPDX-License-Identifier: GPL-3.0-or-later
"""How bad a change of an account is, the sentence that tells it, and what its code stands for. Pure."""

from __future__ import annotations

from typing import List

from ..core.model import Change, Code, Rating, Severity, Value

ROOT_GROUPS = frozenset(
    ("root", "sudo", "wheel", "admin", "docker", "lxd", "incus", "incus-admin", "libvirt", "disk", "shadow", "kmem")
)
"""Groups whose members are root, or become it with one command."""
_FIRST_PERSON = 1000
_LENT_FROM = 65536
"""Ids below belong to real accounts; nobody's containers may use them."""


def rate(change: Change) -> Rating:
    """Code, severity and title of one change of the check ``accounts``."""
    kind, _, name = change.key.partition(" ")
    before, after = change.before or {}, change.after or {}
    if kind == "user":
        return _user(name, before, after)
    if kind == "password":
        return _password(name, before, after)
    if kind == "group":
        return _group(change, name)
    if kind in ("subuid", "subgid"):
        return _lent(change, name)
    if kind == "line":
        gone = change.change == "removed"
        reason = str((before if gone else after).get("reason"))
        verb = "is gone" if gone else reason
        return Rating("account_line", "info" if gone else "critical", f"accounts: a line of {name} {verb}")
    if kind == "not_checked:nsswitch":
        gone = change.change == "removed"
        title = f"accounts: not all are seen{' no more' if gone else ''}: {(after or before).get('reason')}"
        return Rating("accounts_unseen", "info" if gone else "warning", title)
    return _file(change)


def _user(name: str, before: Value, after: Value) -> Rating:
    if after.get("uid") == 0 and before.get("uid") != 0:
        return Rating("account_uid0", "critical", f"account {name} has uid 0: it is a second root")
    if not before:
        return _new_user(name, after)
    if not after:
        severity: Severity = "warning" if before.get("login") == "yes" else "info"
        return Rating("account_removed", severity, f"account {name} (uid {before.get('uid')}) is gone")
    if after.get("false_face") and not before.get("false_face"):
        shell = f"{after.get('shell')} {after.get('shell_note')}"
        return Rating("account_shell", "critical", f"account {name} can log in though it does not look so: {shell}")
    if after.get("login") == "yes" and before.get("login") != "yes":
        severity = "critical" if _system(after) else "warning"
        arrow = f"shell {before.get('shell')} -> {after.get('shell')}"
        return Rating("account_shell", severity, f"account {name} can log in now ({arrow})")
    joined = [group for group in _list(after, "groups") if group not in _list(before, "groups")]
    if joined:
        return _joined(name, joined)
    return _changed_user(name, before, after)


def _new_user(name: str, after: Value) -> Rating:
    uid, shell = after.get("uid"), after.get("shell") or "/bin/sh"
    if after.get("false_face"):
        title = f"account {name} appeared and can log in though it does not look so: {shell} {after.get('shell_note')}"
        return Rating("account_added", "critical", title)
    if after.get("same_uid"):
        others = ", ".join(_list(after, "same_uid"))
        return Rating("account_added", "critical", f"account {name} appeared with the uid {uid} of {others}")
    powerful = [group for group in [*_list(after, "groups"), str(after.get("group"))] if group in ROOT_GROUPS]
    if powerful:
        title = f"account {name} (uid {uid}) appeared in group {', '.join(powerful)}, which makes it root"
        return Rating("account_added", "critical", title)
    if after.get("login") == "yes":
        return Rating("account_added", "warning", f"account {name} (uid {uid}, shell {shell}) appeared and can log in")
    return Rating("account_added", "info", f"system account {name} (uid {uid}) appeared; it cannot log in")


def _joined(name: str, joined: List[str]) -> Rating:
    powerful = [group for group in joined if group in ROOT_GROUPS]
    if powerful:
        return Rating("account_group", "critical", f"account {name} joined {', '.join(powerful)}, which makes it root")
    return Rating("account_group", "warning", f"account {name} joined {', '.join(joined)}")


def _changed_user(name: str, before: Value, after: Value) -> Rating:
    if after.get("gid") != before.get("gid"):
        group = str(after.get("group")) or str(after.get("gid"))
        severity: Severity = "critical" if group in ROOT_GROUPS else "warning"
        return Rating("account_group", severity, f"account {name} has {group} as its first group now")
    left = [group for group in _list(before, "groups") if group not in _list(after, "groups")]
    if left:
        return Rating("account_group", "info", f"account {name} left {', '.join(left)}")
    if after.get("uid") != before.get("uid"):
        title = f"uid of account {name} changed ({before.get('uid')} -> {after.get('uid')})"
        return Rating("account_changed", "warning", title)
    if after.get("same_uid") != before.get("same_uid"):
        others = ", ".join(_list(after, "same_uid")) or "nobody"
        return Rating("account_changed", "info", f"account {name} shares its uid with {others} now")
    for field in ("home", "shell", "shell_note"):
        if after.get(field) != before.get(field):
            arrow = f"{before.get(field, 'as usual')} -> {after.get(field, 'as usual')}"
            return Rating(
                "account_changed", "warning", f"{field.replace('_', ' ')} of account {name} changed ({arrow})"
            )
    return Rating("account_changed", "info", f"the name of the first group of account {name} changed")


def _password(name: str, before: Value, after: Value) -> Rating:
    grave: Severity = "critical" if _system(after or before) else "warning"
    if not after:
        return Rating("account_password", "info", f"account {name} has no password any more and needs another way in")
    if after.get("state") == "none needed":
        return Rating("account_password", "critical", f"account {name} needs no password: whoever knows the name is in")
    if after.get("note") and not before.get("note"):
        return Rating("account_password", "critical", f"password of account {name}: {after.get('note')}")
    if after.get("state") == "set" and before.get("state") != "set":
        what = "is unlocked" if before.get("state") == "locked" else "has a password now"
        return Rating("account_password", grave, f"account {name} {what}")
    if after.get("state") == "locked" and before.get("state") == "set":
        return Rating("account_password", "warning", f"password of account {name} was locked")
    if after.get("version") != before.get("version"):
        return Rating("account_password", grave, _hash_changed(name, before, after))
    if after.get("state") == "locked":
        return Rating("account_password", "info", f"account {name} has a locked password")
    return Rating("account_password", "warning", f"terms of the password of account {name} changed")


def _hash_changed(name: str, before: Value, after: Value) -> str:
    if after.get("version") == 0:
        return f"whether the password hash of account {name} changed is not known: the memory of it is lost"
    if after.get("changed_on") == before.get("changed_on"):
        return f"password hash of account {name} changed, though not its date ({after.get('changed_on')})"
    return f"password hash of account {name} changed (dated {after.get('changed_on')})"


def _group(change: Change, name: str) -> Rating:
    before, after = change.before or {}, change.after or {}
    gid = (after or before).get("gid")
    if after.get("password") and not before.get("password"):
        return Rating("group_changed", "critical", f"group {name} has a password: whoever knows it may join")
    if change.change == "added":
        return Rating("group_changed", "info", f"group {name} (gid {gid}) appeared")
    if change.change == "removed":
        return Rating("group_changed", "info", f"group {name} (gid {gid}) is gone")
    if before.get("gid") != gid:
        return Rating("group_changed", "warning", f"gid of group {name} changed ({before.get('gid')} -> {gid})")
    strangers = ", ".join(_list(after, "strangers")) or "nobody"
    return Rating("group_changed", "warning", f"group {name} names accounts that do not exist here: {strangers}")


def _lent(change: Change, name: str) -> Rating:
    spans = _list(change.after or {}, "ranges")
    low = [span for span in spans if int(span.partition(":")[0]) < _LENT_FROM]
    if low:
        return Rating("account_ids", "critical", f"account {name} may act as real accounts: ids {', '.join(low)}")
    severity: Severity = "warning" if change.change == "changed" else "info"
    shown = ", ".join(spans) or "none"
    return Rating("account_ids", severity, f"ids that account {name} may use in containers: {shown}")


def _file(change: Change) -> Rating:
    before, after = change.before or {}, change.after or {}
    if not after:
        return Rating("account_file", "critical", f"{change.key} is gone")
    mode, old = _mode(after), _mode(before)
    usual = "0640" if change.key.endswith("shadow") else "0644"
    loosened = int(mode, 8) & ~int(old or usual, 8) & 0o777
    owner = (before.get("uid"), before.get("gid")) != (after.get("uid"), after.get("gid"))
    kind = after.get("type") != before.get("type") or after.get("target") != before.get("target")
    grave = bool(before) and (owner or kind)
    if not before and not loosened:
        return Rating("account_file", "info", f"{change.key} appeared (mode {mode})")
    if not before:
        return Rating(
            "account_file", "critical", f"{change.key} appeared, and more may use it than should (mode {mode})"
        )
    arrow = f"mode {old} -> {mode}" if old != mode else f"owner {after.get('uid')}:{after.get('gid')}"
    severity: Severity = "critical" if loosened or grave else "info"
    return Rating("account_file", severity, f"{change.key}, which decides who may log in, changed ({arrow})")


def _mode(value: Value) -> str:
    """The mode that counts: of a link that of the place it leads to."""
    return str(value.get("target_mode") or value.get("mode") or "")


def _system(value: Value) -> bool:
    uid = value.get("uid")
    return isinstance(uid, int) and uid < _FIRST_PERSON


def _list(value: Value, name: str) -> List[str]:
    found = value.get(name) or []
    return [str(entry) for entry in found] if isinstance(found, list) else []


CODES = {
    "account_uid0": Code(
        about="Another account than root has the uid 0. It is root under another name, with a password and keys of its "
        "own.",
        technique="T1136.001",
        action="Nothing legitimate needs it. Lock it (passwd -l, shell nologin), keep /etc/passwd and /etc/shadow, and "
        "look at who was root at that time.",
    ),
    "account_added": Code(
        about="An account appeared. One that cannot log in comes with many packages and is only noted.",
        technique="T1136.001",
        action="Ask who made it. If nobody did: lock it, and look at its home, its crontab and its processes.",
    ),
    "account_removed": Code(
        about="An account is gone.",
        technique="T1531",
        action="Accept it if somebody removed it. Files it owned now belong to a bare number, which a later account "
        "may get.",
    ),
    "account_shell": Code(
        about="An account that could not log in can do so now: its shell changed, or the program in its place is a "
        "shell under the name of one that lets nobody in.",
        technique="T1078.003",
        action="Set the shell back with usermod -s /usr/sbin/nologin; look at the program in question (dpkg -S, rpm "
        "-qf) and at /etc/shells.",
    ),
    "account_group": Code(
        about="An account joined or left a group. Some groups (sudo, wheel, docker, lxd, disk, shadow) make it root.",
        technique="T1098.007",
        action="Ask who did it; take it out again with gpasswd -d USER GROUP.",
    ),
    "account_changed": Code(
        about="Home, uid or shell of an account changed, which moves where its keys and start-up files are read from.",
        technique="T1098",
        action="Accept it if somebody did it on purpose.",
    ),
    "account_password": Code(
        about="A password was set, changed, locked or removed. The hash itself is never shown or kept, only whether it "
        "is the same. System accounts have none, so one of them getting one is critical.",
        technique="T1098",
        action="Ask whose password it is. If nobody changed it: lock it (passwd -l) and look for sessions of that "
        "account.",
    ),
    "account_ids": Code(
        about="The ids that an account may use inside its containers changed. Ids of real accounts among them let it "
        "act as those.",
        technique="T1548",
        action="Look at /etc/subuid and /etc/subgid; ranges start at 65536 or above.",
    ),
    "account_line": Code(
        about="A line of an account file is not as any tool writes it, or brings accounts from a directory service. "
        "Programs differ in how they read such a line, and that is where accounts are hidden.",
        technique="T1564.002",
        action="Look at the file with cat -A, and put it right with vipw or vipw -s.",
    ),
    "accounts_unseen": Code(
        about="Accounts also come from a directory service, which this check does not see.",
        technique="T1136.002",
        action="Look at the passwd line of /etc/nsswitch.conf; accept it if the host is meant to have such accounts.",
    ),
    "account_file": Code(
        about="Mode, owner or kind of an account file changed. Whoever may write there makes himself root; whoever may "
        "read /etc/shadow can guess passwords at leisure.",
        technique="T1222.002",
        action="Put it back (passwd, group: 0644 root:root; shadow, gshadow: 0640 root:shadow, on EL 0000 root:root) "
        "and change all passwords if the hashes could be read.",
    ),
    "group_changed": Code(
        about="A group appeared, is gone, or has another gid, a password, or members that are no accounts here.",
        technique="T1098.007",
        action="Packages bring groups; look at any that has a password or the gid of another.",
    ),
}
