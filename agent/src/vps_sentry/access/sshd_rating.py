# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a changed setting of sshd lets more people in, the sentence that tells it, and what its code means. Pure."""

from __future__ import annotations

import re
from typing import Dict, List, Optional, Set, Tuple

from ..core.model import Change, Code, Rating, Severity, Value
from ..sshd.policy import HIDING

_YES, _NO = ("no", "yes"), ("yes", "no")
# Values from strict to loose. A step to the right opens a door.
_ORDER: Dict[str, Tuple[str, ...]] = {
    "permitrootlogin": ("no", "forced-commands-only", "prohibit-password", "yes"),
    "ignorerhosts": ("yes", "shosts-only", "no"),
    "passwordauthentication": _YES,
    "kbdinteractiveauthentication": _YES,
    "challengeresponseauthentication": _YES,
    "permitemptypasswords": _YES,
    "hostbasedauthentication": _YES,
    "gssapiauthentication": _YES,
    "kerberosauthentication": _YES,
    "permituserenvironment": _YES,
    "usepam": _NO,
    "strictmodes": _NO,
    "gssapistrictacceptorcheck": _NO,
    "ignoreuserknownhosts": _NO,
}
_WHERE_FROM = frozenset(
    ("authorizedkeysfile", "authorizedkeyscommand", "authorizedkeyscommanduser", "trustedusercakeys",
     "authorizedprincipalsfile", "authorizedprincipalscommand", "authorizedprincipalscommanduser", "pamservicename",
     "authenticationmethods", "revokedkeys", "securitykeyprovider", "chrootdirectory", "forcecommand")
)  # fmt: skip
"""Where keys and rules come from: any change decides who gets in, or what he may do then."""
_FENCES = frozenset(("chrootdirectory", "forcecommand", "authenticationmethods", "revokedkeys"))
"""Of these it is their absence that opens a door."""
_ALLOW, _DENY = ("allowusers", "allowgroups"), ("denyusers", "denygroups")
_ALGORITHMS = frozenset(("ciphers", "macs", "kexalgorithms", "hostkeyalgorithms", "pubkeyacceptedalgorithms",
                         "pubkeyacceptedkeytypes", "casignaturealgorithms", "hostbasedacceptedalgorithms"))  # fmt: skip
_WEAK = re.compile(r".*(-cbc|arcfour|rc4|3des|blowfish|cast128|md5|umac-64|sha1|ssh-dss|ssh-rsa).*", re.ASCII)
_HARMLESS = frozenset(("banner", "printmotd", "printlastlog", "tcpkeepalive", "clientaliveinterval", "versionaddendum",
                       "clientalivecountmax", "ipqos", "xauthlocation", "pidfile", "compression", "debianbanner",
                       "x11displayoffset", "rekeylimit", "usedns"))  # fmt: skip
_NAMES = {
    name.lower(): name
    for name in (
        *("PermitRootLogin", "PasswordAuthentication", "KbdInteractiveAuthentication", "PermitEmptyPasswords"),
        *("PubkeyAuthentication", "AuthorizedKeysFile", "AuthorizedKeysCommand", "AuthorizedKeysCommandUser"),
        *("TrustedUserCAKeys", "AuthorizedPrincipalsFile", "AuthenticationMethods", "StrictModes", "UsePAM"),
        *("AllowUsers", "AllowGroups", "DenyUsers", "DenyGroups", "HostbasedAuthentication", "PermitUserEnvironment"),
        *("ForceCommand", "ChrootDirectory", "LogLevel", "Ciphers", "MACs", "KexAlgorithms", "ListenAddress", "Port"),
        *("AcceptEnv", "Subsystem", "AllowTcpForwarding", "GatewayPorts", "X11Forwarding", "MaxAuthTries", "HostKey"),
        *("AuthorizedPrincipalsCommand", "RevokedKeys", "IgnoreRhosts", "PermitTunnel", "Banner", "SetEnv"),
    )
}
Values = List[str]


