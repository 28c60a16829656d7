# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions against logins: who came in without a line, and no false alarm about whoever did not."""

from __future__ import annotations

import copy
import json
from typing import Any, Dict, List, Optional, Tuple

import pytest
from vps_sentry.sessions.session import SSH, Session
from vps_sentry.sessions.witness import GRACE, Gap, Login, Witness, empty

T = 1_795_349_000
LATER = T + 600


def session(name: str = "1", **fields: Any) -> Session:
    """alice's, as logind has it."""
    found = Session(f"logind {name}", SSH, "alice", 1000, T, (93,), "203.0.113.7")
    return found._replace(**fields)


def process(**fields: Any) -> Session:
    """The same as only its process shows it; it began with the connection."""
    return session("x", key="process 93 1000", begin=T - 20, connected=True, **fields)


def login(**fields: Any) -> Login:
    return Login(T, 93, "alice", 1000, "203.0.113.7")._replace(**fields)


def judge(
    memory: Dict[str, Any],
    sessions: List[Session],
    logins: List[Login],
    *,
    now: int = LATER,
    gaps: Tuple[Gap, ...] = (),
    complete: bool = True,
) -> Tuple[List[Tuple[str, Optional[str]]], bool]:
    """One pass, its memory passed on as JSON: keys of sessions without a login and the gap they fell into."""
    witness = Witness(memory, sessions)
    for each in logins:
        witness.saw(each)
    memory["since"] = memory["since"] or T - 3600
    found, settled = witness.judge(now, gaps=gaps, complete=complete)
    witness.close(now)
    again = json.loads(json.dumps(memory))
    memory.clear()
    memory.update(again)
    return [(verdict.session.key, verdict.gap.key if verdict.gap else None) for verdict in found], settled


MATCHES = (
    pytest.param(session(), login(), True, id="the process that logged it leads the session"),
    pytest.param(session(), login(time=T - 299), True, id="a slow module of PAM"),
    pytest.param(session(), login(time=T - 301), False, id="too long before"),
    pytest.param(session(), login(time=T + 61), False, id="long after the session began"),
    pytest.param(session(), login(pid=94), False, id="another process"),
    pytest.param(session(), login(user="bob", uid=1001), False, id="another user"),
    pytest.param(session(), login(user="al", uid=1000), True, id="another name of the same uid"),
    pytest.param(session(), login(address="198.51.100.1"), False, id="another address"),
    pytest.param(session(address=None), login(), True, id="a host name where the address was looked up"),
    pytest.param(session(), login(pid=0), True, id="a log without pids: address, user and time"),
    pytest.param(session(address=None), login(pid=0), False, id="neither pid nor address"),
    pytest.param(session(uid=None), login(uid=None), True, id="accounts from elsewhere, by name"),
    pytest.param(session(user="uid:1000"), login(uid=None), True, id="a process whose uid has no name here"),
    pytest.param(process(), login(), True, id="a process alone"),
    pytest.param(process(), login(time=T + 3000), True, id="LoginGraceTime of an hour: the process lived all along"),
    pytest.param(process(), login(time=T - 200), False, id="before the connection: the number was used before"),
    pytest.param(process(pids=(4711, 93)), login(), True, id="the pid of its own namespace"),
    pytest.param(process(), login(pid=0, time=T + 279), True, id="a process, a log without pids"),
)


@pytest.mark.parametrize(("there", "logged", "same"), MATCHES)
def test_a_session_and_a_login(there: Session, logged: Login, same: bool) -> None:
    assert judge(empty(), [there], [logged]) == ([] if same else [(there.key, None)], True)


def test_every_session_wants_a_login_of_its_own() -> None:
    """Where pids say nothing, one line must not vouch for two sessions."""
    two = [session("1", pids=()), session("2", pids=())]
    assert judge(empty(), two, [login(pid=0)]) == ([("logind 2", None)], True)
    assert judge(empty(), two, [login(pid=0), login(pid=0)]) == ([], True)


def test_the_line_may_have_come_in_a_run_before() -> None:
    memory = empty()
    assert judge(memory, [], [login()], now=T + 5) == ([], True)
    assert judge(memory, [session()], [], now=T + 305) == ([], True)


def test_a_process_that_becomes_a_session_needs_no_second_line() -> None:
    """logind's file may come a moment after the process was seen; then the key is another one."""
    memory = empty()
    assert judge(memory, [process()], [login()], now=T + 1) == ([], True)
    assert judge(memory, [session()], [], now=T + 301) == ([], True)


