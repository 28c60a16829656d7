# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs of cron, anacron and at as items: which program, as whom, when; and what of it really runs."""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from typing import Dict, FrozenSet, Iterable, Iterator, List, Mapping, Tuple

from ..core.canonical import escape
from ..core.clock import rfc3339
from ..core.model import Value
from ..errors import CollectError
from ..watch.entries import Target
from . import crontab, places, shown
from .crontab import Job, Line, Variable
from .disk import Disk, Entry

PASSWD = places.PASSWD
SYSTEM = b"/etc/crontab"
FOLDER = b"/etc/cron.d"
ANACRON = b"/etc/anacrontab"
SPOOLS = (b"/var/spool/cron/crontabs", b"/var/spool/cron/tabs", b"/var/spool/cron")
"""Tables of users: Debian's, SUSE's, that of EL."""
PERIODS = tuple(b"/etc/cron." + period for period in (b"hourly", b"daily", b"weekly", b"monthly", b"yearly"))
AT = (b"/var/spool/cron/atjobs", b"/var/spool/at", b"/var/spool/atjobs")
RIGHTS = tuple(b"/etc/" + name for name in (b"cron.allow", b"cron.deny", b"at.allow", b"at.deny"))
MOST_LINES = 500
"""Lines of one table that become items; users write their own."""
_MOST_USERS = 200
_DEBIAN = re.compile(rb"[A-Za-z0-9_-]+")
_LEFT_OVER = re.compile(rb"[.#].*|.*(?:~|,|,v|\.rpm(?:save|orig|new)|\.swp|\.cfsaved)")
_BESIDE = (b".SEQ", b".lockfile")
"""A counter and a lock among the jobs of at."""


@dataclass(frozen=True)
class Look:
    """What the items are made with."""

    disk: Disk
    users: Mapping[int, str]
    names: FrozenSet[bytes]
    debian: bool
    """Whether names count as Debian's cron and run-parts read them, else as those of EL do."""


def items(look: Look) -> Dict[str, Value]:
    """Every job, variable and unreadable line, by key."""
    found: Dict[str, Value] = {}
    if look.disk.facts(SYSTEM) is not None:
        found.update(_table(look, Entry(SYSTEM, "file"), system=True))
    for entry in look.disk.entries(FOLDER):
        if entry.kind != "folder":
            found.update(_drop_in(look, entry))
    for folder in SPOOLS:
        for entry in look.disk.entries(folder):
            if entry.kind != "folder":
                found.update(_of_user(look, entry))
    for folder in PERIODS:
        for entry in look.disk.entries(folder):
            found[escape(entry.path)] = _periodic(look, entry)
    found.update(_anacron(look))
    for folder in look.disk.folders(AT):
        found.update(_at_jobs(look, folder))
    found.update(_rights(look))
    return found


def _drop_in(look: Look, entry: Entry) -> Dict[str, Value]:
    found = look.disk.facts(entry.path)
    ignored = _misnamed(look, entry.name)
    if found is not None and found.st_uid:
        ignored = "not root's"
    elif found is not None and found.st_mode & 0o022:
        ignored = "others may write to it"
    return _table(look, entry, system=True, ignored=ignored)


def _misnamed(look: Look, name: bytes) -> str:
    fits = _DEBIAN.fullmatch(name) if look.debian else not _LEFT_OVER.fullmatch(name)
    return "" if fits else "its name"


def _of_user(look: Look, entry: Entry) -> Dict[str, Value]:
    if entry.kind == "link":
        value: Value = {"state": "not run: a link", "target": escape(look.disk.aim(entry))}
        return {escape(entry.path): {**value, "sources": [escape(entry.path)]}}
    ignored = "" if entry.name in look.names else "no such user"
    return _table(look, entry, system=False, ignored=ignored)


def _table(look: Look, entry: Entry, *, system: bool, ignored: str = "") -> Dict[str, Value]:
    lines = []
    try:
        if entry.kind == "link":
            look.disk.note(look.disk.aim(entry))
        lines = list(crontab.parse(look.disk.read(entry.path), system=system))
    except CollectError as exc:
        return {escape(entry.path): {"unreadable": [str(exc)], "sources": [escape(entry.path)]}}
    owner = b"" if system else entry.name
    found: Dict[str, Value] = {}
    for line in lines[:MOST_LINES]:
        key, value = _item(line, owner, plain=entry.kind != "link")
        _add(found, f"{escape(entry.path)}#{key}", _more(value, entry, ignored))
    if len(lines) > MOST_LINES:
        rest = shown.digest(repr(lines[MOST_LINES:]).encode())
        reason = f"{len(lines) - MOST_LINES} more lines [{rest}]"
        found[f"{escape(entry.path)}#more"] = _more({"malformed": reason}, entry, ignored)
    return found


def _more(value: Value, entry: Entry, ignored: str) -> Value:
    state: Value = {"state": f"not run: {ignored}"} if ignored else {}
    target: Value = {"target": escape(entry.target)} if entry.kind == "link" else {}
    return {**value, **state, **target, "sources": [escape(entry.path)]}


