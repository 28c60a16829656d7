# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures on plans: real keys, validity by the controller's clock, revocation, namespaces."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance import planfile, signing
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance.planfile import PlanError, PlanFile
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance.signing import Signers
from support.orders import Signer
from support.plans import NOW, plan


@pytest.fixture(name="anna")
def _anna(tmp_path: Path) -> Signer:
    return Signer.make(tmp_path, "anna@example.org")


def allowed(tmp_path: Path, *lines: str) -> Signers:
    path = tmp_path / "allowed_signers"
    path.write_text("".join(lines))
    return Signers(path)


def who(found: PlanFile, text: str, signers: Signers) -> tuple[str, ...]:
    return signing.signers_of(found, text, signers=signers, at=NOW)


def test_a_plan_is_signed_beside_its_file_by_several(tmp_path: Path, anna: Signer) -> None:
    bert = Signer.make(tmp_path, "bert@example.org")
    found = plan()
    path = planfile.write(found, tmp_path)
    assert signing.read(path) is None
    for signer in (anna, bert):
        signing.add(path, signing.sign(found, signer.key))

    signers = allowed(tmp_path, anna.allowed(), bert.allowed())
    assert ("anna@example.org", "bert@example.org") == who(found, signing.read(path) or "", signers)


def test_what_is_signed_is_the_plan_and_nothing_else(tmp_path: Path, anna: Signer) -> None:
    found = plan()
    signature = signing.sign(found, anna.key)
    signers = allowed(tmp_path, anna.allowed())

    assert ("anna@example.org",) == who(found, signature, signers)
    assert () == who(planfile.named(replace(found, reason="other")), signature, signers)
    assert () == who(planfile.named(replace(found, fleet_id="other")), signature, signers)
    message = planfile.manifest(found).signed_bytes()
    assert () == who(found, anna.sign(message, namespace="file"), signers)


def test_validity_is_judged_by_the_controller_s_time(tmp_path: Path, anna: Signer) -> None:
    found = plan()
    signature = signing.sign(found, anna.key)

    assert () == who(found, signature, allowed(tmp_path, anna.allowed('valid-before="20261125115959Z"')))
    assert () == who(found, signature, allowed(tmp_path, anna.allowed('valid-after="20261125120001Z"')))
    within = anna.allowed('valid-after="20261101Z",valid-before="20261201Z"')
    assert ("anna@example.org",) == who(found, signature, allowed(tmp_path, within))


def test_a_revoked_key_counts_no_more(tmp_path: Path, anna: Signer) -> None:
    found = plan()
    signature = signing.sign(found, anna.key)
    revoked = tmp_path / "revoked"
    subprocess.run(["ssh-keygen", "-q", "-k", "-f", str(revoked), f"{anna.key}.pub"], check=True)
    signers = replace(allowed(tmp_path, anna.allowed()), revoked=revoked)

    assert () == who(found, signature, signers)


def test_troubles_say_what_is_wrong(tmp_path: Path, anna: Signer) -> None:
    with pytest.raises(PlanError, match="did not sign"):
        signing.sign(plan(), tmp_path / "missing")
    with pytest.raises(PlanError, match="no such signers file"):
        who(plan(), signing.sign(plan(), anna.key), Signers(tmp_path / "missing"))
