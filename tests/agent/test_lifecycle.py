# SPDX-License-Identifier: GPL-3.0-or-later
"""An alert is told once, again when it changes, once when it ends."""

from __future__ import annotations

from typing import List, Tuple

import pytest
from vps_sentry.judge import Finding
from vps_sentry.lifecycle import Advance, Moment, advance, identity, untold

NOW = 1_764_000_000
DAY = 86400
PORT = Finding("port_opened", "warning", "ports", "tcp:4444", "opened", "d", None, {"owners": "nc"})
LOGIN = Finding("ssh_login_new", "warning", "ssh_auth", "alice", "alice logged in", "d", until=NOW + DAY)


def moment(now: int = NOW, **more: object) -> Moment:
    return Moment(now=now, remind_after=DAY)._replace(**more)  # type: ignore[arg-type]


def told(found: Advance) -> List[Tuple[str, str]]:
    return [(event, alert.key) for event, alert in found.events]


@pytest.mark.weakness(12)
def test_a_standing_alert_is_told_once() -> None:
    first = advance((), [PORT], moment=moment())
    second = advance(first.records, [PORT], moment=moment(NOW + 300))

    assert [("opened", "tcp:4444")] == told(first)
    assert [] == told(second)
    assert ["open"] == [alert.state for alert in second.alerts]
    assert second.alerts[0].first_seen < second.alerts[0].last_seen


def test_a_moved_value_is_the_same_alert_changed() -> None:
    first = advance((), [PORT], moment=moment())
    second = advance(first.records, [PORT._replace(after={"owners": "python"})], moment=moment(NOW + 300))

    assert [("changed", "tcp:4444")] == told(second)
    assert first.alerts[0].id == second.alerts[0].id
    assert first.alerts[0].first_seen == second.alerts[0].first_seen


def test_it_ends_once_and_comes_back_as_the_same_id_with_a_new_beginning() -> None:
    first = advance((), [PORT], moment=moment())
    gone = advance(first.records, [], moment=moment(NOW + 300))
    still_gone = advance(gone.records, [], moment=moment(NOW + 600))
    back = advance(gone.records, [PORT], moment=moment(NOW + 900))

    assert [("resolved", "tcp:4444")] == told(gone)
    assert "resolved: gone" == gone.alerts[0].detail
    assert () == still_gone.alerts
    assert [("opened", "tcp:4444")] == told(back)
    assert first.alerts[0].id == back.alerts[0].id
    assert first.alerts[0].first_seen != back.alerts[0].first_seen


@pytest.mark.parametrize("key", ["tcp:4444", "tcp:4444/x"], ids=["the item", "an item of its group"])
def test_resolved_by_acceptance_reads_differently(key: str) -> None:
    first = advance((), [PORT], moment=moment())
    accepted = moment(NOW + 300, accepted={"ports": frozenset({key})}, acceptance="#2 by anna")
    ended = advance(first.records, [], moment=accepted)

    assert ["resolved by acceptance #2 by anna"] == [alert.detail for alert in ended.alerts]
    assert ["accepted"] == [alert.explanation for alert in ended.alerts]


def test_the_same_item_under_a_worse_code_is_not_gone() -> None:
    first = advance((), [PORT], moment=moment())
    worse = advance(first.records, [PORT._replace(code="port_owner_changed")], moment=moment(NOW + 300))

    assert ["resolved: told as port_owner_changed now"] == [a.detail for a in worse.alerts if a.state == "resolved"]


def test_a_check_that_cannot_look_resolves_nothing() -> None:
    first = advance((), [PORT], moment=moment())
    blind = advance(first.records, [], moment=moment(NOW + 300, silent=frozenset({"ports"})))

    assert [] == told(blind)
    assert ["open"] == [alert.state for alert in blind.alerts]


def test_an_event_stands_until_its_end_and_is_not_news_while_it_goes_on() -> None:
    first = advance((), [LOGIN], moment=moment())
    longer = LOGIN._replace(detail="again", until=NOW + 2 * DAY)
    quiet = advance(first.records, [], moment=moment(NOW + 300))
    again = advance(quiet.records, [longer], moment=moment(NOW + 600))
    ended = advance(again.records, [], moment=moment(NOW + 2 * DAY))

    assert [] == told(quiet) == told(again)
    assert [("resolved", "alice")] == told(ended)