def _item(line: Line, owner: bytes, *, plain: bool) -> Tuple[str, Value]:
    """A key that names the line by what it does, and its value. What a link leads to is shown only if cron reads it."""
    if isinstance(line, Job):
        user = line.user or owner
        key = shown.digest(user + b"\0" + line.command)[7:]
        return key, {"user": shown.line(user), "when": [shown.line(line.when)], "runs": [shown.line(line.command)]}
    if isinstance(line, Variable):
        name = escape(line.name[: shown.LONGEST])
        return f"{name}=", {"environment": [shown.assignment(line.name + b"=" + line.value)]}
    text = shown.line(line.text) if plain else shown.digest(line.text)
    return shown.digest(line.text)[7:], {"malformed": text}


def _add(found: Dict[str, Value], key: str, value: Value) -> None:
    """The same program at other times, or a variable set anew, is the same item."""
    before = found.get(key, {})
    for name in ("when", "environment"):
        old, new = before.get(name), value.get(name)
        if isinstance(old, list) and isinstance(new, list):
            value[name] = [*map(str, old), *(str(line) for line in new if line not in old)]
    found[key] = value


def _periodic(look: Look, entry: Entry) -> Value:
    value: Value = {"user": "root", "when": [escape(entry.path.split(b"/")[-2])], "runs": [escape(entry.path)]}
    ignored = _misnamed(look, entry.name)
    if entry.kind == "link":
        value["target"] = escape(look.disk.aim(entry))
        look.disk.note(look.disk.aim(entry))
    if entry.kind == "folder":
        ignored = "a folder"
    elif not ignored and not look.disk.executable(entry.path):
        ignored = "not executable"
    state: Value = {"state": f"not run: {ignored}"} if ignored else {}
    return {**value, **state, "sources": [escape(entry.path)]}


def _anacron(look: Look) -> Iterator[Tuple[str, Value]]:
    if look.disk.facts(ANACRON) is None:
        return
    entry = Entry(ANACRON, "file")
    try:
        lines = list(crontab.parse_anacron(look.disk.read(ANACRON)))
    except CollectError as exc:
        yield escape(ANACRON), {"unreadable": [str(exc)], "sources": [escape(ANACRON)]}
        return
    for line, name in lines[:MOST_LINES]:
        key, value = _item(line, b"root", plain=True)
        yield f"{escape(ANACRON)}#{escape(name) or key}", _more(value, entry, "")


def _at_jobs(look: Look, folder: bytes) -> Iterator[Tuple[str, Value]]:
    for entry in look.disk.entries(folder):
        found = crontab.AT_NAME.fullmatch(entry.name)
        if entry.kind == "folder" or entry.name in _BESIDE:
            continue
        value: Value = {"sources": [escape(entry.path)]}
        if not found or entry.kind != "file":
            ignored = "a link" if entry.kind == "link" else "its name" if not found else "no file"
            yield escape(entry.path), {**value, "state": f"not run: {ignored}"}
            continue
        try:
            yield escape(entry.path), {**value, **_at_job(look, entry, minutes=int(found[2], 16))}
        except CollectError as exc:
            yield escape(entry.path), {**value, "unreadable": [str(exc)]}


def _at_job(look: Look, entry: Entry, *, minutes: int) -> Value:
    job = crontab.parse_at(look.disk.read(entry.path))
    facts = look.disk.facts(entry.path)
    uid = facts.st_uid if job.uid < 0 and facts else job.uid
    lines = [shown.line(line) for line in job.commands[:MOST_LINES]]
    value: Value = {"user": look.users.get(uid, f"uid:{uid}"), "when": [rfc3339(minutes * 60)], "runs": [*lines]}
    telling = [shown.assignment(name + b"=" + text) for name, text in job.variables]
    loads = [text for text in telling if shown.LOADER.fullmatch(text)]
    executable = facts is not None and bool(facts.st_mode & stat.S_IXUSR)
    # atd takes a job only while its owner may execute it.
    state: Value = {} if executable else {"state": "not run: not executable"}
    return {**value, **state, **({"environment": [*loads]} if loads else {})}


def _rights(look: Look) -> Iterator[Tuple[str, Value]]:
    for path in RIGHTS:
        if look.disk.facts(path) is None:
            continue
        value: Value = {"sources": [escape(path)]}
        try:
            names: List[str] = [escape(name) for name in look.disk.read(path).split()]
            rest = [f"and {len(names) - _MOST_USERS} more"] if len(names) > _MOST_USERS else []
            yield escape(path), {**value, "users": [*names[:_MOST_USERS], *rest]}
        except CollectError as exc:
            yield escape(path), {**value, "unreadable": [str(exc)]}


def targets(beyond: Iterable[bytes]) -> Iterator[Target]:
    """What a stamp must find unmoved."""
    for path in (PASSWD, SYSTEM, FOLDER, ANACRON, *PERIODS, *RIGHTS, b"/var/spool/cron", *AT[1:], *beyond):
        folder, _, name = path.rpartition(b"/")
        yield Target(folder + b"/", (name,), 2, limit=places.ENTRIES)
