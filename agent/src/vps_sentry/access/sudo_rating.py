# SPDX-License-Identifier: GPL-3.0-or-later
"""How bad a change of sudo's rules is, the sentence that tells it, and what its code stands for. Pure."""

from __future__ import annotations

import re
from typing import List, Optional

from ..core.model import Change, Code, Rating, Severity, Value

# What a setting must not become: its text, without the scope. Each lets somebody run more than his rules say.
_LOOSE = re.compile(
    r"""
      !(authenticate|env_reset|requiretty|use_pty|syslog|logfile|fqdn|noexec|mail_badpass|timestamp_timeout
        |sudoedit_checkdir|tty_tickets|intercept|closefrom|match_group_by_gid|ignore_unknown_defaults|lecture)(=.*)?
    | (setenv|visiblepw|sudoedit_follow|exempt_group|env_file|restricted_env_file|rootpw|targetpw|runaspw|noexec_file
        |group_plugin|editor|sudoers_locale|secure_path|log_allow_setenv|closefrom_override|authfail_message|askpass
        |timestampdir|timestampowner|pam_service|pam_login_service|verifypw|listpw|env_editor|insults)([+-]?=.*)?
    | timestamp_timeout=.*-.* | timestamp_type="?global"? | (env_keep|env_check|env_delete)[+-]?=.*
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_GRAVE = re.compile(
    r"""
      !(authenticate|env_reset|sudoedit_checkdir|syslog|intercept)(=.*)?
    | (setenv|visiblepw|sudoedit_follow|exempt_group|env_file|noexec_file|group_plugin|secure_path|askpass
        |pam_service|pam_login_service|timestampdir|timestampowner)([+-]?=.*)?
    | timestamp_timeout=.*-.* | timestamp_type="?global"?
    | (env_keep|env_check)\+?=.*(LD_|PYTHON|PERL|RUBY|BASH_ENV|ENV\b|PATH|IFS|\*|NODE_OPTIONS|GCONV|JAVA_TOOL).*
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)


def rate(change: Change) -> Rating:
    """Code, severity and title of one change of the check ``sudoers``."""
    kind = change.key.partition(" ")[0]
    value = change.after or change.before or {}
    if kind == "rule":
        return _rule(change)
    if kind == "doas":
        return _doas(change)
    if kind.startswith("Defaults"):
        return _defaults(change)
    if kind == "file":
        return _file(change)
    if kind == "sudo.conf":
        gone = change.change == "removed"
        title = f"sudo.conf: {change.key.partition(' ')[2]} {'is gone' if gone else 'was added'}"
        return Rating("sudo_plugin", "warning" if gone else "critical", title)
    if kind == "unparsed":
        return _unparsed(change, value)
    return Rating(
        "sudoers_unseen",
        "warning" if change.after else "info",
        f"sudoers: not all rules are seen: {value.get('reason')}",
    )


def _rule(change: Change) -> Rating:
    before, after = change.before, change.after
    value = after or before or {}
    sources = ", ".join(_list(value, "sources"))
    rule = f"{_kind(value)} for {value.get('who')}"
    what = f"{value.get('command')} as {value.get('runas')}"
    if _forbids(value):
        severity: Severity = "critical" if after is None else "info"
        verb = f"gone from {sources}" if after is None else f"in {sources}"
        return Rating("sudoers_rule", severity, f"sudoers: prohibition for {value.get('who')} {verb}: {what}")
    if before is None:
        return Rating("sudoers_grant", "critical", f"sudoers: {rule} added in {sources}: {what}")
    if after is None:
        return Rating("sudoers_rule", "warning", f"sudoers: {rule} removed from {sources}: {what}")
    for name, word in (("users_meant", "whom"), ("commands_meant", "what"), ("runas_meant", "as whom")):
        if before.get(name) != after.get(name):
            return _meaning(rule, _list(before, name), _list(after, name), word=word)
    if before.get("hosts_meant") != after.get("hosts_meant"):
        return Rating("sudoers_grant", "critical", f"sudoers: {rule} holds on other hosts than before: {what}")
    return Rating("sudoers_rule", "info", f"sudoers: {rule} stands in {sources} now: {what}")


def _meaning(rule: str, before: List[str], after: List[str], *, word: str) -> Rating:
    """An alias in a rule stands for something else now."""
    more = [name for name in after if name not in before and not name.startswith("!")]
    more += [f"no longer {name}" for name in before if name not in after and name.startswith("!")]
    fewer = [name for name in before if name not in after]
    if more:
        return Rating("sudoers_grant", "critical", f"sudoers: {rule} says {word} anew: now also {', '.join(more)}")
    return Rating("sudoers_rule", "info", f"sudoers: {rule} says {word} anew: without {', '.join(fewer) or 'any'}")


def _kind(value: Value) -> str:
    tags = _list(value, "tags")
    return "NOPASSWD rule" if "NOPASSWD" in tags else "rule"


def _forbids(value: Value) -> bool:
    return any(str(value.get(name, "")).startswith("!") for name in ("who", "command"))


def _doas(change: Change) -> Rating:
    value = change.after or change.before or {}
    text = change.key.partition(" ")[2]
    grants = value.get("kind") != "deny"
    if change.change == "removed":
        return Rating("sudoers_rule", "warning" if grants else "critical", f"doas: rule is gone: {text}")
    if not grants:
        return Rating("sudoers_rule", "info", f"doas: prohibition added: {text}")
    return Rating("sudoers_grant", "critical", f"doas: rule added: {text}")


