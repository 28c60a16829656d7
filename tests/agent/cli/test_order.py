# SPDX-License-Identifier: GPL-3.0-or-later
"""``apply-acceptance -`` as a controller calls it: a real process, real keys, exit codes and sentences."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Tuple

import pytest
from support.orders import FLEET, Signer, order_for, profile_order
from support.shell import Shell
from vps_sentry.core import codec
from vps_sentry.core.clock import rfc3339
from vps_sentry.core.order import Order
from vps_sentry.core.plan import Plan

OFF = {"enabled": False}
LOOKS_LITTLE = dict.fromkeys(("files", "mounts", "packages", "ports", "ssh_auth", "units"), OFF)


@pytest.fixture(name="shell")
def _shell(owned: Path) -> Shell:
    shell = Shell(owned)
    shell.configure({"checks": LOOKS_LITTLE, "accept": {"fleet_id": FLEET}})
    return shell


@pytest.fixture(name="anna")
def _anna(tmp_path: Path) -> Signer:
    return Signer.make(tmp_path, "anna@example.org")


def order_of(shell: Shell) -> Order:
    """An order for what this machine shows now."""
    planned = shell.run("--accept-baseline", "--dry-run", "--format", "json", "--only", "configuration")
    assert 0 == planned.returncode, planned.stderr
    plan = codec.decode(Plan, json.loads(planned.stdout)["plan"])
    soon = rfc3339(int(os.stat(shell.config).st_mtime) + 3600)
    return order_for(plan, expires=soon)


def obey(shell: Shell, order: Order) -> Tuple[int, Dict[str, Any]]:
    done = shell.run("apply-acceptance", "-", data=json.dumps(codec.encode(order)))
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_an_unsigned_fleet(shell: Shell) -> None:
    order = order_of(shell)
    code, said = obey(shell, order)

    assert (0, "accepted", 1) == (code, said["outcome"], said["baseline"]["sequence"])
    assert "anna (claimed, by the controller)" == said["baseline"]["accepted_by"]
    assert (0, "already") == (lambda found: (found[0], found[1]["outcome"]))(obey(shell, order))


def test_an_order_for_another_fleet_is_refused(shell: Shell) -> None:
    order = order_of(shell)
    code, said = obey(shell, replace(order, manifest=replace(order.manifest, fleet_id="other")))

    assert (5, "refused") == (code, said["outcome"])
    assert "the plan is for fleet 'other', this host is of 'acme'" in said["refusals"][0]


def test_signed_mode(shell: Shell, anna: Signer, tmp_path: Path) -> None:
    signers = shell.config.with_name("allowed_signers")
    signers.write_text(anna.allowed())
    shell.configure({"checks": LOOKS_LITTLE, "accept": {"fleet_id": FLEET, "allowed_signers": str(signers)}})
    order = order_of(shell)
    signed = replace(order, signature=anna.sign(order.manifest.signed_bytes()))
    mallory = Signer.make(tmp_path, "mallory")

    assert "is not signed" in obey(shell, order)[1]["refusals"][0]
    forged = replace(order, signature=mallory.sign(order.manifest.signed_bytes()))
    assert "no signature of the plan is by a signer" in obey(shell, forged)[1]["refusals"][0]
    edited = replace(signed, manifest=replace(order.manifest, plan_id="p-2"))
    assert "no signature of the plan" in obey(shell, edited)[1]["refusals"][0]
    code, said = obey(shell, signed)
    assert (0, "anna@example.org (signed)") == (code, said["baseline"]["accepted_by"])

    # Signed is a ratchet: without signers in the configuration, or without their file, nothing is accepted.
    shell.configure({"checks": LOOKS_LITTLE, "accept": {"fleet_id": FLEET}})
    local = shell.run("--accept-baseline", "--only", "configuration")
    assert "only a signed plan of the controller moves the baseline" in local.stdout
    again = order_of(shell)
    assert "is not signed" in obey(shell, again)[1]["refusals"][0]
    signers.rename(signers.with_name("away"))
    code, said = obey(shell, again)
    assert (5, True) == (code, "is gone although only signed plans count" in said["refusals"][0])
    signers.with_name("away").rename(signers)
    # A signed plan that accepts a configuration without signers leaves signed mode.
    code, said = obey(shell, replace(again, signature=anna.sign(again.manifest.signed_bytes())))
    assert (0, "accepted") == (code, said["outcome"])
    assert "accepted as baseline #3" in shell.run("--accept-baseline", "--only", "configuration").stdout


def test_a_signed_profile_on_a_host_that_nobody_saw(shell: Shell, anna: Signer) -> None:
    signers = shell.config.with_name("allowed_signers")
    signers.write_text(anna.allowed())
    accept = {"fleet_id": FLEET, "allowed_signers": str(signers)}
    shell.configure({"checks": LOOKS_LITTLE, "accept": {**accept, "cohort": "web"}})
    plan = order_of(shell).plan
    assert plan is not None
    order = profile_order(replace(plan, machine_id="cohort:web"), plan)
    order = replace(order, manifest=replace(order.manifest, expires=str(plan.expires)))
    signed = replace(order, signature=anna.sign(order.manifest.signed_bytes()))
    longer = replace(signed, manifest=replace(order.manifest, expires="2099-01-01T00:00:00Z"))

    shell.configure({"checks": LOOKS_LITTLE, "accept": {**accept, "cohort": "db"}})
    foreign, unsigned = obey(shell, longer)[1]["refusals"]
    assert "this host is of cohort:db" in foreign
    assert "no signature of the plan" in unsigned
    shell.configure({"checks": LOOKS_LITTLE, "accept": {**accept, "cohort": "web"}})
    code, said = obey(shell, signed)
    assert (0, "accepted", "anna@example.org (signed)") == (code, said["outcome"], said["baseline"]["accepted_by"])


BAD = {
    "empty": "",
    "no JSON": "hello",
    "not an order": "{}",
    "a number for an object": '{"manifest": 1, "leaf": 2}',
    "unknown key": '{"manifest": {"evil": 1}, "leaf": {}}',
    "deep": "[" * 100_000,
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_what_is_no_order_changes_nothing(shell: Shell, text: str) -> None:
    done = shell.run("apply-acceptance", "-", data=text)

    assert (2, "") == (done.returncode, done.stdout)
    assert "the order on standard input is not usable" in done.stderr
    assert not (shell.state / "baseline.json").exists()
