# SPDX-License-Identifier: GPL-3.0-or-later
"""One pass over the outbox: which entries are due, who is told, and what is recorded about it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

from .. import outbox
from ..core import canonical
from ..core.model import SEVERITIES, Alert
from ..errors import ConfigError, ShipError, StoreError
from ..outbox import Ack, Entry
from ..sinks import Message, Routes, Transport, discover
from ..store import Store
from . import PREFIX
from .budget import Budget, fold, urgent
from .records import ERROR_LIMIT, LONGEST_WAIT, Records, wait

PASS_SECONDS = 60
"""No delivery begins later than this after the pass began: the unit ends well before its time-out."""
FORMER = "former "
"""What the name of a sink begins with where only the configuration accepted last names it."""
FORMER_SECONDS = 3000
"""So long such a one is tried: less than what counts as stuck."""
_EXIT = {"webhook-parse-failure": 2, "upload-failure": 4, "backoff": 4}


@dataclass(frozen=True)
class Task:
    """What one pass works on."""

    state: str
    names: Tuple[str, ...]
    clock: Callable[[], int]
    log: Callable[[str], None]
    tests: bool


def deliver(task: Task, routes: Callable[[], Routes]) -> int:
    """Deliver what is due. Returns the exit code; everything else is in the acks and the log."""
    try:
        with _alone(os.path.join(task.state, "acks")):
            return _Pass(task).run(routes)
    except (StoreError, OSError) as exc:
        task.log(f"{PREFIX}upload-failure nothing is sent without a record of it: {exc}")
        return 4


@contextlib.contextmanager
def _alone(acks: str) -> Iterator[None]:
    """Wait for another ship process to end its pass: two of them would tell everything twice."""
    descriptor = os.open(acks, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


class _Way(NamedTuple):
    """A sink by name, with the options and the transport of one configuration."""

    sink: str
    options: Any
    transport: Transport


class _Pass:
    def __init__(self, task: Task) -> None:
        self._task = task
        self._store = Store(task.state)
        self._known = discover()
        self._records = Records(self._store, task.names)
        self._budget = Budget(self._store, now=task.clock())
        self._ways: Dict[str, _Way] = {}
        self._wanted: Dict[str, List[str]] = {}
        """Entry -> every way it must take."""
        self._late: Dict[str, List[str]] = {}
        """Sink -> entries that are too much for it this hour."""
        for problem in self._records.damaged.values():
            self._say("upload-failure", f"{problem}; the entry is sent again, under the same id")

    def run(self, routes: Callable[[], Routes]) -> int:
        due = [name for name in self._task.names if self._due(self._records.acks[name])]
        codes = [self._explain_rest(len(due))]
        entries = self._entries(due, codes)
        first = next(entries, None)
        if first is None:
            return _worst(codes)
        try:
            self._ways = _ways(routes())
        except (ConfigError, ShipError) as exc:
            return _worst([*codes, self._refuse(exc)])
        codes.append(self._send(first))
        codes.extend(self._send(entry) for entry in entries)
        codes.extend(self._send_late(sink, names) for sink, names in sorted(self._late.items()))
        return _worst(codes)

    def _due(self, ack: Ack) -> bool:
        if ack.done:
            return self._task.tests and ack.reason == "test-only"
        return ack.next_try <= self._task.clock()

    def _explain_rest(self, due: int) -> int:
        """Say what the pass leaves alone: entries waiting for their next try, and, if nothing is due, those done."""
        acks = list(self._records.acks.values())
        waiting = [ack for ack in acks if not ack.done and not self._due(ack)]
        if waiting:
            first = min(ack.next_try for ack in waiting) - self._task.clock()
            return self._say("backoff", f"{len(waiting)} waiting, the next try is in {first} s")
        if due:
            return 0
        shipped = sum(ack.reason != "test-only" for ack in acks)
        if shipped:
            return self._say("duplicate-ts", f"{shipped} already shipped; the next run of vps-sentry clears the outbox")
        return self._say("test-only", f"{len(acks)} withheld")

    def _entries(self, names: List[str], codes: List[int]) -> Iterator[Entry]:
        """The due entries one by one, until the pass is over; damaged ones and tests are dealt with on the way."""
        end = self._task.clock() + PASS_SECONDS
        for done, name in enumerate(names):
            if self._task.clock() > end:
                codes.append(self._say("backoff", f"{len(names) - done} left for the next pass"))
                return
            try:
                entry = self._entry(name)
            except StoreError as exc:
                codes.append(self._set_damaged(name, str(exc)))
                continue
            if entry is None:
                continue  # vps-sentry has just cleared it
            if entry.kind == "test" and not self._task.tests:
                self._records.write(replace(self._records.acks[name], id=entry.id, reason="test-only", done=True))
                self._say("test-only", f"{name} is withheld")
                continue
            yield entry

    def _entry(self, name: str) -> Optional[Entry]:
        data = self._store.read(f"outbox/{name}")
        return None if data is None else outbox.decode_entry(data, name=name)

    def _set_damaged(self, name: str, problem: str) -> int:
        again, error = self._task.clock() + LONGEST_WAIT, problem[:ERROR_LIMIT]
        self._records.write(Ack(id="", entry=name, next_try=again, reason="upload-failure", error=error))
        return self._say("upload-failure", problem)

    def _refuse(self, error: Exception) -> int:
        """No way to send anything: a missing sink is an ordinary state, an unusable configuration is not."""
        found = "webhook-parse-failure" in str(error)
        reason = "webhook-parse-failure" if found else getattr(error, "reason", "missing-config")
        code = self._say(reason, str(error))
        return 2 if isinstance(error, ConfigError) or self._task.tests else code

    def _send(self, entry: Entry) -> int:
        name, now = outbox.file_name(entry), self._task.clock()
        self._wanted[name] = _wanted(entry, self._ways, now=now)
        if not self._wanted[name]:
            return self._say("missing-config", f"{name} waits: no sink is configured")
        ack = replace(self._records.acks[name], id=entry.id, done=False)
        self._records.acks[name] = ack
        missing = [sink for sink in self._wanted[name] if sink not in ack.delivered]
        ready = [sink for sink in missing if self._records.held_until(sink) <= now]
        if missing and not ready:
            return self._say("backoff", f"{name} waits with {', '.join(missing)}")
        free = [sink for sink in ready if urgent(entry) or self._budget.free(sink)]
        for sink in ready:
            if sink not in free:
                self._late.setdefault(sink, []).append(name)
        if missing and not free:
            return 0  # said for all of them together
        # Written before anything is sent: an interrupted or unrecordable delivery must not repeat every five minutes.
        attempts = ack.attempts + bool(free)
        pause = now + wait(max(attempts, 1), entry.id)
        sending: outbox.Reason = "upload-failure"
        ack = replace(ack, attempts=attempts, next_try=pause, reason=sending, error="interrupted while sending")
        self._records.write(ack)
        failures = {}
        for sink in free:
            error = self._tell(sink, entry)
            if error is None:
                ack = replace(ack, delivered=(*ack.delivered, sink))
            else:
                failures[sink] = error
        return self._record(ack, failures, [sink for sink in missing if sink not in ack.delivered])

    def _tell(self, sink: str, entry: Entry, *, folded: bool = False) -> Optional[ShipError]:
        way = self._ways[sink]
        try:
            self._known[way.sink].send(message(entry), way.options, transport=way.transport)
        except ShipError as exc:
            return exc
        if folded or not urgent(entry):
            self._budget.count(sink, now=self._task.clock(), folded=folded)
        return None

    def _record(self, ack: Ack, failures: Dict[str, ShipError], missing: List[str]) -> int:
        now = self._task.clock()
        held = self._records.hold(failures, ack, now=now)
        reasons = {error.reason for error in failures.values()}
        reason: outbox.Reason = "webhook-parse-failure" if "webhook-parse-failure" in reasons else "upload-failure"
        if missing and not failures:
            reason = "backoff"
        retries = [self._records.held_until(sink) or ack.next_try for sink in missing]
        ack = replace(
            ack,
            next_try=min(retries, default=0),
            reason=reason if missing else "sent",
            error="; ".join(f"{sink}: {error}" for sink, error in failures.items())[:ERROR_LIMIT],
            done=not missing,
            held=held,
        )
        self._records.write(ack)
        if not missing:
            return self._say("sent", f"{ack.entry} {','.join(ack.delivered)} (attempt {ack.attempts})")
        told = f", delivered to {','.join(ack.delivered)}" if ack.delivered else ""
        pause = max(ack.next_try - now, 0)
        why = ack.error or f"{', '.join(missing)} later"
        return self._say(reason, f"{ack.entry} {why} (attempt {ack.attempts}, next in {pause} s{told})")

    def _send_late(self, sink: str, names: List[str]) -> int:
        """What is too much for a sink this hour: one message for all of it, as soon as there is room for one."""
        now, room_at = self._task.clock(), self._budget.next_fold(sink)
        if self._records.held_until(sink) > now:
            return self._say("backoff", f"{len(names)} wait with {sink}")
        if room_at > now:
            for name in names:
                self._records.postpone(name, room_at)
            pause = room_at - now
            return self._say("backoff", f"{len(names)} more for {sink} than an hour may hold: as one in {pause} s")
        whole = fold(entry for entry in map(self._entry, names) if entry is not None)
        if whole is None:
            return 0  # vps-sentry has just cleared them
        error = self._tell(sink, whole, folded=True)
        if error is not None:
            first, *others = names
            ack = replace(self._records.acks[first], attempts=self._records.acks[first].attempts + 1)
            ack = replace(ack, next_try=now + wait(ack.attempts, ack.id))
            code = self._record(ack, {sink: error}, [way for way in self._wanted[first] if way not in ack.delivered])
            for name in others:
                self._records.postpone(name, self._records.acks[first].next_try)
            return code
        for name in names:
            self._records.delivered(name, sink, wanted=self._wanted[name])
        return self._say("sent", f"{len(names)} as one to {sink}")

    def _say(self, reason: str, text: str) -> int:
        self._task.log(f"{PREFIX}{reason} {canonical.escape(text.encode('utf-8', 'surrogateescape'))}")
        return _EXIT.get(reason, 0)


def _ways(routes: Routes) -> Dict[str, _Way]:
    """Every way out, by the name under which acks remember it. Raises ShipError when there is none."""
    ways = {name: _Way(name, options, routes.transport) for name, options in routes.options.items()}
    if routes.former:
        for name, options in routes.former.options.items():
            if routes.options.get(name) != options:
                ways[FORMER + name] = _Way(name, options, routes.former.transport)
    if not ways:
        raise ShipError("missing-config", "no sink is configured; add one under notify in /etc/vps-sentry.json")
    return ways


def _wanted(entry: Entry, ways: Dict[str, _Way], *, now: int) -> List[str]:
    """The ways an entry must take.

    A former sink is given up in time unless there is no other: a webhook that was replaced because it is dead must
    not hold the outbox for ever.
    """
    current = [name for name in sorted(ways) if not name.startswith(FORMER)]
    if entry.former and (now < entry.created + FORMER_SECONDS or not current):
        return sorted(ways)
    return current


def _worst(codes: List[int]) -> int:
    return 2 if 2 in codes else max(codes)


def message(entry: Entry) -> Message:
    """What the sinks are given: the alerts most severe first."""
    ranked: List[Alert] = sorted(entry.alerts, key=lambda alert: -SEVERITIES.index(alert.severity))
    return Message(
        id=entry.id,
        host=entry.host,
        time=entry.time,
        alerts=tuple(ranked),
        attachment=outbox.attachment(entry),
        note=entry.note,
        left_out=entry.left_out.get("alerts", 0),
        test=entry.kind == "test",
    )