@pytest.mark.parametrize(
    ("asked", "state"),
    [
        pytest.param((), "open", id="its check was not asked, or it is an event: it stands for its time"),
        pytest.param((("agent", "agent_modified"),), "open", id="another thing of the same check"),
        pytest.param((("agent", "runtime_changed"),), "resolved", id="its check looked and says it no more"),
    ],
)
def test_what_is_so_ends_with_the_look_that_does_not_say_it(asked: Tuple[Tuple[str, str], ...], state: str) -> None:
    runtime = Finding("runtime_changed", "info", "agent", "runtime", "from source", "d", until=NOW + 2 * DAY)
    first = advance((), [runtime], moment=moment())
    second = advance(first.records, [], moment=moment(NOW + 300, asked=frozenset(asked)))
    again = advance(first.records, [runtime], moment=moment(NOW + 300, asked=frozenset(asked)))

    assert ([state], ["open"]) == ([a.state for a in second.alerts], [a.state for a in again.alerts])


def test_a_worse_severity_is_news() -> None:
    first = advance((), [LOGIN], moment=moment())
    worse = advance(first.records, [LOGIN._replace(severity="critical")], moment=moment(NOW + 300))

    assert [("changed", "alice")] == told(worse)


@pytest.mark.parametrize(("severity", "after", "expected"), [
    ("critical", DAY - 1, []),
    ("critical", DAY, [("reminder", "tcp:4444")]),
    ("warning", DAY, []),
    ("warning", 7 * DAY, [("reminder", "tcp:4444")]),
])  # fmt: skip
def test_reminders(severity: str, after: int, expected: List[Tuple[str, str]]) -> None:
    finding = PORT._replace(severity=severity)  # type: ignore[arg-type]
    first = advance((), [finding], moment=moment())

    assert expected == told(advance(first.records, [finding], moment=moment(NOW + after)))


def test_the_id_is_never_of_the_value() -> None:
    assert identity(PORT) == identity(PORT._replace(severity="critical", after={"owners": "x"}, title="t"))
    assert identity(PORT) != identity(PORT._replace(key="tcp:4445"))
    assert 16 == len(identity(PORT))


GROUP = Finding("file_added", "warning", "files", "/etc/x", "30 changes", "d", members=("/etc/x/1",), content="c1")
MEMBER = Finding("file_added", "warning", "files", "/etc/x/1", "appeared", "d", None, {"type": "file"})


def test_a_member_of_a_new_group_is_not_gone() -> None:
    first = advance((), [MEMBER], moment=moment())
    grown = advance(first.records, [GROUP], moment=moment(NOW + 300))

    assert ["resolved: told as file_added of /etc/x now"] == [a.detail for a in grown.alerts if a.state == "resolved"]


def test_a_group_that_shrank_is_not_gone() -> None:
    first = advance((), [GROUP], moment=moment())
    shrunk = advance(first.records, [MEMBER], moment=moment(NOW + 300))

    assert ["resolved: told as file_added now"] == [a.detail for a in shrunk.alerts if a.state == "resolved"]


def test_a_changed_member_of_a_group_is_news() -> None:
    first = advance((), [GROUP], moment=moment())

    assert [("changed", "/etc/x")] == told(
        advance(first.records, [GROUP._replace(content="c2")], moment=moment(NOW + 300))
    )


@pytest.mark.weakness(12)
def test_what_never_reached_the_outbox_is_told_again_and_has_no_end_to_tell() -> None:
    first = advance((), [PORT], moment=moment())
    lost = untold(first, frozenset())

    assert [("opened", "tcp:4444")] == told(advance(lost, [PORT], moment=moment(NOW + 300)))
    assert [] == told(advance(lost, [], moment=moment(NOW + 300)))
    assert first.records == untold(first, frozenset({first.alerts[0].id}))
