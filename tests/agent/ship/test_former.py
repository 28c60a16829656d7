# SPDX-License-Identifier: GPL-3.0-or-later
"""A swapped webhook: until the change is accepted, whom the configuration before names are told too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import List

import pytest
from support.receiver import Answer, Certificate, Receiver, serving
from support.shipping import Room
from vps_sentry.ship.deliver import FORMER_SECONDS
from vps_sentry.sinks import Routes
from vps_sentry.sinks.webhook import Options


@pytest.fixture(name="old")
def _old(certificate: Certificate) -> Iterator[Receiver]:
    with serving(certificate) as server:
        yield server


@pytest.fixture(name="swapped")
def _swapped(room: Room, old: Receiver, monkeypatch: pytest.MonkeyPatch) -> Room:
    """A room whose webhook was the old receiver until somebody edited the configuration."""
    before = Routes({"webhook": Options(url=old.url())}, room.routes().transport)
    plain = room.routes
    monkeypatch.setattr(room, "routes", lambda: plain()._replace(former=before))
    return room


def told(*receivers: Receiver) -> List[int]:
    return [len(receiver.requests) for receiver in receivers]


def test_both_are_told_once(swapped: Room, old: Receiver) -> None:
    swapped.put(former=True)

    assert (0, ["sent"]) == swapped.ship()
    assert [1, 1] == told(old, swapped.receiver)
    swapped.ship()
    assert [1, 1] == told(old, swapped.receiver)


def test_what_was_made_after_the_acceptance_goes_the_new_way_only(swapped: Room, old: Receiver) -> None:
    swapped.put()
    swapped.ship()

    assert [0, 1] == told(old, swapped.receiver)


def test_taking_the_only_sink_away_silences_nobody(swapped: Room, old: Receiver) -> None:
    swapped.options = {}
    swapped.put(former=True)
    name = swapped.put()

    assert ["sent", "missing-config"] == swapped.ship()[1]
    assert [1, 0] == told(old, swapped.receiver)
    assert not swapped.ack(name).done if (swapped.state / "acks" / name).exists() else True


def test_a_sink_that_both_name_is_told_once(swapped: Room, old: Receiver) -> None:
    swapped.options = {"webhook": Options(url=old.url())}
    swapped.put(former=True)
    swapped.ship()

    assert [1, 0] == told(old, swapped.receiver)


def test_a_dead_former_sink_does_not_hold_the_outbox(swapped: Room, old: Receiver) -> None:
    old.answers = [Answer(404)]
    name = swapped.put(former=True)

    assert 4 == swapped.ship()[0]
    assert ("webhook",) == swapped.ack(name).delivered
    swapped.now += FORMER_SECONDS + 600
    assert (0, ["sent"]) == swapped.ship()
    assert swapped.ack(name).done


def test_a_dead_new_sink_does_not_keep_the_old_one_from_being_told(swapped: Room, old: Receiver) -> None:
    swapped.receiver.answers = [Answer(500)]
    name = swapped.put(former=True)

    assert 4 == swapped.ship()[0]
    assert ("former webhook",) == swapped.ack(name).delivered
