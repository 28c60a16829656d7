# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit log's chain: an entry that is altered, dropped or moved breaks it, and where is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance.chain import GENESIS, Entry, breaks


def log(length: int) -> List[Entry]:
    found: List[Entry] = []
    prev = GENESIS
    for number in range(1, length + 1):
        entry = Entry(number, prev, f"2026-11-25T12:00:{number:02}Z", "anna", "planned", "p", {"hosts": ["web-1"]})
        prev = entry.head
        found.append(entry)
    return found


def test_an_honest_log_holds() -> None:
    entries = log(5)

    assert [] == list(breaks([]))
    assert [] == list(breaks(entries, heads=[entry.head for entry in entries]))


@pytest.mark.parametrize("change", ["at", "who", "what", "plan_id"])
def test_an_altered_entry_is_found(change: str) -> None:
    entries = log(3)
    heads = [entry.head for entry in entries]
    altered: Dict[str, Any] = {change: "other"}
    entries[1] = replace(entries[1], **altered)

    assert any("entry 2" in told and "altered" in told for told in breaks(entries, heads=heads))
    assert any("entry 3" in told and "does not follow" in told for told in breaks(entries))


def test_an_entry_that_is_missing_or_moved_is_found() -> None:
    entries = log(4)

    assert "entry 2 is missing: the next one is 3" in list(breaks([entries[0], *entries[2:]]))
    assert list(breaks([entries[1], entries[0]]))
    assert list(breaks(entries[1:]))


def test_the_last_entry_altered_with_its_head_is_found_by_whoever_knows_the_head() -> None:
    """Nothing in a log can prove its own end; that is why the head stands in each plan and message."""
    entries = log(3)
    forged = [*entries[:2], replace(entries[2], who="mallory")]

    assert [] == list(breaks(forged, heads=[entry.head for entry in forged]))
    assert forged[2].head != entries[2].head
