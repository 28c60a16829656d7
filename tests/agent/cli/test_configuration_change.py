# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody edits the configuration: who was told before is told too, until the change is accepted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, List

import pytest
from support.shell import Shell
from vps_sentry import outbox
from vps_sentry.config import ACCEPTED

OLD = {"notify": {"webhook": {"url": "https://old.example/x"}}}
NEW = {"notify": {"webhook": {"url": "https://new.example/x"}}}


@pytest.fixture(name="shell")
def _shell(owned: Path) -> Shell:
    """A disk whose configuration names the old webhook and is accepted."""
    shell = Shell(owned)
    shell.configure(OLD)
    shell.accept()
    deliver(shell)
    shell.look()
    deliver(shell)
    return shell


def waiting(shell: Shell) -> List[outbox.Entry]:
    places = sorted((shell.state / "outbox").iterdir())
    return [outbox.decode_entry(place.read_bytes(), name=place.name) for place in places]


def deliver(shell: Shell) -> None:
    """As if everything had been sent."""
    for place in (shell.state / "outbox").iterdir():
        place.unlink()


def accepted(shell: Shell) -> Any:
    return json.loads((shell.state / ACCEPTED).read_bytes())


def test_until_it_is_accepted_the_old_way_is_told_too(shell: Shell) -> None:
    shell.configure(NEW)
    shell.look()

    assert [("alerts", True)] == [(entry.kind, entry.former) for entry in waiting(shell)]
    assert OLD == accepted(shell)

    shell.accept("--only", "configuration")
    kinds = [(entry.kind, entry.former) for entry in waiting(shell)]
    assert [("acceptance", True), ("alerts", True), ("alerts", True)] == kinds
    # Those whom the old way reaches have not been told of the acceptance yet.
    assert OLD == accepted(shell)

    deliver(shell)
    shell.look()
    assert NEW == accepted(shell)
    (shell.root / "etc/ld.so.preload").write_text("/tmp/evil.so\n")
    shell.look()
    assert [False] == [entry.former for entry in waiting(shell)]


SILENCED = [
    pytest.param({}, id="no sink at all"),
    pytest.param({"notify": {**NEW["notify"], "mode": "controller"}}, id="only the controller"),
    pytest.param({"notify": {**NEW["notify"], "min_severity": "critical"}}, id="criticals only"),
]


@pytest.mark.weakness(17)
@pytest.mark.parametrize("config", SILENCED)
def test_nothing_is_silenced_before_the_change_is_accepted(shell: Shell, config: Any) -> None:
    shell.configure(config)
    shell.look()
    deliver(shell)
    (shell.root / "etc/cron.d").mkdir()
    (shell.root / "etc/cron.d/persist").write_text("x")
    shell.look()

    (entry,) = waiting(shell)
    assert entry.former
    assert "/etc/cron.d" in {alert.key for alert in entry.alerts}
