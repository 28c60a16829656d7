# SPDX-License-Identifier: GPL-3.0-or-later
"""What explains a difference: acceptance here, waivers and roll-outs; the commands that waive, list and tell apart."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, FrozenSet, List, Optional, Tuple

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import cli
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.compare import Finding, Step, Variant
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.explain import Evidence, explained
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import open_store
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.waivers import Place, Waiver, pinned
from vps_sentry.core import digest

from .test_compare import BASE, KEY, changed, fill, fleet_of, without

NEW = '{"v":1}'


def odd(hosts: Tuple[str, ...], *, moved: bool = True, critical: bool = False, voters: int = 10) -> Finding:
    """``hosts`` hold a value of their own."""
    return Finding(
        cohort="web",
        check="files",
        key="/etc/a",
        level="strong",
        severity="critical" if critical else "warning",
        voters=voters,
        variants=(Variant(None, voters - len(hosts), ()), Variant(NEW, len(hosts), hosts)),
        outliers=hosts,
        steps=(Step(None, NEW, hosts),) if moved else (),
        changed=hosts if moved else (),
        unaccepted=(),
        doubted=(),
        wide=False,
    )


def without_vote(hosts: Tuple[str, ...], *doubted: str) -> Finding:
    """``hosts`` moved to a value of their own; some of them are not believed."""
    finding = odd(hosts)
    usual, own = finding.variants
    return replace(finding, doubted=doubted, variants=(usual, replace(own, votes=len(hosts) - len(doubted))))


def waiver(
    pattern: str,
    place: Place = "host",
    *,
    name: str = "a",
    values: Optional[FrozenSet[str]] = None,
    check: str = "files",
) -> Waiver:
    return Waiver(
        7, check, pattern, place, name, values, "wanted", "anna", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"
    )


EXACT = pinned([NEW])
ACCEPTED = {"a": frozenset({("files", "/etc/a", digest.digest({"v": 1}))})}
OTHERWISE = {"a": frozenset({("files", "/etc/a", digest.digest({"v": 2}))})}
CASES: List[Any] = [
    pytest.param(odd(("a",)), Evidence(), "none", id="nothing"),
    pytest.param(odd(("a",)), Evidence(reviewed=ACCEPTED), "accepted", id="accepted here by its very value"),
    pytest.param(odd(("a",)), Evidence(reviewed=OTHERWISE), "none", id="another value was accepted"),
    pytest.param(odd(("a", "b")), Evidence(reviewed=ACCEPTED), "none", id="on one of two hosts only"),
    pytest.param(odd(("a",)), Evidence([waiver("/etc/a", values=EXACT)]), "waiver", id="waived by its value"),
    pytest.param(odd(("a",)), Evidence([waiver("/etc/a", values=pinned([None]))]), "none", id="waived as absent"),
    pytest.param(odd(("a",)), Evidence([waiver("/etc/*")]), "waiver", id="waived by a glob"),
    pytest.param(odd(("a",), critical=True), Evidence([waiver("/etc/*")]), "none", id="never what is critical"),
    pytest.param(
        odd(("a",), critical=True), Evidence([waiver("/etc/a", values=EXACT)]), "waiver", id="critical, named itself"
    ),
    pytest.param(odd(("b",)), Evidence([waiver("/etc/*")]), "none", id="another host"),
    pytest.param(odd(("b",)), Evidence([waiver("/etc/*", "cohort", name="web")]), "waiver", id="its cohort"),
    pytest.param(odd(("b",)), Evidence([waiver("/etc/*", "fleet", name="")]), "waiver", id="the fleet"),
    pytest.param(odd(("a",)), Evidence([waiver("/etc/*", check="units")]), "none", id="another check"),
    pytest.param(odd(("a", "b")), Evidence(), "roll-out", id="two of ten on the way"),
    pytest.param(without_vote(("a", "b", "c"), "c"), Evidence(), "roll-out", id="two, and one that is not believed"),
    pytest.param(without_vote(("a", "b"), "b"), Evidence(), "none", id="two, of whom one is not believed"),
    pytest.param(odd(("a", "b"), moved=False), Evidence(), "none", id="two that always were so"),
    pytest.param(odd(("a", "b"), voters=30), Evidence(), "none", id="two of thirty"),
    pytest.param(odd(("a", "b"), critical=True), Evidence(), "none", id="a roll-out of what is critical"),
]


@pytest.mark.parametrize(("finding", "evidence", "explanation"), CASES)
def test_explanations(finding: Finding, evidence: Evidence, explanation: str) -> None:
    (found,) = explained([finding], evidence)

    assert found.explanation == explanation


def test_ranks_fall_with_company_and_explanations() -> None:
    alone, two, rolled, critical = (
        explained([finding], Evidence())[0].rank
        for finding in (odd(("a",)), odd(("a", "b"), moved=False), odd(("a", "b")), odd(("a",), critical=True))
    )
    assert critical > alone > two > rolled > 0


@pytest.fixture(name="url")
def _url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/fleet.sqlite"
    with open_store(url, environ={}) as store:
        fill(store, fleet_of(5, changed("/etc/sudoers.d/x", size=1), without(KEY)))
    return url


def said(capsys: pytest.CaptureFixture[str], *words: str) -> Tuple[int, str]:
    code = cli.main(words)
    told = capsys.readouterr()
    return code, told.out + told.err


def test_a_waiver_from_beginning_to_end(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "compare", "--store", url)[0] == 3
    words = ["--store", url, "--reason", "ticket 7", "--for", "7d", "--host"]
    code, text = said(capsys, "waive", "files", "/etc/sudoers.d/x", *words, "web-5")
    assert (code, "waiver #1 holds until" in text) == (0, True)

    code, text = said(capsys, "compare", "--store", url)
    assert (code, "1 more difference explained (1 by waiver)" in text) == (2, True)
    assert "waiver: #1 until" in said(capsys, "compare", "--store", url, "--all")[1]
    assert "ticket 7" in said(capsys, "waivers", "--store", url)[1]

    with open_store(url, environ={}) as store:
        fill(store, {"web-5": {"files": changed("/etc/sudoers.d/x", size=2)}}, run=2)
    assert said(capsys, "compare", "--store", url)[0] == 3, "another value than the one that was waived"
    assert said(capsys, "waivers", "--store", url, "--end", "1")[0] == 0
    assert said(capsys, "waivers", "--store", url, "--end", "1")[0] == 1
    assert "ticket 7" not in said(capsys, "waivers", "--store", url)[1]


WRONG = [
    pytest.param(["--for", "7 days", "--host", "web-1"], "is not a duration", id="a length nobody understands"),
    pytest.param(["--for", "7d", "--host", "db-1"], "no collected host in db-1", id="a host nobody knows"),
]


@pytest.mark.parametrize(("words", "sentence"), WRONG)
def test_a_waiver_that_cannot_be(url: str, words: List[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = said(capsys, "waive", "files", "/etc/a", "--store", url, "--reason", "r", *words)

    assert (code, sentence in text) == (1, True)


def test_two_hosts(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "diff", "--store", url, "web-0", "web-1") == (0, "web-0 -> web-1: 0 differences\n")
    code, text = said(capsys, "diff", "--store", url, "web-0", "web-6", "--format", "json")
    found: Dict[str, Any] = json.loads(text)

    assert code == 2
    assert found["differences"] == [{"check": "files", "key": KEY, "one": BASE[KEY], "other": None}]
    assert f"{KEY}  web-6: gone" in said(capsys, "diff", "--store", url, "web-0", "web-6")[1]
    assert "there is no snapshot of db-9" in said(capsys, "diff", "--store", url, "web-0", "db-9")[1]


def test_cohorts(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = said(capsys, "hosts", "--cohorts", "--store", url)

    assert (code, text.splitlines()) == (0, ["COHORT  HOSTS  VOTING", "web     7      7       quorum"])
