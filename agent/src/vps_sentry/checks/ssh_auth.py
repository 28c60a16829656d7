# SPDX-License-Identifier: GPL-3.0-or-later
"""Who knocks at sshd and who gets in: failure bursts, break-ins after one, first logins, gaps in the log.

Two witnesses: sshd's log and the sessions that live. Whoever is here and left no login line is told of, and a line
that anybody could have written counts when a session stands behind it.
Nothing here is an item: a login has no baseline. Logins that an acceptance would make known are ``learnable``.
"""

from __future__ import annotations

import copy
import re
from dataclasses import replace
from typing import Any, Dict, List, Mapping, NamedTuple, Tuple

from ..core.clock import rfc3339
from ..core.model import Change, Observation, Rating, Severity, Signal, Value
from ..errors import CollectError
from ..host import Host
from ..sessions import live, utmp, witness
from ..sessions.live import Live
from ..sessions.session import Session
from ..sessions.witness import Gap, Login, Witness
from ..sshd import files as settings
from ..sshd.files import Accounts
from ..sshd.judge import Judge, Running
from ..sshd.policy import METHODS
from ..sshlog import codes, headroom, logins, rules
from ..sshlog.choice import choose
from ..sshlog.messages import Event, parse
from ..sshlog.options import Options, expects, seconds, validate
from ..sshlog.rules import DAY, Rules
from ..sshlog.source import DROPPED, Record, Source
from ..sshlog.watch import Watch
from . import Check, Context, Stamp

_SSHD_UNIT = re.compile(rb"Suppressed ([0-9]+) messages from (ssh|sshd)(@[^ ]*)?\.(service|socket)")
_LISTENING = b"Server listening on "
_RATIO_LINES = 50
_STATE = 3600
"""Seconds for which something that is so, and no event, stands without another look."""
_PLACES = (settings.MAIN, f"{settings.MAIN}.d")


def collect(context: Context) -> Observation:
    """What sshd logged since the last run, and who is logged in. ``failed`` when there is no log that can be read."""
    memory = {**rules.empty(), "witness": witness.empty(), **copy.deepcopy(dict(context.memory))}
    memory["accepted"] = memory["accepted"] or context.accepted
    accounts = _accounts(context.host)
    # The sessions come first: whoever is seen was logged before, so his line is in what is read next.
    present = live.look(context.host, accounts.names, now=context.now)
    judge = _judge(context.host, present, accounts)
    source = choose(context.host, context.options, memory=memory, now=context.now)
    judge.listening = memory.get("listening", 0)
    look = _Pass(context, memory, present=present, judge=judge, accounts=accounts)
    look.read(source, context.host)
    settled = look.match(source)
    look.tell_state()
    memory["targets"] = sorted(accounts.shells)
    memory["source"], memory["position"] = source.name, source.position
    memory["stamp"] = [present.settled if settled else "", look.again, present.warden, *present.watched]
    memory["places"] = list(judge.places())
    signals = look.watch.signals()
    return Observation(status="ok", signals=signals, learnable=_learnable(memory), memory=memory)


class _Missing(NamedTuple):
    """A stretch of sshd's log that is not there."""

    gap: Gap
    signal: Signal


