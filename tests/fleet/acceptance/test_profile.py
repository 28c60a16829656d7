# SPDX-License-Identifier: GPL-3.0-or-later
"""A signed profile of a cohort: hosts that appear by themselves need no person, unless they differ."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import trust, trust_store
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance import (
    applying,
    chain,
    delivery,
    ledger,
    log,
    mirror,
    planfile,
    profile,
    rebuild,
    signing,
)
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance.applying import Consent
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance.signing import Signers
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.cli import main
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.core.clock import epoch, rfc3339
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.moment import now
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import open_store
from support.peers import PEERS, Cohort
from support.runs import standing


def test_a_host_that_appears_by_itself_needs_no_person(cohort: Cohort) -> None:
    path = cohort.sign(cohort.make(reason="the web image of May"), cohort.anna)
    assert "no new host of web" in cohort.apply(path)
    for name in ("web-5", "web-6"):
        cohort.add(name).items["root key"] = {"n": 7}
    cohort.garden.collect("web-5", "web-6")
    cohort.apply(path)

    for name in ("web-5", "web-6"):
        baseline = cohort.garden.baseline(name)
        assert (1, {"a": {"n": 1}, "b": {"n": 2}, "root key": {"n": 7}}) == (
            baseline.sequence,
            baseline.checks["things"],
        )
        assert ("anna@example.org", "signers") == (baseline.accepted_by, baseline.authority.signers)
        assert "the web image of May" in baseline.reason
        assert ("active", 1) == (cohort.garden.states()[name], cohort.garden.recorded(name))
        assert [] == standing(cohort.garden.hosts[name].run().report)
    # Neither here nor later is it taken for an acceptance of the host's own.
    cohort.garden.collect()
    assert [] == cohort.garden.doubts()
    told = cohort.garden.desk.recap(path)
    assert (0, True) == (told.exit_code, "active 2  accepted 0  pending 0" in told.text)


def test_what_differs_is_not_accepted_and_is_listed(cohort: Cohort) -> None:
    path = cohort.sign(cohort.make(), cohort.anna)
    world = cohort.add("web-5")
    world.items = {"a": {"n": 9}, "b": {"n": 2}, "evil": {"n": 1}}
    cohort.garden.collect("web-5")
    text = cohort.apply(path)

    assert {"things": {"b": {"n": 2}}} == cohort.garden.baseline("web-5").checks
    assert "things a on web-5: not what its cohort accepted" in text
    assert "things evil on web-5: not what its cohort accepted" in text
    assert "things root key on web-5: its cohort accepted it, and it is not there" in text
    assert {("thing_added", "open", "a"), ("thing_added", "open", "evil")} == set(standing(world.run().report))


def test_a_host_like_none_of_its_cohort_gets_nothing_but_eyes(cohort: Cohort) -> None:
    path = cohort.sign(cohort.make(), cohort.anna)
    world = cohort.add("web-5")
    world.items = {"evil": {"n": 1}}
    cohort.garden.collect("web-5")
    cohort.apply(path)

    assert {"things": {}} == cohort.garden.baseline("web-5").checks
    assert [("thing_added", "open", "evil")] == standing(world.run().report)


def test_what_its_cohort_took_back_since_is_not_accepted_any_more(cohort: Cohort) -> None:
    """A key that all hosts lost since the profile was signed is not let in by an old image that still has it."""
    path = cohort.sign(cohort.make(), cohort.anna)
    for name in PEERS:
        del cohort.garden.hosts[name].items["root key"]
    cohort.garden.collect()
    cohort.apply(cohort.sign(cohort.garden.plan(critical=True), cohort.anna))
    cohort.add("web-5").items["root key"] = {"n": 7}
    cohort.garden.collect("web-5")

    assert "things root key on web-5: not what its cohort accepted" in cohort.apply(path)
    assert "root key" not in cohort.garden.baseline("web-5").checks["things"]


def test_a_host_with_a_baseline_is_never_asked(cohort: Cohort) -> None:
    path = cohort.sign(cohort.make(), cohort.anna)
    before = {name: cohort.garden.baseline(name) for name in PEERS}
    for name in PEERS:
        cohort.garden.hosts[name].items["c"] = {"n": 3}
    cohort.garden.collect()

    assert "no new host of web" in cohort.apply(path)
    assert before == {name: cohort.garden.baseline(name) for name in PEERS}
    # What was handed over once is no way back in for whoever kept it.
    cohort.add("web-5")
    cohort.garden.collect("web-5")
    cohort.begin(path)
    handed = delivery.take_up(cohort.garden.store, "web-5")
    assert handed is not None
    cohort.garden.answer("web-5", handed.order)
    cohort.garden.hosts["web-5"].accept(only=("things",), signed=False)
    now_held = cohort.garden.baseline("web-5")
    cohort.garden.answer("web-5", handed.order)
    assert now_held == cohort.garden.baseline("web-5")


def test_who_is_not_believed_or_lost_a_baseline_needs_a_person(cohort: Cohort) -> None:
    path = cohort.sign(cohort.make(), cohort.anna)
    for name in ("web-5", "web-6"):
        cohort.add(name)
    cohort.garden.hosts["web-6"].accept()
    (cohort.garden.hosts["web-6"].path / "state" / "baseline.json").unlink()
    cohort.garden.collect("web-5", "web-6")
    with cohort.garden.store.write() as connection:
        number = ledger.host_ids(connection)["web-5"]
        doubt = trust.Doubt("timer_off", "critical", "its timer is masked")
        trust_store.keep(connection, number, doubts=[doubt], at=now())
    text = cohort.apply(path)

    assert "web-5: not believed, timer_off" in text
    assert "web-6: it had a baseline, or is a copy of a host that had one" in text
    assert "web-5" not in cohort.garden.states()


def test_a_host_of_another_cohort_by_its_own_word_refuses_and_is_not_asked_for_ever(cohort: Cohort) -> None:
    path = cohort.sign(cohort.make(), cohort.anna)
    world = cohort.add("web-5", cohort="db")
    cohort.garden.collect("web-5")
    cohort.apply(path)

    assert "refused" == cohort.garden.states()["web-5"]
    assert "this host is of cohort:db" in cohort.garden.rows()["web-5"].reason
    assert 3 == cohort.garden.desk.recap(path).exit_code
    assert "web-5: it refused (the profile is for" in cohort.apply(path)
    assert world.fleet is not None
    world.fleet = replace(world.fleet, cohort="web")
    again = cohort.remade(path, created=rfc3339(epoch(now()) + 1))
    cohort.apply(cohort.sign(again, cohort.anna))
    assert "active" == cohort.garden.states()["web-5"]


def test_one_that_still_boots_is_asked_again_once_it_stands_still(cohort: Cohort) -> None:
    path = cohort.sign(cohort.make(), cohort.anna)
    world = cohort.add("web-5")
    cohort.garden.collect("web-5")
    cohort.begin(path)
    world.items["a"] = {"n": 5}
    cohort.garden.hand_over()
    assert "stale" == cohort.garden.states()["web-5"]

    world.items["a"] = {"n": 1}
    cohort.garden.collect("web-5")
    cohort.apply(path)
    assert "active" == cohort.garden.states()["web-5"]
    assert "active 1  accepted 0  pending 0  stale 0" in cohort.garden.desk.recap(path).text


def test_a_controller_that_dies_in_between_goes_on(cohort: Cohort) -> None:
    path = cohort.sign(cohort.make(), cohort.anna)
    cohort.add("web-5")
    cohort.add("web-6")
    cohort.garden.collect("web-5", "web-6")
    cohort.begin(path)
    handed = delivery.take_up(cohort.garden.store, "web-5")
    assert handed is not None
    cohort.garden.answer("web-5", handed.order)
    # Killed here: web-5 accepted and nobody heard it, web-6 was not asked.
    assert {"pending"} == {cohort.garden.states()[name] for name in ("web-5", "web-6")}
    assert 1 == cohort.garden.baseline("web-5").sequence

    cohort.garden.collect("web-5", "web-6")
    cohort.apply(path)
    assert {"active"} == {cohort.garden.states()[name] for name in ("web-5", "web-6")}
    assert [] == cohort.garden.doubts()


def test_the_log_holds_it_once_and_a_lost_store_is_made_whole_from_it(cohort: Cohort, tmp_path: Path) -> None:
    path = cohort.sign(cohort.make(), cohort.anna)
    for name in ("web-5", "web-6"):
        cohort.add(name)
        cohort.garden.collect(name)
        cohort.apply(path)
    cohort.garden.desk.recap(path)
    with cohort.garden.store.read() as connection:
        entries = list(log.entries(connection))
        assert [] == [*chain.breaks(entries, heads=log.heads(connection)), *mirror.differences(cohort.garden.store)]
    about = [entry for entry in entries if planfile.read(path).plan_id in (entry.plan_id, entry.detail.get("profile"))]

    assert ["profile", "applying", "applying"] == [entry.what for entry in about]
    assert "items" not in json.dumps(about[1].detail)
    with open_store(f"sqlite:///{tmp_path}/other.sqlite", environ={}) as other:
        cohort.garden.store = other
        cohort.garden.collect()
        with other.write() as connection:
            rebuild.rebuild(connection, entries, signers=Signers(cohort.allowed))
        cohort.garden.collect()
        assert ("active", []) == (cohort.garden.states()["web-6"], cohort.garden.doubts())


def test_a_plan_out_of_a_profile_asks_for_nothing_that_was_not_signed(cohort: Cohort) -> None:
    """Whatever the controller makes of a profile, its hosts hold it to what people signed."""
    whole = planfile.read(cohort.make())
    part = whole.hosts[0]
    less = {"hosts": (replace(part, items=part.items[:1]),), "groups": whole.groups[:1]}
    path = cohort.sign(cohort.remade(cohort.make(), **less), cohort.anna)
    thin = planfile.read(path)
    cohort.add("web-5")
    cohort.garden.collect("web-5")
    consent = Consent(at=now(), signature=signing.read(path), signers=Signers(cohort.allowed))
    with cohort.garden.store.write() as connection:
        wide = profile.fill(connection, whole, at=consent.at)
        applying.begin(connection, wide, consent=consent, profile=thin)
    cohort.garden.hand_over()

    assert "refused" == cohort.garden.states()["web-5"]
    assert "items that are not in the profile: 1, such as things b" in cohort.garden.rows()["web-5"].reason


def test_on_the_command_line(cohort: Cohort, capsys: pytest.CaptureFixture[str]) -> None:
    store = f"sqlite:///{cohort.path}/fleet.sqlite"

    def fleet(*words: str) -> str:
        assert 0 == main(["accept", *words, "--store", store])
        return capsys.readouterr().out

    made = fleet("profile", "--cohort", "web", "--expires", "90d", "--folder", str(cohort.path))
    path = next(cohort.path.glob("profile-*.json"))
    assert "what new hosts of web accept by themselves before" in made
    assert "+ things root key on each new host of web" in made
    assert "Profile: 3 items that a new host may accept, 0 of them critical." in made
    assert f"accept sign {path} --key" in made
    assert f"collect.yml -e profile={path}" in made
    assert 0o600 == path.stat().st_mode & 0o777
    # Whoever signs needs no store.
    nowhere = cohort.path / "none.sqlite"
    assert 0 == main(["accept", "sign", str(path), "--key", str(cohort.anna.key), "--store", f"sqlite:///{nowhere}"])
    assert not nowhere.exists()
    assert 1 == main(["accept", "sign", str(nowhere), "--key", str(cohort.anna.key)])
    assert "none.sqlite" in capsys.readouterr().err
    cohort.add("web-5")
    cohort.garden.collect("web-5")
    begun = fleet("apply", str(path), "--signers", str(cohort.allowed), "--confirm")
    assert "for anna@example.org (signed) on 1 hosts" in begun
    cohort.garden.hand_over()
    assert "active 1" in fleet("status", str(path))
    assert 1 == main(["accept", "apply", str(path), "--signers", str(cohort.allowed), "--store", store])
    question = f"accept 3 items on each new host of web until {planfile.read(path).expires}, none critical: type yes"
    assert question in capsys.readouterr().err
