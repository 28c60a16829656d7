# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the agent of a host is the one that was installed, and whether anything still starts it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import host_life, ingest, releases, roster, trust_store
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.host_life import Decision
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.ingest import Whose
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import Store, open_store
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.survey import survey
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.verify import verify
from support.fleet import file_items, make_bundle, many_paths, raw
from support.tree import ROOT

OTHER, THIRD = "sha256:" + "e" * 64, "sha256:" + "d" * 64
FIRST, SOON, LATER = "2026-11-02T12:00:30Z", "2026-11-02T12:20:30Z", "2026-11-02T12:31:30Z"


@pytest.fixture(name="store")
def _store(database: str) -> Iterator[Store]:
    with open_store(database, environ={}) as opened:
        yield opened


@pytest.fixture(name="own", scope="module")
def _own() -> str:
    found = releases.installed()
    assert found is not None
    return found


def timer(state: str) -> Dict[str, Any]:
    return {"timer": {"state": state, "sources": ["/etc/systemd/system/vps-sentry.timer"]}}


def said(run: int, agent: Optional[str], state: Optional[str] = "enabled", **header: Any) -> Dict[str, Any]:
    """A bundle: every run has a predecessor of its own; without a state the check ``agent`` is not in it."""
    checks: Dict[str, Any] = {"files": file_items(*many_paths(3))}
    if state is not None:
        checks["agent"] = timer(state) if state else {}
    fields = {"run": run, "prev": f"sha256:{run:064x}", "time": "2026-11-02T12:00:00Z", **header}
    return make_bundle("web-1", checks, accepted={"files": checks["files"]}, agent_digest=agent, **fields)


def take(store: Store, document: Dict[str, Any], *, at: str = FIRST, asked: bool = False) -> None:
    with store.write() as connection:
        found = verify(raw(document), nonce=None, held=roster.holdings(connection, "web-1"))
        ingest.ingest(connection, found, whose=Whose("web-1", "web", asked), at=at)


def doubts(store: Store) -> List[str]:
    with store.read() as connection:
        return [f"{one.code} {one.severity}" for one in trust_store.standing(connection)]


def adopt(store: Store) -> None:
    with store.write() as connection:
        host_life.adopt(connection, "web-1", decision=Decision("anna", LATER, "I did that"))


def test_the_digest_is_that_of_the_release_an_installation_makes(own: str, tmp_path: Path) -> None:
    release = [sys.executable, "-I", "-B", str(ROOT / "deploy/release.py")]
    built = subprocess.run([*release, "build", "--output", str(tmp_path)], capture_output=True, text=True, check=True)
    name, archive = built.stdout.split()
    told = subprocess.run([*release, "digest", archive], capture_output=True, text=True, check=True)

    assert own == f"sha256:{told.stdout.strip()}"
    assert own[len("sha256:") :].startswith(name.rpartition("-")[2])


STORIES: Dict[str, tuple[List[Optional[str]], List[str]]] = {
    # what the host says its release is at each collect (own: what this controller installs) -> what is doubted
    "the release of this controller": (["own", "own"], []),
    "another one replaces it": (["own", OTHER], ["agent_changed critical"]),
    "it names none any more": (["own", None], ["agent_changed critical"]),
    "put back after the collect": (["own", OTHER, "own"], ["agent_changed critical"]),
    "one nobody here installed, from the start": ([OTHER, OTHER], ["agent_unknown info"]),
    "then another one of that kind": ([OTHER, THIRD], ["agent_changed critical", "agent_unknown info"]),
    "then the one from here": ([OTHER, "own"], []),
    "from a checkout to a release": ([None, "own"], []),
    "a checkout all the time": ([None, None], []),
}


@pytest.mark.parametrize(("told", "expected"), STORIES.values(), ids=STORIES)
def test_its_release(store: Store, own: str, told: List[Optional[str]], expected: List[str]) -> None:
    for run, digest in enumerate(told, 1):
        take(store, said(run, own if digest == "own" else digest))

    assert doubts(store) == expected


