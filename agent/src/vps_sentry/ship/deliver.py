# SPDX-License-Identifier: GPL-3.0-or-later
"""One pass over the outbox: which entries are due, who is told, and what is recorded about it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from dataclasses import dataclass, replace
from typing import Callable, Dict, Iterator, List, Optional, Tuple

from .. import outbox
from ..core import canonical
from ..core.model import SEVERITIES, Alert
from ..errors import ConfigError, ShipError, StoreError
from ..outbox import Ack, Entry
from ..sinks import DeliveryError, Message, Routes, Sink, discover
from ..store import Store
from . import PREFIX

PASS_SECONDS = 60
"""No delivery begins later than this after the pass began: the unit ends well before its time-out."""
_FIRST_WAIT, _LONGEST_WAIT = 80, 3600
_EXIT = {"webhook-parse-failure": 2, "upload-failure": 4, "backoff": 4}
_ERROR_LIMIT = 1000


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


def wait(attempts: int, identity: str) -> int:
    """Seconds until the next try: 60 s doubling up to 1 h, spread by the entry's id so that hosts do not chime."""
    base = min(_FIRST_WAIT << min(attempts - 1, 10), _LONGEST_WAIT)
    return base - base * int(identity[:4], 16) // (4 * 0x10000)


class _Pass:
    def __init__(self, task: Task) -> None:
        self._task = task
        self._store = Store(task.state)
        self._known = discover()
        self._acks = {name: self._ack(name) for name in task.names}
        self._held: Dict[str, int] = {}
        for ack in self._acks.values():
            self._hold({} if ack.done else ack.held)

    def run(self, routes: Callable[[], Routes]) -> int:
        due = [name for name in self._task.names if self._due(self._acks[name])]
        codes = [self._explain_rest(len(due))]
        entries = self._entries(due, codes)
        first = next(entries, None)
        if first is None:
            return _worst(codes)
        try:
            ways = _configured(routes())
        except (ConfigError, ShipError) as exc:
            return _worst([*codes, self._refuse(exc)])
        codes.append(self._send(first, ways))
        codes.extend(self._send(entry, ways) for entry in entries)
        return _worst(codes)

    def _due(self, ack: Ack) -> bool:
        if ack.done:
            return self._task.tests and ack.reason == "test-only"
        return ack.next_try <= self._task.clock()

    def _explain_rest(self, due: int) -> int:
        """Say what the pass leaves alone: entries waiting for their next try, and, if nothing is due, those done."""
        waiting = [ack for ack in self._acks.values() if not ack.done and not self._due(ack)]
        if waiting:
            first = min(ack.next_try for ack in waiting) - self._task.clock()
            return self._say("backoff", f"{len(waiting)} waiting, the next try is in {first} s")
        if due:
            return 0
        shipped = sum(ack.reason != "test-only" for ack in self._acks.values())
        if shipped:
            return self._say("duplicate-ts", f"{shipped} already shipped; the next run of vps-sentry clears the outbox")
        return self._say("test-only", f"{len(self._acks)} withheld")

    def _entries(self, names: List[str], codes: List[int]) -> Iterator[Entry]:
        """The due entries one by one, until the pass is over; damaged ones and tests are dealt with on the way."""
        end = self._task.clock() + PASS_SECONDS
        for done, name in enumerate(names):
            if self._task.clock() > end:
                codes.append(self._say("backoff", f"{len(names) - done} left for the next pass"))
                return
            try:
                data = self._store.read(f"outbox/{name}")
                entry = None if data is None else outbox.decode_entry(data, name=name)
            except StoreError as exc:
                codes.append(self._set_damaged(name, str(exc)))
                continue
            if entry is None:
                continue  # vps-sentry has just cleared it
            if entry.kind == "test" and not self._task.tests:
                self._write(replace(self._acks[name], id=entry.id, reason="test-only", done=True))
                self._say("test-only", f"{name} is withheld")
                continue
            yield entry

    def _set_damaged(self, name: str, problem: str) -> int:
        again = self._task.clock() + _LONGEST_WAIT
        self._write(Ack(id="", entry=name, next_try=again, reason="upload-failure", error=problem[:_ERROR_LIMIT]))
        return self._say("upload-failure", problem)

    def _refuse(self, error: Exception) -> int:
        """No way to send anything: a missing sink is an ordinary state, an unusable configuration is not."""
        found = "webhook-parse-failure" in str(error)
        reason = "webhook-parse-failure" if found else getattr(error, "reason", "missing-config")
        code = self._say(reason, str(error))
        return 2 if isinstance(error, ConfigError) or self._task.tests else code

    def _send(self, entry: Entry, ways: Routes) -> int:
        name = outbox.file_name(entry)
        ack = replace(self._acks[name], id=entry.id, done=False)
        now = self._task.clock()
        missing = [sink for sink in sorted(ways.options) if sink not in ack.delivered]
        free = [sink for sink in missing if self._held.get(sink, 0) <= now]
        if missing and not free:
            return self._say("backoff", f"{name} waits with {', '.join(missing)}")
        attempts = ack.attempts + bool(free)
        pause = now + wait(max(attempts, 1), entry.id)
        # Written before anything is sent: an interrupted or unrecordable delivery must not repeat every five minutes.
        ack = replace(
            ack, attempts=attempts, next_try=pause, reason="upload-failure", error="interrupted while sending"
        )
        self._write(ack)
        failures = {}
        for sink in free:
            error = self._tell(self._known[sink], entry, ways)
            if error is None:
                ack = replace(ack, delivered=(*ack.delivered, sink))
            else:
                failures[sink] = error
        return self._record(ack, failures, [sink for sink in missing if sink not in ack.delivered])

    def _tell(self, sink: Sink, entry: Entry, ways: Routes) -> Optional[ShipError]:
        try:
            sink.send(message(entry), ways.options[sink.name], transport=ways.transport)
        except ShipError as exc:
            return exc
        return None

    def _record(self, ack: Ack, failures: Dict[str, ShipError], missing: List[str]) -> int:
        now = self._task.clock()
        held = {sink: now + _hold_seconds(error, ack) for sink, error in failures.items() if _whole_sink(error)}
        self._hold(held)
        reasons = {error.reason for error in failures.values()}
        reason: outbox.Reason = "webhook-parse-failure" if "webhook-parse-failure" in reasons else "upload-failure"
        retries = [self._held.get(sink, ack.next_try) for sink in missing]
        ack = replace(
            ack,
            next_try=min(retries, default=0),
            reason=reason if missing else "sent",
            error="; ".join(f"{sink}: {error}" for sink, error in failures.items())[:_ERROR_LIMIT],
            done=not missing,
            held=held,
        )
        self._write(ack)
        if not missing:
            return self._say("sent", f"{ack.entry} {','.join(ack.delivered)} (attempt {ack.attempts})")
        told = f", delivered to {','.join(ack.delivered)}" if ack.delivered else ""
        pause = max(ack.next_try - now, 0)
        return self._say(reason, f"{ack.entry} {ack.error} (attempt {ack.attempts}, next in {pause} s{told})")

    def _hold(self, held: Dict[str, int]) -> None:
        for sink, until in held.items():
            self._held[sink] = max(until, self._held.get(sink, 0))

    def _ack(self, name: str) -> Ack:
        if not os.path.lexists(os.path.join(self._task.state, "acks", name)):
            return Ack(id="", entry=name)
        try:
            # Root may run a pass as well, so what the ship user left is not opened blindly.
            return outbox.decode_ack(self._store.read_foreign(f"acks/{name}", limit=outbox.ACK_LIMIT), name=name)
        except StoreError as exc:
            self._say("upload-failure", f"{exc}; the entry is sent again, under the same id")
            return Ack(id="", entry=name)

    def _write(self, ack: Ack) -> None:
        # Readable by all: a pass run by root must not lock the ship user out of its own records.
        self._store.write(f"acks/{ack.entry}", outbox.encode_ack(ack), mode=0o644)

    def _say(self, reason: str, text: str) -> int:
        self._task.log(f"{PREFIX}{reason} {canonical.escape(text.encode('utf-8', 'surrogateescape'))}")
        return _EXIT.get(reason, 0)


def _configured(ways: Routes) -> Routes:
    if not ways.options:
        raise ShipError("missing-config", "no sink is configured; add one under notify in /etc/vps-sentry.json")
    return ways


def _whole_sink(error: ShipError) -> bool:
    return not isinstance(error, DeliveryError) or error.whole_sink


def _hold_seconds(error: ShipError, ack: Ack) -> int:
    """How long a sink is left in peace; a local defect is looked at again as soon as the next pass."""
    if not isinstance(error, DeliveryError):
        return 1
    return error.retry_after or wait(ack.attempts, ack.id)


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