def test_a_matched_session_stays_matched_while_it_lives() -> None:
    memory = empty()
    judge(memory, [session()], [login()])
    week = T + 7 * 86_400
    assert judge(memory, [session()], [], now=week) == ([], True)
    assert judge(memory, [], [], now=week + 1) == ([], True)
    assert memory["known"] == []


def test_a_line_on_its_way_gets_time_but_not_for_ever() -> None:
    memory = empty()
    assert judge(memory, [session()], [], now=T + GRACE - 1) == ([], False)
    assert judge(copy.deepcopy(memory), [session()], [login()], now=T + GRACE) == ([], True)
    # Seen a second time: no matter what the clock says, which may have been set back.
    assert judge(memory, [session()], [], now=T - 5000) == ([("logind 1", None)], True)


def test_a_session_is_told_of_as_long_as_it_lives() -> None:
    memory = empty()
    assert judge(memory, [session()], []) == ([("logind 1", None)], True)
    assert judge(memory, [session()], [], now=LATER + 300) == ([("logind 1", None)], True)
    assert judge(memory, [], [], now=LATER + 600) == ([], True)


def test_older_than_the_log() -> None:
    memory = {**empty(), "since": T + 1}
    assert judge(memory, [session()], []) == ([], True)
    assert judge(memory, [session()], [], now=LATER + 300) == ([], True)


def test_a_log_that_was_not_read_to_its_end_proves_no_absence() -> None:
    memory = empty()
    assert judge(memory, [session()], [], complete=False) == ([], False)
    assert judge(memory, [session()], [login()]) == ([], True)


@pytest.mark.parametrize(
    ("begin", "gap"),
    [(T - 1, None), (T, "dropped"), (T + 60, "dropped"), (T + 61, None)],
    ids=["before", "at its start", "at its end", "after"],
)
def test_a_gap_explains_the_missing_line_and_is_told_with_the_session(begin: int, gap: Optional[str]) -> None:
    memory = empty()
    there = session(begin=begin)
    assert judge(memory, [there], [], gaps=(Gap(T, T + 60, "dropped"),)) == ([("logind 1", gap)], True)
    # A session in a gap was told with it; the next pass has no gap any more.
    assert judge(memory, [there], []) == ([] if gap else [("logind 1", None)], True)


def test_what_is_no_sshds_is_handed_out_once() -> None:
    memory = empty()
    console = session("c1", kind="login", address=None, remote=False)
    first = Witness(memory, [console])
    assert (first.judge(LATER, gaps=(), complete=True), first.others()) == (([], True), [console])
    first.close(LATER)
    assert Witness(memory, [console]).others() == []


CONFIRMED = (
    pytest.param(session(), login(), True, id="a live session"),
    pytest.param(session(), login(user="root", uid=0), False, id="of somebody else"),
    pytest.param(session(), login(address="198.51.100.1"), False, id="from elsewhere"),
    pytest.param(session(), login(address=None), False, id="without an address"),
    pytest.param(session(address=None), login(), False, id="the session has no address"),
    pytest.param(session(), login(time=T - 301), False, id="at another time"),
)


@pytest.mark.parametrize(("there", "logged", "expected"), CONFIRMED)
@pytest.mark.parametrize("live", [True, False], ids=["live", "of wtmp"])
def test_a_line_anybody_could_have_written(there: Session, logged: Login, expected: bool, live: bool) -> None:
    witness = Witness(empty(), [there] if live else [])
    witness.remembers([] if live else [there])
    assert witness.confirms(logged) is expected
    # One session vouches for one line: who is here must not forge a second one beside it.
    assert witness.confirms(logged) is False


@pytest.mark.parametrize("live", [True, False], ids=["live", "of wtmp"])
def test_nor_in_a_later_run(live: bool) -> None:
    memory = empty()
    witness = Witness(memory, [session()] if live else [])
    witness.remembers([session()])
    assert witness.confirms(login())
    witness.close(LATER)
    again = Witness(json.loads(json.dumps(memory)), [session()] if live else [])
    again.remembers([])
    if not live:
        again.remembers([session()])
    assert not again.confirms(login())


def test_memory_is_bounded() -> None:
    memory = empty()
    flood = [login(pid=number, time=T + number // 100) for number in range(10_000)]
    judge(memory, [], flood, now=T + 100)
    assert len(memory["recent"]) == 1024
    judge(memory, [], [], now=T + 7200)
    assert memory["recent"] == []