def test_a_person_may_say_that_it_is_right(store: Store, own: str) -> None:
    take(store, said(1, own))
    take(store, said(2, OTHER))
    with store.read() as connection:
        (told,) = trust_store.standing(connection)
        assert survey(connection, at=LATER).left_out[0].reason == "not believed: agent_changed"
    assert "eeeeeeeeeeee" in told.detail
    assert "install again from here" in told.detail
    adopt(store)
    take(store, said(3, OTHER))

    assert doubts(store) == []
    # What was adopted is the record from then on.
    take(store, said(4, THIRD))
    assert doubts(store) == ["agent_changed critical"]


def alert(state: Any, title: str) -> Dict[str, Any]:
    fields = {"id": "a" * 16, "code": "agent_modified", "severity": "critical", "state": state, "check": "agent"}
    texts = {"key": "release", "title": title, "detail": "", "explanation": ""}
    return {**fields, **texts, "before": None, "after": None, "first_seen": FIRST, "last_seen": FIRST}


@pytest.mark.parametrize(("state", "expected"), [("open", ["agent_changed critical"]), ("resolved", [])])
def test_its_own_check_finds_its_files_changed(store: Store, own: str, state: str, expected: List[str]) -> None:
    take(store, said(1, own, alerts=[alert(state, "2 differ\x1b[2J")]))

    assert doubts(store) == expected
    with store.read() as connection:
        assert all(one.detail.isprintable() and len(one.detail) < 400 for one in trust_store.standing(connection))


TIMERS: Dict[str, tuple[List[Optional[str]], List[str]]] = {
    # the timer at each collect; None: no check `agent`, "": no such item in it
    "enabled": (["enabled", "enabled"], []),
    "masked": (["enabled", "masked"], ["timer_off critical"]),
    "disabled": (["enabled", "disabled"], ["timer_off critical"]),
    "masked and back": (["enabled", "masked", "enabled"], ["timer_off critical"]),
    "left out of the answer": (["enabled", ""], ["timer_off critical"]),
    "left out with its check": (["enabled", None], ["timer_off critical"]),
    "disabled on purpose, from the start": (["disabled", "disabled"], []),
    "enabled, then disabled again": (["disabled", "enabled", "disabled"], ["timer_off critical"]),
    "an agent that knows no timer": ([None, None], []),
    "hostile text": (["enabled", "b" * 500], ["timer_off critical"]),
}


@pytest.mark.parametrize(("told", "expected"), TIMERS.values(), ids=TIMERS)
def test_its_timer(store: Store, told: List[Optional[str]], expected: List[str]) -> None:
    for run, state in enumerate(told, 1):
        take(store, said(run, None, state))

    assert doubts(store) == expected
    with store.read() as connection:
        assert all(one.detail.isprintable() and len(one.detail) < 400 for one in trust_store.standing(connection))


def test_a_timer_that_a_person_accepts_as_it_is(store: Store) -> None:
    take(store, said(1, None))
    take(store, said(2, None, "disabled"))
    adopt(store)
    take(store, said(3, None, "disabled"))

    assert doubts(store) == []


def test_a_check_that_fails_is_no_masked_timer_but_told_as_failed(store: Store) -> None:
    take(store, said(1, None))
    failing = said(2, None, None)
    failing["checks"]["agent"] = {"status": "failed", "error": "run as root", "root": None, "buckets": []}
    take(store, failing)

    assert doubts(store) == []
    with store.read() as connection:
        assert [("agent", "failed")] == [(one.check, one.status) for one in roster.problems(connection)]


def test_a_clock_that_is_written_by_hand_hides_no_stopped_timer(store: Store) -> None:
    """The host says that it looked just now, but its run is the one of half an hour ago."""
    take(store, said(7, None), at=FIRST, asked=True)
    take(store, said(7, None, time="2026-11-02T12:20:00Z", prev=f"sha256:{7:064x}"), at=SOON, asked=True)
    assert doubts(store) == []
    take(store, said(7, None, time="2026-11-02T12:31:00Z"), at=LATER, asked=True)
    assert doubts(store) == ["stopped critical"]

    take(store, said(8, None, time="2026-11-02T12:31:00Z"), at=LATER, asked=True)
    assert doubts(store) == []
