# SPDX-License-Identifier: GPL-3.0-or-later
"""The self-test on its own: what fails says so, the real state stays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Dict

import pytest
from support.runs import World
from vps_sentry.checks import discover
from vps_sentry.config import default
from vps_sentry.errors import ConfigError
from vps_sentry.selftest import Step, Trial, steps
from vps_sentry.sinks import Routes


def _no_routes() -> Routes:
    raise ConfigError("no sink is configured")


def found(world: World, *, with_network: bool = False) -> Dict[str, Step]:
    setup = replace(world.setup(), checks=discover(), config=default())
    return {step.name: step for step in steps(Trial(setup, _no_routes, with_network))}


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> World:
    world = World(tmp_path, items={"a": {"n": 1}})
    (tmp_path / "root" / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    return world


def test_without_a_sink_delivery_fails(world: World) -> None:
    step = found(world, with_network=True)["delivery"]

    assert ("FAIL", True) == (step.verdict, "missing-config" in step.reason)


def test_without_the_network_delivery_is_skipped_with_the_way_to_do_it(world: World) -> None:
    step = found(world)["delivery"]

    assert ("skip", True) == (step.verdict, "--with-network" in step.reason)


def test_a_log_that_cannot_be_read_fails_with_the_reason(world: World) -> None:
    setup = replace(world.setup(), checks=discover(), config=default())
    options = replace(setup.config.checks["ssh_auth"], sources=("/var/log/none",))
    setup = replace(setup, config=replace(setup.config, checks={**setup.config.checks, "ssh_auth": options}))
    told = {step.name: step for step in steps(Trial(setup, _no_routes, with_network=False))}

    assert "FAIL" == told["log source"].verdict
    assert "no log of sshd can be read" in told["log source"].reason


def test_the_real_state_stays(world: World) -> None:
    world.accept()
    names = ("baseline.json", "alerts.json", "cursors.json", "last.json")
    before = {name: world.store.read(name) for name in names}
    first, second = found(world), found(world)

    assert before == {name: world.store.read(name) for name in names}
    assert "ok" == first["baseline untouched"].verdict == second["baseline untouched"].verdict