class _Pass:
    """One pass over the log beside one look at the sessions."""

    def __init__(
        self, context: Context, memory: Dict[str, Any], *, present: Live, judge: Judge, accounts: Accounts
    ) -> None:
        self._now, self._memory, self._present, self._judge = context.now, memory, present, judge
        self._accounts = accounts
        self.watch = Watch(memory, _rules(context.options, judge, accounts), context.now)
        self._problems = [*present.problems, *judge.problems()]
        self._witness = Witness(memory["witness"], present.sessions)
        self._missing: List[_Missing] = []
        self.again = 0
        """When what stands must be looked at again, lest it seem to end; 0 when nothing does."""

    def read(self, source: Source, host: Host) -> None:
        """Take in what is new in the log, and note what of it is missing."""
        memory = self._memory
        looked = memory.get("looked", self._now)
        if source.name != "journal":
            self._witness.remembers(self._past(host))
        said, unknown, first = 0, 0, 0
        for record in source:
            if record.identifier == DROPPED:
                if _SSHD_UNIT.match(record.message):
                    # Not since the line before: journald counts by priority, and of a process that ended before it
                    # looked it does not know the unit, so that some lines come through while others are dropped.
                    span = (min(first or looked, looked), record.time)
                    self._gap("dropped", "journald dropped messages of sshd that came too fast", span)
                continue
            first = first or record.time
            said += 1
            unknown += not self._take(record)
        memory["listening"] = self._judge.listening
        memory["witness"]["since"] = memory["witness"]["since"] or first or self._now
        if said >= _RATIO_LINES and unknown * 10 > said:
            self._gap("unknown", "more than a tenth of sshd's messages say nothing this version knows", (0, 0))
        if memory.get("source", source.name) != source.name:
            change = f"sshd's messages are now read from {source.name}, not {memory['source']}"
            self._gap("source", change, (looked, self._now))
        for key, detail in source.gaps.items():
            self._gap(key, detail, (looked, self._now))
        if source.missing:
            gap, title, until = Gap(looked, self._now, source.name), "A log of sshd was cut or removed", self._now + DAY
            cut = Signal("ssh_log_truncated", source.name, "critical", title, source.missing, self._now, until)
            self._missing.append(_Missing(gap, cut))
        memory["looked"] = self._now

    def _gap(self, key: str, detail: str, span: Tuple[int, int]) -> None:
        title = "Something of sshd's log may be missing"
        signal = Signal("ssh_log_gap", key, "warning", title, detail, self._now, self._now + DAY)
        self._missing.append(_Missing(Gap(*span, key), signal))

    def _past(self, host: Host) -> List[Session]:
        """Sessions of wtmp, which is asked only where the log itself proves nothing."""
        try:
            return utmp.read(host, utmp.WTMP)
        except CollectError as exc:
            self._problems.append(str(exc))
            return []

    def _take(self, record: Record) -> bool:
        """One message of sshd; whether this version knows what it says."""
        if record.trusted and record.message.startswith(_LISTENING):
            self._judge.listening = record.time
        event = parse(record.message)
        if event is None:
            return False
        trusted = record.trusted
        if event.login and event.user is not None:
            uid = self._accounts.uids.get(event.user)
            login = Login(record.time, record.pid, event.user, uid, event.address)
            trusted = trusted or self._witness.confirms(login)
            if trusted:
                self._witness.saw(login)
        self.watch.feed(record.time, record.pid, event=event, trusted=trusted)
        return True

    def match(self, source: Source) -> bool:
        """Tell of sessions that no line accounts for; whether every session could be judged."""
        gaps = [missing.gap for missing in self._missing]
        found, settled = self._witness.judge(self._now, gaps=gaps, complete=not source.more)
        told = [(one, [verdict.session for verdict in found if verdict.gap is one.gap]) for one in self._missing]
        # Of several gaps of one kind the one somebody came in by is what stands.
        for missing, inside in sorted(told, key=lambda pair: len(pair[1])):
            self._tell_gap(missing, inside)
        for verdict in found:
            if verdict.gap is None:
                self.again = self._now + _STATE // 2
                session = verdict.session
                self.watch.logins.unlogged(self._now, _event(session), begin=rfc3339(session.begin))
        for session in self._witness.others():
            self.watch.logins.other(session.begin, _event(session), remote=session.remote)
        self._witness.close(self._now)
        return settled

    def _tell_gap(self, missing: _Missing, inside: List[Session]) -> None:
        signal = missing.signal
        if inside:
            people = ", ".join(f"{s.user} from {s.address or 'an unknown address'}" for s in inside)
            title = f"{signal.title}, and somebody came in meanwhile"
            detail = f"{signal.detail}; logged in without a line: {people}"
            signal = replace(signal, severity="critical", title=title, detail=detail)
        self.watch.standing.note(signal)

    def tell_state(self) -> None:
        """What is so as long as nobody changes it: settings that hide logins, sights that are barred."""
        now, until, standing = self._now, self._now + _STATE, self.watch.standing
        hiding = {f"{level} {place}": f"LogLevel {level} in {place}" for level, place in self._judge.hiding()}
        standing.keep("ssh_log_hidden", hiding)
        for key, detail in hiding.items():
            title = "sshd is told not to log who logs in"
            standing.note(Signal("ssh_log_hidden", key, "warning", title, detail, now, until))
        standing.keep("ssh_blind", self._problems)
        for problem in self._problems:
            title = "Sessions cannot all be compared with sshd's log"
            standing.note(Signal("ssh_blind", problem, "warning", title, problem, now, until))
        if hiding or self._problems:
            self.again = now + _STATE // 2


