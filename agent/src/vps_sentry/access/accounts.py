# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of the account files -> items: users, passwords without their hashes, groups, ids lent, odd lines. Pure."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from ..core.canonical import escape
from ..core.model import Value
from .passwd import Account, Group, Rows, Secret, ranges
from .shells import Shell

PASSWD, GROUP, SHADOW, GSHADOW = "/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow"
_SHOWN = 64
_SAME = 20
_REMEMBERED = 8
"""Hashes remembered of one account, so that one that is put back is known again."""
_SCHEMES = (("$y$", "yescrypt"), ("$gy$", "gost-yescrypt"), ("$7$", "scrypt"), ("$6$", "sha512"), ("$5$", "sha256"),
            ("$2", "bcrypt"), ("$1$", "md5"), ("$sha1", "sha1"), ("$", "unknown"), ("_", "des"))  # fmt: skip
_NOTHING = (b"", b"*", b"x", b"!")
Items = Dict[str, Value]


class Tables(NamedTuple):
    """What the account files hold."""

    accounts: Sequence[Account]
    groups: Sequence[Group]
    secrets: Mapping[bytes, Secret]


def users(tables: Tables, judge: Callable[[bytes], Shell]) -> Items:
    """One item per account; of two with one name the second says so in its key."""
    names = {group.gid: group.name for group in reversed(tables.groups)}
    joined: Dict[bytes, Set[str]] = {}
    for group in tables.groups:
        for member in group.members:
            joined.setdefault(member, set()).add(escape(group.name))
    sharing: Dict[int, List[Account]] = {}
    for account in tables.accounts:
        sharing.setdefault(account.uid, []).append(account)
    found: Items = {}
    for account in tables.accounts:
        shell = judge(account.shell)
        value: Value = {
            "uid": account.uid,
            "gid": account.gid,
            "group": escape(names.get(account.gid, b"")),
            "home": escape(account.home),
            "shell": escape(account.shell),
            "login": "yes" if shell.login else "no",
            "groups": sorted(joined.get(account.name, ())),
            "source": PASSWD,
        }
        if shell.note:
            value["shell_note"] = shell.note
        if shell.false_face:
            value["false_face"] = True
        if len(sharing[account.uid]) > 1:
            value["same_uid"] = _others(account, sharing[account.uid])
        found[_free(f"user {escape(account.name[:_SHOWN])}", found)] = value
    return found


def _others(account: Account, sharing: List[Account]) -> List[str]:
    """Names of the others with its uid; of very many some, and how many more."""
    names = sorted(escape(other.name[:_SHOWN]) for other in sharing[: _SAME + 1] if other is not account)[:_SAME]
    more = len(sharing) - 1 - len(names)
    return [*names, f"and {more} more"] if more else names


def _free(key: str, taken: Mapping[str, Any]) -> str:
    """``key``, or the first of ``key (2)``, ``key (3)`` that is free."""
    number, wanted = 1, key
    while wanted in taken:
        number += 1
        wanted = f"{key} ({number})"
    return wanted


def passwords(tables: Tables, seen: Seen) -> Items:
    """One item per account that has a password, or needs none; never anything its hash could be learnt from."""
    found: Items = {}
    for account in tables.accounts:
        secret = tables.secrets.get(account.name) if account.password == b"x" else None
        field = secret.password if secret else account.password
        state, scheme = describe(field)
        if not state or (account.password == b"x" and secret is None):
            continue
        value: Value = {"state": state, "uid": account.uid, "source": SHADOW if secret else PASSWD}
        if scheme:
            value["scheme"] = scheme
            value["version"] = seen.version(escape(account.name), field)
        if secret:
            value["changed_on"] = "at the next login" if secret.changed == 0 else _day(secret.changed)
            value["expires"] = _day(secret.expires)
        if not secret and scheme:
            value["note"] = "its hash stands in /etc/passwd, which everybody may read"
        found[_free(f"password {escape(account.name[:_SHOWN])}", found)] = value
    return found


