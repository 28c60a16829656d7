# SPDX-License-Identifier: GPL-3.0-or-later
"""What is rehearsed before Ansible forks is all that the usual collect needs, and leaves nothing behind."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import collecting, engines, rehearsal, simulate
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance import delivery
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.core import canonical
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.moment import now
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import Store, open_store


def answer(asked: collecting.Asked, *, run: int) -> bytes:
    """What the simulated host says to the controller that asks."""
    (said,) = simulate.bundles(simulate.Fleet(hosts=1, items=30), time=now(), run=run)
    return canonical.dumps({**canonical.loads(said.data), "nonce": asked.nonce})


def collect(store: Store, *, run: int) -> None:
    """As the action plugin does it."""
    asked = collecting.begin(store, "sim-00000", cohort="web")
    collecting.take(store, asked, answer(asked, run=run))
    assert delivery.take_up(store, "sim-00000") is None


def test_after_it_a_collect_compiles_nothing(tmp_path: Path) -> None:
    engines.statements.cache_clear()
    rehearsal.rehearse()
    rehearsed = set(engines.statements())

    with open_store(f"sqlite:///{tmp_path}/fleet.sqlite", environ={}) as store:
        for run in (1, 1, 2):
            collect(store, run=run)

    assert rehearsed
    assert set(engines.statements()) == rehearsed


def test_it_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    rehearsal.rehearse()
    assert list(tmp_path.iterdir()) == []


def test_where_there_is_no_room_for_it_the_real_collect_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    rehearsal.rehearse()


def test_a_store_that_was_closed_is_held_open_by_nobody(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/fleet.sqlite", environ={}) as store:
        collect(store, run=1)
        assert held_open(tmp_path)
    assert not held_open(tmp_path)


def held_open(folder: Path) -> bool:
    """Whether this process has a file of the folder open."""
    return any(str(fd.readlink()).startswith(str(folder)) for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink())