def _event(session: Session) -> Event:
    return Event("accepted", session.user, session.address, None, session.kind, login=True)


def _accounts(host: Host) -> Accounts:
    return settings.accounts(
        host.read("/etc/passwd"), _optional(host, "/etc/group"), switch=_optional(host, "/etc/nsswitch.conf")
    )


def _optional(host: Host, path: str) -> bytes:
    try:
        return host.read(path)
    except CollectError:
        return b""


def _judge(host: Host, present: Live, accounts: Accounts) -> Judge:
    """The settings of every sshd that listens; where none does, those a connection would be met with."""
    running = [Running(settings.read(host, server.arguments), server.started) for server in present.servers]
    return Judge(running or [Running(settings.read(host), 0)], accounts)


def _rules(options: Options, judge: Judge, accounts: Accounts) -> Rules:
    try:
        span, seen_ttl = seconds(options, "window"), seconds(options, "seen_ttl")
    except ValueError as exc:
        raise CollectError(f"checks.ssh_auth.{exc}") from exc
    return Rules(
        failed_threshold=options.failed_threshold,
        invalid_user_threshold=options.invalid_user_threshold,
        span=span,
        seen_ttl=seen_ttl,
        accounts=accounts.shells,
        expected=lambda event, when: any(expects(login, event, when=when) for login in options.expected_logins),
        takes_passwords=judge.takes_passwords,
        objection=judge.objection,
    )


def _learnable(memory: Mapping[str, Any]) -> Dict[str, Value]:
    fields = ("user", "network", "method", "key")
    return {key: {name: entry[name] for name in fields} for key, entry in sorted(memory["pending"].items())}


def rate(change: Change, options: Options) -> Rating:
    """There are no items; what a plan holds of this check are logins to be known from then on."""
    login, title = change.after or {}, f"{change.key} becomes known"
    if login.get("method") == logins.UNLOGGED:
        return Rating("session_without_login", "critical", title)
    severity: Severity = "critical" if login.get("user") == "root" else "warning"
    if str(login.get("method")).partition("/")[0] not in METHODS:
        return Rating("login_other", severity, title)
    return Rating("ssh_first_login", severity, title)


def stamps(options: Options, host: Host, memory: Mapping[str, Any]) -> Tuple[Stamp, ...]:
    """The end of the log as it was read, the live sessions, and sshd's settings."""
    settled, again, warden, *watched = memory.get("stamp", ["", 0, 0])
    places = (host.locate(place.encode()).decode() for place in memory.get("places", _PLACES))
    return (
        _log_stamp(options, host, memory),
        ("sessions", (settled, again, warden, *live.places(host), *watched)),
        ("stat", tuple(places)),
    )


def _log_stamp(options: Options, host: Host, memory: Mapping[str, Any]) -> Stamp:
    position = memory.get("position", {})
    if memory.get("source", "journal") == "journal":
        from ..sshlog.journal import matches

        wanted = matches(host.machine_id())
        if not position.get("cursor"):
            return "journal", ("", *wanted)
        return "sshd", (position["cursor"], headroom.deadline(memory), headroom.limits(memory, options), *wanted)
    path = host.locate(memory["source"].encode()).decode()
    return "logfile", (path, position["device"], position["inode"], position["size"])


def learn(memory: Mapping[str, Any], keys: Tuple[str, ...], now: int) -> Dict[str, Any]:
    """The logins of ``keys`` are known from now on, and further ones are alerts."""
    return logins.learn({**rules.empty(), **memory}, keys)


CHECK = Check(
    name="ssh_auth",
    about="SSH logins: failure bursts, break-ins after one, first logins, sessions and gaps in sshd's log",
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
