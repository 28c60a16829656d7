# SPDX-License-Identifier: GPL-3.0-or-later
"""The cohort of a host by the words of the inventory (docs/contracts.md section 11)."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Sequence, Tuple

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.cohort import CohortError, cohort_of

ALL = ["a", "b", "c", "d"]
CASES: Dict[str, Tuple[Mapping[str, Sequence[str]], Dict[str, Any], str]] = {
    "its own word wins": ({"all": ALL, "web": ["a", "b"]}, {"explicit": "edge", "preferred": ["web"]}, "edge"),
    "first preferred group": ({"web": ["a", "b", "c"], "eu": ["a"]}, {"preferred": ["db", "eu", "web"]}, "eu"),
    "preferred, but not in it": ({"web": ["a", "b"], "db": ["c"]}, {"preferred": ["db"]}, "web"),
    "largest group, never all": ({"all": ALL, "web": ["a", "b"], "eu": ["a", "b", "c"]}, {}, "eu"),
    "as large: alphabet, not order": ({"web": ["a", "b"], "eu": ["a", "c"]}, {}, "eu"),
    "groups it is not in": ({"all": ALL, "db": ["b", "c", "d"], "web": ["a"]}, {}, "web"),
    "no group": ({"all": ALL, "ungrouped": ["a"]}, {}, "all"),
}


@pytest.mark.parametrize(("groups", "words", "expected"), CASES.values(), ids=CASES)
def test_cohort(groups: Mapping[str, Sequence[str]], words: Dict[str, Any], expected: str) -> None:
    assert cohort_of("a", groups, **words) == expected


@pytest.mark.parametrize("word", ["", " ", "a\nb", 7], ids=["empty", "blank", "two lines", "a number"])
def test_a_word_that_is_no_name_is_refused(word: Any) -> None:
    with pytest.raises(CohortError, match="vps_sentry_cohort"):
        cohort_of("a", {}, explicit=word)
