# SPDX-License-Identifier: GPL-3.0-or-later
"""What an installation recorded is judged by the check ``agent``; the check ``files`` leaves exactly that alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import List

import pytest
from support.installed import installed
from vps_sentry import release
from vps_sentry.checks import Context
from vps_sentry.checks.files import Options, collect
from vps_sentry.core.diff import diff
from vps_sentry.core.model import Observation
from vps_sentry.host import Host


class Place:
    """The running system, the agent's own places moved into a folder of the test."""

    def __init__(self, top: Path) -> None:
        self.units = top / "units"
        self.record = top / "record"
        self.unit = self.units / "vps-sentry.service"
        self.drop_in = self.units / "vps-sentry.service.d" / "evil.conf"
        for path in (self.unit, self.drop_in):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("[Service]\n")

    def write_record(self) -> None:
        self.record.write_text(f"00  {self.unit}\n00  /etc/passwd\n")

    def look(self) -> Observation:
        options = Options(defaults=False, watch=(str(self.units),))
        return collect(Context(host=Host(), options=options, now=1_764_000_000, memory={}))

    def files(self) -> List[str]:
        return sorted(key for key, value in self.look().items.items() if value["type"] == "file")


@pytest.fixture(name="place")
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    place = Place(tmp_path)
    monkeypatch.setattr("vps_sentry.release.PACKAGE", str(installed(tmp_path / "opt") / "lib/vps_sentry"))
    monkeypatch.setattr("vps_sentry.release.RECORD", str(place.record))
    monkeypatch.setattr("vps_sentry.release._OWN", re.compile(re.escape(str(place.units)) + r"/vps-sentry[a-z./-]*"))
    return place


def test_only_what_is_recorded_is_left_out(place: Place) -> None:
    """A drop-in that somebody adds is in nobody's record, so it stays watched."""
    assert [str(place.unit), str(place.drop_in)] == place.files()
    place.write_record()
    assert [str(place.drop_in)] == place.files()


def test_without_a_release_nobody_else_judges_it(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write_record()
    monkeypatch.setattr("vps_sentry.release.PACKAGE", str(place.units))

    assert release.place_of(release.PACKAGE) is None
    assert [str(place.unit), str(place.drop_in)] == place.files()


def test_a_baseline_that_still_holds_it_is_told_nothing(place: Place) -> None:
    before = {"files": place.look().items}
    place.write_record()

    assert () == diff(before, {"files": place.look()})
