# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a host is still believed: what it says at one collect against what it said at those before."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Tuple

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import host_life, ingest, past, roster, trust_store
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.host_life import Decision
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.ingest import Whose
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.report import to_text
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import Store, open_store
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.survey import survey
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.verify import verify
from support.fleet import file_items, header_of, make_bundle, many_paths, raw

FIRST, LATER, SOON = "2026-11-02T12:00:30Z", "2026-11-03T12:00:30Z", "2026-11-02T12:01:30Z"
ITEMS = {"files": file_items(*many_paths(5))}
OTHER = {"files": file_items(*many_paths(6))}
KEYS = ["ssh-ed25519 AAAA1", "ssh-rsa AAAA2"]
HEAD = "sha256:" + "1" * 64


@pytest.fixture(name="store")
def _store(database: str) -> Iterator[Store]:
    with open_store(database, environ={}) as opened:
        yield opened


def bundle(name: str = "web-1", items: Any = ITEMS, *, accepted: Any = ITEMS, **header: Any) -> Dict[str, Any]:
    """A bundle of run 10 with the accepted baseline number 3."""
    sequence = header.pop("sequence", 3)
    fields = {"run": 10, "host_keys": KEYS, "prev": HEAD, "time": "2026-11-02T12:00:00Z", **header}
    made = make_bundle(name, items, accepted=accepted, **fields)
    if made["baseline"]["status"] == "accepted":
        made["baseline"]["sequence"] = sequence
    return made


def take(
    store: Store, document: Mapping[str, Any], *, name: str = "web-1", at: str = LATER, asked: bool = False
) -> None:
    with store.write() as connection:
        held = roster.holdings(connection, name)
        whose = Whose(name, "web", asked)
        ingest.ingest(connection, verify(raw(document), nonce=None, held=held), whose=whose, at=at)


def doubts(store: Store) -> List[Tuple[str, str, str]]:
    with store.read() as connection:
        return [(one.host, one.code, one.severity) for one in trust_store.standing(connection)]


NEXT = "sha256:" + "2" * 64
SECOND: Dict[str, Tuple[Dict[str, Any], List[Tuple[str, str]]]] = {
    # what the host says one day after a first contact with run 10 and baseline #3 -> code and severity
    "nothing moved": ({"run": 11}, []),
    "moved in a run of its own": ({"items": OTHER, "run": 11, "prev": NEXT}, []),
    "accepted on the host": (
        {"accepted": OTHER, "sequence": 4, "run": 11, "prev": NEXT},
        [("local_accept", "critical")],
    ),
    "accepted the same again": ({"sequence": 4, "run": 11, "prev": NEXT}, [("local_accept", "critical")]),
    "an older baseline put back": ({"sequence": 2, "run": 11, "prev": NEXT}, [("rollback", "critical")]),
    "another baseline under the same number": ({"accepted": OTHER, "run": 11, "prev": NEXT}, [("fork", "critical")]),
    "the baseline is gone": ({"accepted": {}, "run": 11, "prev": NEXT}, [("rollback", "critical")]),
    "its state was put back": ({"run": 9}, [("history_break", "critical")]),
    "one run, two stories": ({"items": OTHER}, [("history_break", "critical")]),
    "a story without a run": ({"items": OTHER, "run": 11}, [("history_break", "critical")]),
    "another machine": ({"machine_id": "f" * 32, "run": 1, "sequence": 1}, [("identity_changed", "critical")]),
    "other host keys": ({"host_keys": ["ssh-ed25519 BBBB"], "run": 11}, [("host_key_changed", "critical")]),
    "one more host key": ({"host_keys": [*KEYS, "ecdsa-sha2 C"], "run": 11}, [("host_key_changed", "warning")]),
    "sshd removed": ({"host_keys": [], "run": 11}, [("host_key_changed", "critical")]),
}


@pytest.mark.parametrize(("said", "expected"), SECOND.values(), ids=SECOND)
def test_the_second_word_against_the_first(store: Store, said: Dict[str, Any], expected: List[Tuple[str, str]]) -> None:
    take(store, bundle(), at=FIRST)
    assert doubts(store) == []
    take(store, bundle(**said))

    assert doubts(store) == [("web-1", code, severity) for code, severity in expected]
    # It is told until a person ends it, though the host says the same again.
    take(store, bundle(**{**said, "run": said.get("run", 10) + 1, "prev": HEAD.replace("1", "3")}), at=LATER)
    assert [code for _host, code, _severity in doubts(store)] == [code for code, _severity in expected]


def test_a_first_baseline_is_adopted_too(store: Store) -> None:
    take(store, bundle(accepted={}), at=FIRST)
    take(store, bundle(sequence=1, run=11, prev=NEXT))
    assert doubts(store) == []

    take(store, bundle(accepted=OTHER, sequence=2, run=12, prev=HEAD))
    assert doubts(store) == [("web-1", "local_accept", "critical")]


