# SPDX-License-Identifier: GPL-3.0-or-later
"""Who knocks at sshd and who gets in: failure bursts, break-ins after one, first logins, gaps in the log.

Nothing here is an item: a login has no baseline. Logins that an acceptance would make known are ``learnable``.
Not looked at yet: sessions without a login line (a second witness), and whether sshd offers passwords at all.
"""

from __future__ import annotations

import copy
import re
import time
from dataclasses import dataclass, field
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Tuple, Union

from ..core.canonical import escape
from ..core.model import Change, Observation, Rating, Severity, Signal, Value
from ..core.units import duration
from ..errors import CollectError
from ..host import Host
from ..sshlog import codes, watch
from ..sshlog.addresses import within
from ..sshlog.journal import JournalSource, matches
from ..sshlog.messages import Event, parse
from ..sshlog.source import DROPPED, Source
from ..sshlog.textlog import TextSource
from . import Check, Context, Stamp

_AUTO = ("journal", "/var/log/auth.log", "/var/log/secure")
_FIRST_LOOK = 30 * watch.DAY
_SSHD_UNIT = re.compile(rb"Suppressed ([0-9]+) messages from (ssh|sshd)(@[^ ]*)?\.(service|socket)")
_NO_SHELL = (b"nologin", b"false", b"sync", b"halt", b"shutdown")
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_RATIO_LINES = 50


@dataclass(frozen=True)
class ExpectedLogin:
    """A login that is nobody's business: of ``user``, with this key if one is named, from a network or ``any``."""

    user: str
    """The account that is logged in to."""
    key: Optional[str] = None
    """Fingerprint as ``ssh-keygen -l`` prints it, ``SHA256:...``; without one any key or method is expected."""
    from_: str = field(default="any", metadata={"key": "from"})
    """Where it may come from: an address, a network such as ``192.0.2.0/24``, or ``any``."""
    expires: Optional[str] = None
    """Last day (UTC, ``2027-01-31``) on which the login is expected."""


@dataclass(frozen=True)
class Options:
    """Configuration of ``checks.ssh_auth``."""

    enabled: bool = True
    sources: Union[str, Tuple[str, ...]] = "auto"
    """``auto`` (the journal if readable, else auth.log, else secure), or a list of which the first readable is used."""
    failed_threshold: int = 25
    """So many failed attempts within ``window``, summed over all addresses, are a burst."""
    invalid_user_threshold: int = 10
    """So many attempts within ``window`` as users that do not exist are a burst."""
    window: str = "1h"
    """Sliding, by the time in the log."""
    seen_ttl: str = "30d"
    """A known login not seen for so long is a first one again."""
    expected_logins: Tuple[ExpectedLogin, ...] = ()
    """Logins that are never a first one; user and key must match, wherever they come from."""


def validate(options: Options) -> None:
    """Raises ValueError naming the option that cannot be used."""
    for name in ("window", "seen_ttl"):
        _seconds(options, name)
    for name in ("failed_threshold", "invalid_user_threshold"):
        if not 1 <= getattr(options, name) <= 100_000:
            raise ValueError(f"{name}: must be 1 to 100000")
    for source in _candidates(options):
        if source != "journal" and not source.startswith("/"):
            raise ValueError(f"sources: {source!r} is neither auto, journal nor an absolute path")
    for login in options.expected_logins:
        if login.expires is not None and not _DATE.fullmatch(login.expires):
            raise ValueError(f"expected_logins: expires {login.expires!r} is not a date such as 2027-01-31")
        if login.from_ != "any" and not (within(login.from_.partition("/")[0], login.from_)):
            raise ValueError(f"expected_logins: from {login.from_!r} is neither any, an address nor a network")


def _seconds(options: Options, name: str) -> int:
    try:
        return duration(getattr(options, name))
    except ValueError as exc:
        raise ValueError(f"{name}: {exc}") from exc


def collect(context: Context) -> Observation:
    """What sshd logged since the last run. ``failed`` when there is no log that can be read."""
    options: Options = context.options
    memory = {**watch.empty(), **copy.deepcopy(dict(context.memory))}
    memory["accepted"] = memory["accepted"] or context.accepted
    known = watch.Watch(memory, _rules(context, options), context.now)
    source = _source(context, memory)
    if memory.get("source", source.name) != source.name:
        known.note(_gap(context, "source", f"sshd's messages are now read from {source.name}, not {memory['source']}"))
    _read(source, known, context)
    memory["source"], memory["position"] = source.name, source.position
    signals = known.signals()
    return Observation(status="ok", signals=signals, learnable=_learnable(memory), memory=memory)