def _defaults(change: Change) -> Rating:
    old, new = _list(change.before or {}, "settings"), _list(change.after or {}, "settings")
    added = [text for text in new if text not in old]
    gone = [text for text in old if text not in new]
    scope = change.key.partition(" ")[0][len("Defaults") :]
    whose = f" (for {scope[1:]})" if scope else ""
    where = ", ".join(_list(change.after or change.before or {}, "sources"))
    told = ", ".join([*added, *(f"{text} is gone" for text in gone)]) or "stands elsewhere"
    title = f"sudoers: Defaults{whose} in {where}: {told}"
    return Rating("sudoers_defaults", _loosened(added, gone), title)


def _loosened(added: List[str], gone: List[str]) -> Severity:
    """How much the settings that came and went matter; one that went counts as what it kept from holding."""
    turned = [text[1:] if text.startswith("!") else f"!{text}" for text in gone if "=" not in text]
    moved = [*added, *turned, *(text for text in gone if text.startswith(("secure_path", "env_delete")))]
    if any(_GRAVE.fullmatch(text) for text in moved):
        return "critical"
    return "warning" if any(_LOOSE.fullmatch(text) for text in moved) else "info"


def _file(change: Change) -> Rating:
    before, after = change.before or {}, change.after or {}
    path = change.key.partition(" ")[2]
    if not after:
        return Rating("sudoers_file", "info", f"sudoers: {path} is no longer read")
    trouble = _trouble(before, after)
    if trouble:
        return Rating("sudoers_file", "critical", f"sudoers: {path} {trouble}")
    if not before:
        return Rating("sudoers_file", "info", f"sudoers: {path} is read")
    if (before.get("uid"), before.get("gid"), before.get("mode")) != (
        after.get("uid"),
        after.get("gid"),
        after.get("mode"),
    ):
        arrow = f"{before.get('mode')} {before.get('uid')} -> {after.get('mode')} {after.get('uid')}"
        return Rating("sudoers_file", "warning", f"sudoers: mode or owner of {path} changed ({arrow})")
    return Rating("sudoers_file", "warning", f"sudoers: {path} is another kind of file now ({after.get('type')})")


def _trouble(before: Value, after: Value) -> Optional[str]:
    if after.get("unreadable") and not before.get("unreadable"):
        return f"cannot be checked: {after.get('unreadable')}"
    if after.get("refused") and not before.get("refused"):
        return f"is not safe: {after.get('refused')}; sudo may refuse it"
    if after.get("target") != before.get("target") and after.get("target"):
        return f"is a link to {after.get('target')}"
    return None


def _unparsed(change: Change, value: Value) -> Rating:
    where = change.key.partition(" ")[2].partition(":")[0]
    if change.change == "removed":
        return Rating("sudoers_unparsed", "info", f"sudoers: what could not be understood in {where} is gone")
    return Rating(
        "sudoers_unparsed", "critical", f"sudoers: a line of {where} cannot be understood: {value.get('reason')}"
    )


def _list(value: Value, name: str) -> List[str]:
    found = value.get(name) or []
    return [str(entry) for entry in found] if isinstance(found, list) else []


CODES = {
    "sudoers_grant": Code(
        about="A rule lets somebody run commands as somebody else, most often as root: it was added, or an alias in it "
        "stands for more than before.",
        technique="T1548.003",
        action="Ask who added it. If nobody did: keep the file, remove the rule with visudo -f FILE, and look at what "
        "that account has run since (journalctl _COMM=sudo).",
    ),
    "sudoers_rule": Code(
        about="A rule is gone, stands in another file or grants less; a prohibition came or went.",
        technique="T1548.003",
        action="Accept it if somebody did it on purpose. A prohibition that is gone lets somebody run more.",
    ),
    "sudoers_defaults": Code(
        about="A setting of sudo changed. Some of them (!authenticate, env_keep with LD_PRELOAD, secure_path, "
        "visiblepw, timestamp_timeout below zero) open what the rules close.",
        technique="T1548.003",
        action="See man sudoers for the setting; put it back with visudo if nobody changed it.",
    ),
    "sudoers_file": Code(
        about="A file of sudo's rules has another owner, mode or kind, cannot be read, or others may write to it.",
        technique="T1222.002",
        action="Put it back: root:root, mode 0440, no link. Look at who could write to it meanwhile.",
    ),
    "sudoers_unparsed": Code(
        about="A line of sudo's rules is not in the grammar this check knows, so what it grants cannot be said. sudo "
        "itself may understand it, or skip it and go on.",
        technique="T1548.003",
        action="Run visudo -c, and look at the line itself.",
    ),
    "sudo_plugin": Code(
        about="sudo.conf loads other code into sudo, or looks for it elsewhere. Such a plugin runs as root at each "
        "call, and sees every password.",
        technique="T1556",
        action="Ask whose package brought it (dpkg -S, rpm -qf); without an owner, treat every password typed since as "
        "known.",
    ),
    "sudoers_unseen": Code(
        about="sudo also takes rules from a directory service, which this check does not see.",
        technique="T1548.003",
        action="Look at the sudoers line of /etc/nsswitch.conf; list what holds for an account with sudo -l -U USER.",
    ),
}