def rate(change: Change) -> Rating:
    """Code, severity and title of one change of the check ``sshd_config``."""
    if change.key.startswith("not_checked:"):
        reason = (change.after or change.before or {}).get("reason")
        severity: Severity = "warning" if change.after else "info"
        return Rating(
            "sshd_unseen", severity, f"sshd: settings {'not read' if change.after else 'read again'}: {reason}"
        )
    block, keyword = _cut(change.key)
    old, new = _values(change.before), _values(change.after)
    where = _sources(change)
    name = _NAMES.get(keyword, keyword)
    arrow = f"{_words(old)} -> {_words(new)}" if change.before and change.after else _words(new or old)
    verb = {"added": "set: ", "removed": "no longer set: ", "changed": ""}[change.change]
    title = f"sshd: {name} {verb}{arrow}{f' ({block})' if block else ''}{f', by {where}' if where else ''}"
    if old == new:
        return Rating(
            "sshd_setting", "info", f"sshd: {name} {_words(new)} is set elsewhere now{f': {where}' if where else ''}"
        )
    if loosened(keyword, old=old, new=new):
        return Rating("sshd_loosened", "critical", title)
    # A release of sshd brings settings, drops some and has other defaults; nobody said so in a file.
    by_release = not where and not block
    quiet = by_release or (keyword in _HARMLESS and not block)
    severity = "info" if quiet else "warning"
    return Rating("sshd_setting", severity, title + _weaker(keyword, old, new))


def loosened(keyword: str, *, old: Values, new: Values) -> bool:
    """Whether more people get in, or without more proof, than before. No value: nothing was said."""
    if keyword in _ORDER:
        order = _ORDER[keyword]
        before, after = _rank(order, old), _rank(order, new)
        return bool(new) and after > (before if old else 0)
    if keyword in _WHERE_FROM:
        return old != new and (new not in ([], ["none"]) or keyword in _FENCES)
    if keyword in _ALLOW:
        return (not new and bool(old)) or bool(old and _entries(new) - _entries(old))
    if keyword in _DENY:
        return bool(_entries(old) - _entries(new))
    if keyword == "loglevel":
        return bool(new) and new[0].lower() in HIDING
    if keyword in ("acceptenv", "setenv"):
        return any(
            entry.upper().startswith(("LD_", "*", "PATH", "BASH_ENV")) for entry in _entries(new) - _entries(old)
        )
    return False


def _rank(order: Tuple[str, ...], values: Values) -> int:
    """Place in the order; what is not known counts as the loosest."""
    text = values[0].lower() if values else order[0]
    return order.index(text) if text in order else len(order) - 1


def _weaker(keyword: str, old: Values, new: Values) -> str:
    if keyword not in _ALGORITHMS:
        return ""
    before, after = ({word for value in values for word in value.split(",")} for values in (old, new))
    weak = sorted(word for word in after - before if _WEAK.fullmatch(word))
    return f"; weak: {', '.join(weak)}" if weak else ""


def _cut(key: str) -> Tuple[str, str]:
    """The block or server a setting belongs to, and its keyword."""
    block, _, keyword = key.rpartition(" ")
    return block.rstrip(":"), keyword


def _entries(values: Values) -> Set[str]:
    return {word for value in values for word in value.split()}


def _values(value: Optional[Value]) -> Values:
    found = (value or {}).get("values") or []
    return [str(entry) for entry in found] if isinstance(found, list) else []


def _sources(change: Change) -> str:
    found = (change.after or {}).get("sources") or (change.before or {}).get("sources") or []
    return ", ".join(str(entry) for entry in found) if isinstance(found, list) else ""


def _words(values: Values) -> str:
    text = " ".join(values) or "nothing"
    return text if len(text) <= 160 else f"{text[:160]}..."


CODES = {
    "sshd_loosened": Code(
        about="A setting of sshd lets in more people, by weaker proof, or takes keys and rules from elsewhere: "
        "PermitRootLogin, PasswordAuthentication, AuthorizedKeysFile, AuthorizedKeysCommand, TrustedUserCAKeys and the "
        "like, in general or in a Match block.",
        technique="T1556",
        action="Look at the file that is named; put the setting back and reload sshd if nobody changed it. sshd -T "
        "shows what is in force.",
    ),
    "sshd_unseen": Code(
        about="A file of sshd's settings cannot be read or understood, so blocks and other sshds may say more than is "
        "shown.",
        technique="T1556",
        action="Look at the file that is named; sshd -t says what sshd itself makes of it.",
    ),
    "sshd_setting": Code(
        about="Another setting of sshd changed, or one became stricter.",
        technique="T1556",
        action="Accept it if somebody changed it; see what differs with: vps-sentry baseline diff.",
    ),
}