def _read(source: Source, known: watch.Watch, context: Context) -> None:
    said = unknown = dropped = 0
    for record in source:
        if record.identifier == DROPPED:
            found = _SSHD_UNIT.match(record.message)
            dropped += int(found[1]) if found else 0
            continue
        event = parse(record.message)
        said += 1
        if event is None:
            unknown += 1
        else:
            known.feed(record.time, record.pid, event=event, trusted=record.trusted)
    if dropped:
        known.note(_gap(context, "dropped", "journald dropped messages of sshd that came too fast"))
    if said >= _RATIO_LINES and unknown * 10 > said:
        known.note(_gap(context, "unknown", "more than a tenth of sshd's messages say nothing this version knows"))
    if source.missing:
        title = "A log of sshd was cut or removed"
        until = context.now + watch.DAY
        known.note(Signal("ssh_log_truncated", source.name, "critical", title, source.missing, context.now, until))


def _gap(context: Context, key: str, detail: str) -> Signal:
    title = "Something of sshd's log may be missing"
    return Signal("ssh_log_gap", key, "warning", title, detail, context.now, context.now + watch.DAY)


def _candidates(options: Options) -> Tuple[str, ...]:
    if options.sources == "auto":
        return _AUTO
    return (options.sources,) if isinstance(options.sources, str) else options.sources


def _source(context: Context, memory: Mapping[str, Any]) -> Source:
    """The first source that can be read. Raises CollectError with what to do when there is none."""
    problems: List[str] = []
    for name in _candidates(context.options):
        position = memory.get("position", {}) if memory.get("source") == name else {}
        try:
            return _open(name, position, context)
        except CollectError as exc:
            problems.append(str(exc))
    raise CollectError(
        "no log of sshd can be read (" + "; ".join(problems) + "); let journald or rsyslog keep one, or name it in "
        "checks.ssh_auth.sources"
    )


def _open(name: str, position: Mapping[str, Any], context: Context) -> Source:
    if name != "journal":
        return TextSource(context.host, name, position, now=context.now)
    since = context.now - _FIRST_LOOK
    return JournalSource(position, context.now, since=since, machine_id=context.host.machine_id())


def _rules(context: Context, options: Options) -> watch.Rules:
    try:
        span, seen_ttl = _seconds(options, "window"), _seconds(options, "seen_ttl")
    except ValueError as exc:
        raise CollectError(f"checks.ssh_auth.{exc}") from exc
    return watch.Rules(
        failed_threshold=options.failed_threshold,
        invalid_user_threshold=options.invalid_user_threshold,
        span=span,
        seen_ttl=seen_ttl,
        accounts=parse_accounts(context.host.read("/etc/passwd")),
        expected=lambda event, when: any(_expects(login, event, when) for login in options.expected_logins),
    )


def parse_accounts(passwd: bytes) -> FrozenSet[str]:
    """Names of the accounts of a passwd(5) file that have a login shell."""
    rows = (line.split(b":") for line in passwd.split(b"\n"))
    return frozenset(escape(row[0]) for row in rows if len(row) == 7 and row[6].rpartition(b"/")[2] not in _NO_SHELL)


def _expects(login: ExpectedLogin, event: Event, when: int) -> bool:
    day = time.strftime("%Y-%m-%d", time.gmtime(when))
    return (
        event.user == escape(login.user.encode("utf-8", "surrogatepass"))
        and (login.key is None or login.key == event.key)
        and (login.from_ == "any" or (event.address is not None and within(event.address, login.from_)))
        and (login.expires is None or day <= login.expires)
    )


def _learnable(memory: Mapping[str, Any]) -> Dict[str, Value]:
    fields = ("user", "network", "method", "key")
    return {key: {name: entry[name] for name in fields} for key, entry in sorted(memory["pending"].items())}


def rate(change: Change, options: Options) -> Rating:
    """There are no items; what a plan holds of this check are logins to be known from then on."""
    severity: Severity = "critical" if (change.after or {}).get("user") == "root" else "warning"
    return Rating("ssh_first_login", severity, f"{change.key} becomes known")


def stamps(options: Options, host: Host, memory: Mapping[str, Any]) -> Tuple[Stamp, ...]:
    """The end of the log as it was read."""
    position = memory.get("position", {})
    if memory.get("source", "journal") == "journal":
        return (("journal", (position.get("cursor", ""), *matches(host.machine_id()))),)
    path = host.locate(memory["source"].encode()).decode()
    return (
        ("logfile", (path, position["device"], position["inode"], position["size"] if not memory.get("more") else -2)),
    )


def learn(memory: Mapping[str, Any], keys: Tuple[str, ...], now: int) -> Dict[str, Any]:
    """The logins of ``keys`` are known from now on, and further ones are alerts."""
    return watch.learn({**watch.empty(), **memory}, keys)


CHECK = Check(
    name="ssh_auth",
    about="SSH logins: failure bursts, break-ins after one, first logins, gaps in sshd's log",
    options=Options,
    columns={},
    collect=collect,
    rate=rate,
    stamps=stamps,
    validate=validate,
    live=True,
    learn=learn,
    codes=codes.CODES,
)