def describe(field: bytes) -> Tuple[str, str]:
    """State and hash scheme of a password field; no state where there simply is no password."""
    if not field:
        return "none needed", ""
    bare = field.lstrip(b"!*")
    if bare in _NOTHING or len(bare) < 13:
        return "", ""
    text = bare[:8].decode("ascii", "replace")
    scheme = next((name for begin, name in _SCHEMES if text.startswith(begin)), "des")
    return ("locked" if field[:1] in b"!*" else "set"), scheme


def _day(number: Optional[int]) -> str:
    if number is None:
        return "never"
    # Imported here: it costs a tick as much as all its stamps.
    from datetime import date, timedelta

    try:
        return (date(1970, 1, 1) + timedelta(days=number)).isoformat()
    except OverflowError:
        return "never"


class Seen:
    """Which hash of an account is which, by digests under a key of this host, kept in the check's memory alone."""

    def __init__(self, memory: Mapping[str, Any], *, salt: bytes, accepted: Mapping[str, Value]) -> None:
        self._known: Mapping[str, List[List[Any]]] = memory.get("passwords", {})
        self._key, self._accepted = salt, accepted
        self._now: Dict[str, List[List[Any]]] = {}
        self._lost = not memory and bool(accepted)

    def version(self, name: str, field: bytes) -> int:
        """A number that is another one for another hash; 0 when what was accepted cannot be compared with it."""
        bare = field.lstrip(b"!*")
        digest = blake2b(bare, digest_size=16, key=self._key).hexdigest()
        before = [list(entry) for entry in self._known.get(name, ())]
        found = next((number for known, number in before if known == digest), None)
        if found is None:
            accepted = self._accepted.get(f"password {name}", {}).get("version", 0)
            numbers = [number for _, number in before] + [accepted if isinstance(accepted, int) else 0]
            found = 0 if self._lost and accepted else max(numbers) + 1
        rest = [entry for entry in before if entry[0] != digest]
        self._now[name] = [*rest, [digest, found]][-_REMEMBERED:]
        return int(found)

    def memory(self) -> Dict[str, List[List[Any]]]:
        """What is to be remembered."""
        return self._now


def groups(tables: Tables) -> Items:
    """One item per group that is more than the private group of an account; who is in it stands with the accounts."""
    names = {escape(account.name) for account in tables.accounts}
    private = {(account.name, account.gid) for account in tables.accounts}
    found: Items = {}
    for group in tables.groups:
        strangers = sorted({escape(name) for name in group.members} - names)
        if (group.name, group.gid) in private and not strangers and not describe(group.password)[1]:
            continue
        value: Value = {"gid": group.gid, "source": GROUP}
        if strangers:
            value["strangers"] = strangers
        if describe(group.password)[1]:
            value["password"] = "set"  # noqa: S105  a state
        found[_free(f"group {escape(group.name[:_SHOWN])}", found)] = value
    return found


def lent(path: str, data: bytes) -> Items:
    """Ids that an account may use inside its containers, one item per account and file."""
    found: Dict[str, List[str]] = {}
    for owner, first, count in ranges(data):
        found.setdefault(escape(owner[:_SHOWN]), []).append(f"{first}:{count}")
    kind = path.rpartition("/")[2]
    return {f"{kind} {owner}": {"ranges": sorted(spans), "source": path} for owner, spans in found.items()}


def odd(path: str, table: Rows) -> Items:
    """One item for each line that is not as it should be, and for each that brings accounts from elsewhere."""
    found: Items = {}
    for line in table.odd:
        found[_free(f"line {path} {line.name}", found)] = {"reason": line.reason, "source": path}
    for entry in table.foreign:
        reason = "brings or takes accounts of a directory service"
        found[_free(f"line {path} {entry}", found)] = {"reason": reason, "source": path}
    return found
