# SPDX-License-Identifier: GPL-3.0-or-later
"""Profiles that must not count: not signed, edited, of nobody known, of another fleet, too old."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance import planfile, signing
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance.planfile import PlanError
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.core.clock import epoch, rfc3339
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.moment import now
from support.orders import Signer
from support.peers import Cohort


class TestRefusedAsAWhole:
    """Nobody is asked anything, and a sentence says why."""

    @pytest.fixture(autouse=True)
    def _newcomer(self, cohort: Cohort) -> None:
        cohort.add("web-5")
        cohort.garden.collect("web-5")

    def refused(self, cohort: Cohort, path: Path, match: str, **options: Any) -> None:
        with pytest.raises(PlanError, match=match):
            cohort.apply(path, **options)
        assert "web-5" not in cohort.garden.states()

    def test_not_signed(self, cohort: Cohort) -> None:
        self.refused(cohort, cohort.make(), "accept sign profile-")

    def test_edited_after_it_was_signed(self, cohort: Cohort) -> None:
        path = cohort.sign(cohort.make(), cohort.anna)
        again = cohort.remade(path, expires="2099-01-01T00:00:00Z")
        signing.signature_file(again).write_text(signing.signature_file(path).read_text())
        self.refused(cohort, again, "no signature of the plan is by a signer")

        path.write_text(path.read_text().replace('"n":7', '"n":8'))
        self.refused(cohort, path, "edited after it was made")

    def test_signed_by_nobody_known(self, cohort: Cohort) -> None:
        mallory = Signer.make(cohort.path, "mallory")
        self.refused(cohort, cohort.sign(cohort.make(), mallory), "no signature of the plan is by a signer")

    def test_of_a_signer_whose_key_expired(self, cohort: Cohort) -> None:
        path = cohort.sign(cohort.make(), cohort.anna)
        cohort.allowed.write_text(cohort.anna.allowed('valid-before="20200101Z"'))
        self.refused(cohort, path, "whose key is valid now")

    def test_of_a_revoked_signer(self, cohort: Cohort) -> None:
        path = cohort.sign(cohort.make(), cohort.anna)
        revoked = cohort.path / "revoked"
        subprocess.run(["ssh-keygen", "-q", "-k", "-f", str(revoked), f"{cohort.anna.key}.pub"], check=True)
        self.refused(cohort, path, "no signature of the plan is by a signer", revoked=str(revoked))

    def test_of_another_fleet(self, cohort: Cohort) -> None:
        path = cohort.sign(cohort.remade(cohort.make(), fleet_id="other"), cohort.anna)
        self.refused(cohort, path, "is for fleet 'other', this store keeps 'acme'")

    def test_expired(self, cohort: Cohort) -> None:
        path = cohort.sign(cohort.remade(cohort.make(), expires=now()), cohort.anna)
        self.refused(cohort, path, "expired at")

    def test_of_the_wrong_kind(self, cohort: Cohort) -> None:
        path = cohort.sign(cohort.garden.plan(), cohort.anna)
        self.refused(cohort, path, "is a plan for the hosts it names, no profile", profile=True)

    def test_signed_by_one_where_something_critical_wants_two(self, cohort: Cohort) -> None:
        path = cohort.make()
        critical = tuple(replace(group, severity="critical") for group in planfile.read(path).groups)
        path = cohort.sign(cohort.remade(path, groups=critical), cohort.anna)
        self.refused(cohort, path, "2 people have to sign, so far anna@example.org", critical_signers=2)

        assert "for anna@example.org and bert@example.org (signed)" in cohort.apply(
            cohort.sign(path, cohort.bert), critical_signers=2
        )
        assert "active" == cohort.garden.states()["web-5"]

    def test_where_nobody_signs_at_all(self, cohort: Cohort) -> None:
        path = cohort.sign(cohort.make(), cohort.anna)
        self.refused(cohort, path, "in a fleet without signers, plan new hosts with: accept.yml -e adopt", signers=None)


def test_one_that_expires_in_between_is_accepted_by_no_host(cohort: Cohort) -> None:
    soon = rfc3339(epoch(now()) + 7200)
    path = cohort.sign(cohort.remade(cohort.make(), expires=soon), cohort.anna)
    world = cohort.add("web-5")
    cohort.garden.collect("web-5")
    cohort.begin(path)
    assert soon == cohort.garden.rows()["web-5"].expires
    world.now += 7200
    cohort.garden.hand_over()

    assert "refused" == cohort.garden.states()["web-5"]
    assert f"the profile expired at {soon}" in cohort.garden.rows()["web-5"].reason


def test_what_makes_no_profile(cohort: Cohort) -> None:
    for options, told in (
        ({"cohort": "db"}, "cohort db has no consensus .* there are: web"),
        ({"expires": None}, "at most 366 days"),
        ({"expires": "367d"}, "at most 366 days"),
        ({"expires": "soon"}, "expires=soon"),
        ({"fleet_id": "other"}, "one fleet, one store"),
    ):
        with pytest.raises(PlanError, match=told):
            cohort.make(**options)
