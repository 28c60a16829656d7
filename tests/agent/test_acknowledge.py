# SPDX-License-Identifier: GPL-3.0-or-later
"""One alert silenced: on record, told, never trusted, and over when it changes, ends or its time is up."""

from __future__ import annotations

from pathlib import Path
from typing import List

import pytest
from support.runs import World, shipped, standing
from vps_sentry import history
from vps_sentry.acknowledge import Request, acknowledge
from vps_sentry.core.model import Alert
from vps_sentry.errors import ConfigError
from vps_sentry.report import Report
from vps_sentry.tick import record

DAY = 86400


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> World:
    """A world with one open critical alert that was told, and one warning."""
    world = World(tmp_path, items={"root key": {"n": 1}, "b": {"n": 1}})
    world.accept()
    world.items["root key"] = {"n": 9}
    world.items["b"] = {"n": 9}
    world.run()
    deliver(world)
    return world


def deliver(world: World) -> None:
    """As if everything had been sent."""
    for name in world.store.names("outbox"):
        world.store.remove(f"outbox/{name}")


def alert(report: Report, key: str = "root key") -> Alert:
    (found,) = (alert for alert in report.alerts if alert.key == key)
    return found


def ack(world: World, *, seconds: int = 7 * DAY, key: str = "root key") -> None:
    found = alert(world.run().report, key)
    acknowledge(world.setup(), Request(found.id, "anna", "known", seconds))


def told(world: World) -> List[str]:
    """Keys of the alerts that wait in the outbox."""
    return [found.key for entry in shipped(world) for found in entry.alerts]


def test_it_is_on_record_and_told_with_who_and_why(world: World) -> None:
    ack(world)
    (entry,) = shipped(world)

    assert ("acceptance", "critical") == (entry.kind, entry.severity)
    assert "acknowledged by anna until 20" in entry.note
    assert entry.note.endswith(": known")
    assert ["accepted", "acknowledged"] == [found.kind for found in history.entries(world.store)]


def test_it_is_neither_reminded_nor_counted_and_nothing_is_trusted(world: World) -> None:
    ack(world, key="b")
    ack(world)
    deliver(world)
    report = world.run(after=2 * DAY).report

    assert 0 == report.exit_code
    assert "waiver" == alert(report).explanation
    assert {"root key": {"n": 1}, "b": {"n": 1}} == report.baseline.checks["things"]
    assert [] == told(world)


def test_another_alert_still_counts(world: World) -> None:
    ack(world)

    assert 3 == world.run().report.exit_code


def test_a_further_change_ends_it(world: World) -> None:
    ack(world)
    deliver(world)
    world.items["root key"] = {"n": 10}
    report = world.run().report

    assert ("changed", "none") == (alert(report).state, alert(report).explanation)
    assert ["root key"] == told(world)


def test_when_its_time_is_over_it_is_told_again(world: World) -> None:
    ack(world, seconds=DAY)
    deliver(world)
    assert [] == [key for key in told(world) if key == "root key"]
    report = world.run(after=DAY).report

    assert "none" == alert(report).explanation
    assert "root key" in told(world)


def test_without_a_time_it_lasts_as_long_as_the_alert_stands_unchanged(world: World) -> None:
    ack(world, seconds=0)
    deliver(world)
    assert "waiver" == alert(world.run(after=400 * DAY).report).explanation

    world.items["root key"] = {"n": 1}
    assert ("thing_changed", "resolved", "root key") in standing(world.run().report)
    world.items["root key"] = {"n": 9}
    # Gone and back is a new event, and nobody acknowledged that.
    assert "none" == alert(world.run().report).explanation


def test_the_tick_wakes_when_its_time_is_over(world: World) -> None:
    world.sinks = {}
    ack(world, key="b")
    ack(world, seconds=2 * 3600)
    world.run(after=0)

    assert world.now + 2 * 3600 == record.loads((world.path / "state" / record.FILE).read_bytes())[0]


@pytest.mark.parametrize(
    ("prefix", "words"),
    [
        pytest.param("zz", "no open alert", id="no such alert"),
        pytest.param("", "no open alert", id="nothing given"),
        pytest.param("*", "no open alert", id="no pattern"),
    ],
)
def test_what_means_no_alert_is_refused(world: World, prefix: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        acknowledge(world.setup(), Request(prefix, "anna", "known"))


def test_what_means_several_alerts_is_refused_and_the_beginning_of_one_is_enough(world: World) -> None:
    """Seventeen ids cannot begin with sixteen digits without two of them beginning alike."""
    for number in range(15):
        world.items[f"{number}"] = {"n": number}
    ids = sorted(found.id for found in world.run().report.alerts)
    twin = next(a[:1] for a, b in zip(ids, ids[1:]) if a[:1] == b[:1])
    with pytest.raises(ConfigError, match="give more of the id"):
        acknowledge(world.setup(), Request(twin, "anna", "known"))

    assert acknowledge(world.setup(), Request(ids[0][:15], "anna", "known")).alert.startswith(ids[0])