def test_who_is_not_believed_has_no_vote_and_a_person_ends_it(store: Store) -> None:
    for name in ("web-1", "web-2", "web-3"):
        take(store, bundle(name), name=name, at=FIRST)
    take(store, bundle(accepted=OTHER, items=OTHER, sequence=4, run=11, prev=NEXT))
    with store.read() as connection:
        found = survey(connection, at=LATER)
    assert [(one.host, one.reason) for one in found.left_out] == [("web-1", "not believed: local_accept")]
    (differs,) = found.findings
    assert (differs.outliers, differs.doubted, differs.voters, found.exit_code) == (("web-1",), ("web-1",), 2, 3)
    assert [(one.votes, one.hosts) for one in differs.variants] == [(2, ("web-2", "web-3")), (0, ("web-1",))]
    text = to_text(found)
    assert "where it differs from its peers is told below, and counts for nothing\n" in text
    assert "1 without a vote differs, no quorum" in text

    with store.write() as connection:
        assert host_life.adopt(connection, "web-1", decision=Decision("anna", LATER, "agreed by telephone")) == 1
    take(store, bundle(accepted=OTHER, items=OTHER, sequence=4, run=12, prev=NEXT))
    with store.read() as connection:
        found = survey(connection, at=LATER)
        told = host_life.events(connection, "web-1")
    assert (found.left_out, [one.key for one in found.findings]) == ((), [many_paths(6)[5]])
    assert [(one["what"], one["by"], one["reason"]) for one in told] == [("adopted", "anna", "agreed by telephone")]


def test_a_rebuilt_host_keeps_its_history_under_its_new_machine_id(store: Store) -> None:
    take(store, bundle(), at=FIRST)
    with store.write() as connection:
        host_life.reinstalled(connection, "web-1", decision=Decision("anna", LATER, "new disk"))
    take(store, bundle(machine_id="f" * 32, host_keys=["ssh-rsa NEW"], sequence=1, run=1, prev=None))

    assert doubts(store) == []
    with store.read() as connection:
        assert roster.hosts(connection)[0].sequence == 1
        assert len(history_of(connection)) == 2


def history_of(connection: Any) -> List[past.Snapshot]:
    return past.snapshots(connection, "web-1")


CLONES: Dict[str, Tuple[str, str]] = {
    # when the second host with the machine-id appears -> severity
    "machines of one image, seen in one collect": (SOON, "warning"),
    "an id that one host alone had for a day": (LATER, "critical"),
}


@pytest.mark.parametrize(("at", "severity"), CLONES.values(), ids=CLONES)
def test_one_machine_id_twice(store: Store, at: str, severity: str) -> None:
    take(store, bundle(), at=FIRST)
    take(store, bundle("web-2", machine_id=bundle()["machine_id"]), name="web-2", at=at)

    assert doubts(store) == [("web-1", "clone", severity), ("web-2", "clone", severity)]
    with store.read() as connection:
        assert len({one.subject for one in trust_store.standing(connection)}) == 1


def test_a_third_clone_is_no_news(store: Store) -> None:
    for number, at in enumerate((FIRST, SOON, LATER)):
        name = f"web-{number}"
        take(store, bundle(name, machine_id="c" * 32), name=name, at=at)

    assert {severity for _host, _code, severity in doubts(store)} == {"warning"}


def test_who_shows_anothers_identity_is_doubted_and_not_the_other(store: Store) -> None:
    take(store, bundle(), at=FIRST)
    take(store, bundle("web-2"), name="web-2", at=FIRST)
    take(store, bundle("web-1", run=99, prev=NEXT), name="web-2")

    assert doubts(store) == [("web-2", "identity_changed", "critical")]
    with store.read() as connection:
        (told,) = trust_store.standing(connection)
    assert "which is that of web-1" in told.detail


def test_three_words_for_hosts_that_bring_nothing_new(store: Store) -> None:
    take(store, bundle(), at=FIRST)
    words = {"unreachable": "warning", "failed": "critical", "old": "info", "refused": "critical"}
    seen = []
    for outcome in words:
        with store.write() as connection:
            roster.begin_attempt(connection, "web-1", cohort="web", max_age=9)
            roster.end_attempt(connection, "web-1", outcome=outcome, reason="told", at=LATER)
        seen += doubts(store)
    assert [(code, severity) for _host, code, severity in seen] == [
        ("unreachable", "warning"),
        ("stopped", "critical"),
        ("old", "info"),
        ("refused", "critical"),
    ]

    take(store, bundle(run=11))
    assert doubts(store) == [], "what passes by itself ends with the next bundle"


def test_a_host_is_silent_after_its_own_age(store: Store) -> None:
    for name, max_age in (("web-1", 1), ("web-2", None)):
        with store.write() as connection:
            roster.begin_attempt(connection, name, cohort="web", max_age=max_age)
            roster.end_attempt(connection, name, outcome="unreachable", reason="no route", at=LATER)

    assert doubts(store) == [("web-1", "silent", "critical"), ("web-2", "unreachable", "warning")]


STOPPED: Dict[str, Tuple[str, bool, List[str]]] = {
    "a run a minute ago": ("2026-11-03T11:59:30Z", True, []),
    "no run since yesterday": ("2026-11-02T12:00:00Z", True, ["stopped"]),
    "a file may be of any age": ("2026-11-02T12:00:00Z", False, []),
}


@pytest.mark.parametrize(("time", "asked", "codes"), STOPPED.values(), ids=STOPPED)
def test_an_agent_that_answers_but_no_longer_looks(store: Store, time: str, asked: bool, codes: List[str]) -> None:
    take(store, bundle(time=time), asked=asked)

    assert [code for _host, code, _severity in doubts(store)] == codes


def test_nothing_accepted_is_no_reason_to_doubt(store: Store) -> None:
    assert header_of({}).status == "none"
    take(store, bundle(accepted={}), at=FIRST)
    take(store, bundle(accepted={}, run=11))

    assert doubts(store) == []
