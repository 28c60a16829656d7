# SPDX-License-Identifier: GPL-3.0-or-later
"""How bad a change of a key is, the sentence that tells it, and what its code stands for. Pure."""

from __future__ import annotations

from typing import List

from ..core.model import Change, Code, Rating, Severity, Value

_LIMITS = ("restrict", "command", "from", "no-", "expiry-time", "verify-required", "permitopen", "permitlisten",
           "principals")  # fmt: skip
"""Options that take something away from a key; the others give it more."""


def rate(change: Change) -> Rating:
    """Code, severity and title of one change of the check ``ssh_keys``."""
    value = change.after or change.before or {}
    if change.key.startswith("file "):
        return _file(change)
    if change.key.startswith("not_checked:"):
        severity: Severity = "warning" if change.after else "info"
        verb = "" if change.after else "no longer so: "
        return Rating("ssh_keys_unseen", severity, f"SSH keys not seen: {verb}{value.get('reason')}")
    if change.key.startswith("principals "):
        return _principals(change)
    return _key(change)


def _key(change: Change) -> Rating:
    before, after = change.before, change.after
    value = after or before or {}
    who, _, fingerprint = change.key.partition(":")
    what = _described(who, fingerprint, value)
    if before is None:
        return Rating("ssh_key_added", "critical", f"new SSH key {what}")
    if after is None:
        return Rating("ssh_key_removed", "warning", f"SSH key gone: {what}")
    old, new = _list(before, "options"), _list(after, "options")
    if old != new:
        looser = [option for option in new if option not in old and not option.startswith(_LIMITS)]
        looser += [f"without {option}" for option in old if option not in new and option.startswith(_LIMITS)]
        changed = [option for option in new if option not in old and option.startswith(("command", "from"))]
        severity: Severity = "critical" if looser or changed else "warning"
        shown = ", ".join([*looser, *changed]) or "more limits than before"
        return Rating("ssh_key_options", severity, f"options of an SSH key changed: {what}: {shown}")
    if before.get("sources") != after.get("sources"):
        return Rating("ssh_key_options", "info", f"SSH key {what} stands in {', '.join(_list(after, 'sources'))} now")
    return Rating("ssh_key_options", "info", f"comment of an SSH key changed: {what}")


def _described(who: str, fingerprint: str, value: Value) -> str:
    options = _list(value, "options")
    authority = "cert-authority" in options or who == "CA"
    whom = "that signs for all accounts" if who == "CA" else f"for {who}"
    limits = [option.partition("=")[0] for option in options]
    where = ", ".join(_list(value, "sources"))
    comment = f", called {value.get('comment')} (unverified)" if value.get("comment") else ""
    kind = "certificate authority " if authority else ""
    narrowed = f"with {', '.join(limits)}" if limits else "without limits"
    return f"{whom}: {kind}{value.get('type')} {fingerprint}{comment}, {narrowed}, in {where}"


def _file(change: Change) -> Rating:
    before, after = change.before or {}, change.after or {}
    path = change.key.partition(" ")[2]
    if not after:
        return Rating("ssh_key_file", "info", f"key file {path} is gone")
    writable = [entry for entry in _list(after, "writable") if entry not in _list(before, "writable")]
    if writable:
        return Rating("ssh_key_file", "critical", f"others may put keys into {path}: {', '.join(writable)}")
    if after.get("unreadable") and not before.get("unreadable"):
        return Rating("ssh_key_file", "warning", f"key file {path} cannot be read: {after.get('unreadable')}")
    if after.get("target") != before.get("target") and after.get("target"):
        return Rating("ssh_key_file", "critical", f"key file {path} is a link to {after.get('target')}")
    if after.get("truncated") and not before.get("truncated"):
        return Rating("ssh_key_file", "warning", f"key file {path} holds more keys than are listed")
    if not before:
        return Rating("ssh_key_file", "info", f"key file {path} appeared")
    if after.get("odd_lines") != before.get("odd_lines"):
        return Rating(
            "ssh_key_file", "warning", f"key file {path} has {after.get('odd_lines', 0)} lines that are no keys"
        )
    return Rating(
        "ssh_key_file", "warning", f"mode, owner or kind of key file {path} changed (mode {after.get('mode')})"
    )


def _principals(change: Change) -> Rating:
    who = change.key.split(" ")[1]
    before, after = _list(change.before or {}, "names"), _list(change.after or {}, "names")
    more = [name for name in after if name not in before]
    if more:
        return Rating(
            "ssh_principals", "critical", f"certificates naming {', '.join(more)} may enter account {who} now"
        )
    return Rating("ssh_principals", "info", f"fewer certificates may enter account {who}")


def _list(value: Value, name: str) -> List[str]:
    found = value.get(name) or []
    return [str(entry) for entry in found] if isinstance(found, list) else []


CODES = {
    "ssh_key_added": Code(
        about="A key appeared in a file from which sshd lets people in. Whoever has its other half logs in without a "
        "password, after every change of passwords, too.",
        technique="T1098.004",
        action="Ask whose fingerprint it is; its comment proves nothing. If nobody's: keep the file, take the line "
        "out, and look for sessions of that account.",
    ),
    "ssh_key_removed": Code(
        about="A key that let somebody in is gone.",
        technique="T1531",
        action="Accept it if it was taken out on purpose; else somebody may be locked out.",
    ),
    "ssh_key_options": Code(
        about="What a key may do changed: its forced command, where it may come from, its environment, its expiry.",
        technique="T1098.004",
        action="Compare with vps-sentry baseline diff; put the options back if nobody changed them.",
    ),
    "ssh_key_file": Code(
        about="A file of keys, or a directory above it, has another owner or mode, is a link, or cannot be read.",
        technique="T1222.002",
        action="Neither the file nor anything above it may be writable for others (chmod go-w); look at who could "
        "write there.",
    ),
    "ssh_keys_unseen": Code(
        about="Keys may exist that this check cannot list: homes on the network, a program that sshd asks, a file that "
        "cannot be read.",
        technique="T1098.004",
        action="Look there by hand, and accept it if that is how it should be.",
    ),
    "ssh_principals": Code(
        about="Which names a certificate must carry to enter an account changed (AuthorizedPrincipalsFile).",
        technique="T1098.004",
        action="Accept it if somebody did it on purpose.",
    ),
}
