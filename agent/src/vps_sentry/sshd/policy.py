# SPDX-License-Identifier: GPL-3.0-or-later
"""What sshd's settings allow whom. Pure: settings in, answers out; what is uncertain is never called forbidden.

As in servconf.c and auth.c of OpenSSH: of two values the first counts, a matching block before what is said of
everybody; AllowUsers and its kin add up. Defaults are those of OpenSSH 7.0 and newer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, Iterator, List, Optional, Tuple

from .match import Who, holds, named, pattern
from .syntax import Setting

HIDING = ("quiet", "fatal", "error")
"""Log levels at which sshd does not log that somebody logged in."""
_DEFAULTS = {
    "passwordauthentication": "yes",
    "kbdinteractiveauthentication": "yes",
    "pubkeyauthentication": "yes",
    "hostbasedauthentication": "no",
    "gssapiauthentication": "no",
    "permitemptypasswords": "no",
    "permitrootlogin": "prohibit-password",
    "usepam": "no",
}
# One switch under several names; before OpenSSH 8.7 they were two, either of which was enough.
_INTERACTIVE = ("kbdinteractiveauthentication", "challengeresponseauthentication", "skeyauthentication")
_SWITCHES: Dict[str, Tuple[Tuple[str, ...], str]] = {
    "password": (("passwordauthentication",), "PasswordAuthentication"),
    "keyboard-interactive": (_INTERACTIVE, "KbdInteractiveAuthentication"),
    "publickey": (("pubkeyauthentication",), "PubkeyAuthentication"),
    "hostbased": (("hostbasedauthentication",), "HostbasedAuthentication"),
    "gssapi-with-mic": (("gssapiauthentication",), "GSSAPIAuthentication"),
    "none": (("permitemptypasswords",), "PermitEmptyPasswords"),
}
METHODS = frozenset(_SWITCHES)
"""Every way to log in that sshd knows, without what may stand behind a slash."""
_BY_PASSWORD = ("password", "keyboard-interactive", "none")


@dataclass(frozen=True)
class Policy:
    """The settings of one sshd."""

    settings: Tuple[Setting, ...]

    def values(self, keyword: str, who: Who) -> Tuple[str, ...]:
        """Every value that may be in force for ``who``, in lower case; more than one where that is uncertain."""
        found: List[str] = []
        for setting in (*self._blocks(keyword), *self._common(keyword)):
            state = _state(setting, who)
            if state is not False:
                found.append(setting.arguments[0].lower())
            if state:
                return tuple(found)
        return (*found, _DEFAULTS[keyword]) if keyword in _DEFAULTS else tuple(found)

    def listed(self, keyword: str, who: Who) -> Optional[Tuple[str, ...]]:
        """All arguments of a setting that adds up; None where it is uncertain which count."""
        blocks = [(setting, _state(setting, who)) for setting in self._blocks(keyword)]
        if any(state is None for _, state in blocks):
            return None
        matching = [setting for setting, state in blocks if state]
        return tuple(word for setting in matching or self._common(keyword) for word in setting.arguments)

    def methods(self, who: Who) -> Tuple[Tuple[str, ...], ...]:
        """The sequences of ``AuthenticationMethods``; none where any method is enough, or it is uncertain."""
        for setting in (*self._blocks("authenticationmethods"), *self._common("authenticationmethods")):
            state = _state(setting, who)
            if state is None:
                return ()
            if state:
                chains = tuple(tuple(chain.lower().split(",")) for chain in setting.arguments)
                return () if ("any",) in chains else chains
        return ()

    def forbids(self, who: Who, method: str) -> Optional[str]:
        """The setting that certainly rules this login out; None when none does."""
        method = method.partition("/")[0]
        for rule in (self._denied, self._not_allowed):
            reason = rule(who)
            if reason:
                return reason
        return self._root(who, method) or self._switch(who, method) or self._chain(who, method)

    def takes_passwords(self, who: Who) -> bool:
        """Whether a guessed password may let ``who`` in."""
        if self.forbids(who, "password") is None:
            return True
        return "yes" in self.values("usepam", who) and self.forbids(who, "keyboard-interactive") is None

    def hiding(self) -> Tuple[Tuple[str, str], ...]:
        """Level and place of every ``LogLevel`` at which logins leave no line."""
        common = self._common("loglevel")[:1]
        found = [setting for setting in (*self._blocks("loglevel"), *common) if setting.arguments[0].lower() in HIDING]
        return tuple((setting.arguments[0].upper(), _where(setting)) for setting in found)

    def _blocks(self, keyword: str) -> List[Setting]:
        return [setting for setting in self.settings if setting.keyword == keyword and setting.conditions]

    def _common(self, keyword: str) -> List[Setting]:
        return [setting for setting in self.settings if setting.keyword == keyword and not setting.conditions]

    def _denied(self, who: Who) -> Optional[str]:
        for keyword, name, judge in self._lists(who, "deny"):
            if any(judge(entry) for entry in self.listed(keyword, who) or ()):
                return f"{name} names {who.user}"
        return None

    def _not_allowed(self, who: Who) -> Optional[str]:
        for keyword, name, judge in self._lists(who, "allow"):
            entries = self.listed(keyword, who)
            if entries and all(judge(entry) is False for entry in entries):
                return f"{name} does not name {who.user}"
        return None

    def _lists(self, who: Who, kind: str) -> Iterator[Tuple[str, str, Callable[[str], Optional[bool]]]]:
        yield f"{kind}users", f"{kind.title()}Users", lambda entry: named(entry, who)
        if who.groups is not None:
            groups = who.groups
            yield f"{kind}groups", f"{kind.title()}Groups", lambda entry: any(pattern(g, entry) for g in groups)

    def _root(self, who: Who, method: str) -> Optional[str]:
        if who.uid != 0:
            return None
        allowed = self.values("permitrootlogin", who)
        if all(value == "no" or (method in _BY_PASSWORD and value != "yes") for value in allowed):
            return f"PermitRootLogin {allowed[0]}"
        return None

    def _switch(self, who: Who, method: str) -> Optional[str]:
        keywords, name = _SWITCHES.get(method, ((), ""))
        values = [value for keyword in keywords for value in self.values(keyword, who)]
        if keywords == _INTERACTIVE and len(set(values)) > 1 and not self._said(keywords[0]):
            # The default counts only where none of the names is used.
            values = [value for keyword in keywords[1:] for value in self.values(keyword, who)]
        return f"{name} no" if values and set(values) == {"no"} else None

    def _said(self, keyword: str) -> bool:
        return any(setting.keyword == keyword for setting in self.settings)

    def _chain(self, who: Who, method: str) -> Optional[str]:
        chains = self.methods(who)
        if not chains or any(chain[-1].partition(":")[0] == method for chain in chains):
            return None
        return "AuthenticationMethods " + " ".join(",".join(chain) for chain in chains)


def _state(setting: Setting, who: Who) -> Optional[bool]:
    answers = [holds(condition, who) for condition in setting.conditions]
    if False in answers:
        return False
    return None if None in answers else True


def _where(setting: Setting) -> str:
    blocks = "".join(f" (Match {' '.join(condition)})" for condition in setting.conditions)
    return setting.place + blocks
