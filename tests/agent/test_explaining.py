# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told once: a file by the check that knows its meaning, an upgrade by one line, and nothing else folded."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

import pytest
from vps_sentry.core import digest
from vps_sentry.core.model import Change, Rating, Severity, Voucher
from vps_sentry.explaining import judge

PATH = "/etc/sudoers.d/zz"
FILE: Dict[str, Any] = {"type": "file", "sha256": "00"}


def change(check: str, key: str, value: Any, before: Any = None) -> Change:
    return Change("changed" if before else "added", check, key, before, value)


def rates(**severities: Severity) -> Any:
    return lambda found: Rating(f"{found.check}_moved", severities[found.check], f"{found.key} moved")


def told(changes: List[Change], rate: Any, vouchers: Tuple[Voucher, ...] = ()) -> List[Tuple[str, str, str]]:
    found = judge(changes, vouchers, rate=rate, notes={"packages": "no list"})
    return sorted((finding.key, finding.severity, finding.explanation) for finding in found)


FOLDS = [
    pytest.param({"source": PATH}, "critical", ("info", "check:sudoers"), id="told better, and as severe"),
    pytest.param({"source": PATH}, "warning", ("info", "check:sudoers"), id="equally severe"),
    pytest.param({"sources": ["/etc/sudoers", PATH]}, "warning", ("info", "check:sudoers"), id="one of several"),
    pytest.param({"source": PATH}, "info", ("warning", "none"), id="a smaller word hides nothing"),
    pytest.param({"source": "/etc/sudoers.d"}, "critical", ("warning", "none"), id="another path"),
    pytest.param({"sources": [7, None]}, "critical", ("warning", "none"), id="no paths at all"),
    pytest.param({}, "critical", ("warning", "none"), id="an item without a source"),
]


@pytest.mark.parametrize(("value", "severity", "expected"), FOLDS)
def test_a_file_that_another_check_tells(value: Any, severity: Severity, expected: Tuple[str, str]) -> None:
    changes = [change("files", PATH, FILE), change("sudoers", "deploy", value)]

    assert (PATH, *expected) in told(changes, rates(files="warning", sudoers=severity))
    assert ("deploy", severity, "none") in told(changes, rates(files="warning", sudoers=severity))


def test_a_source_that_is_gone_folds_the_file_that_is_gone() -> None:
    changes = [Change("removed", "files", PATH, FILE, None), Change("removed", "sudoers", "x", {"source": PATH}, None)]

    assert (PATH, "info", "check:sudoers") in told(changes, rates(files="warning", sudoers="warning"))


def test_two_files_never_fold_each_other() -> None:
    changes = [change("files", PATH, {**FILE, "source": PATH})]

    assert [(PATH, "warning", "none")] == told(changes, rates(files="warning"))


OLD, NEW = {"version": "1"}, {"version": "2"}
UPGRADE = change("packages", "x:all", NEW, OLD)
FILES = [change("files", f"/usr/bin/{number}", {**FILE, "size": number}, FILE) for number in range(3)]


def vouch(found: Change, kind: Any, package: str = "x:all", word: str = "") -> Voucher:
    return Voucher(found.check, found.key, digest.digest(found.after), package, kind, word)


EXPLAINED = tuple(vouch(found, "explained") for found in (UPGRADE, *FILES))


def test_an_upgrade_and_all_it_explains_is_one_finding() -> None:
    (found,) = judge([UPGRADE, *FILES], EXPLAINED, rate=rates(files="warning", packages="warning"), notes={})

    assert ("info", "package", "x:all 1 -> 2: 3 files as the package says") == (
        found.severity,
        found.explanation,
        found.title,
    )
    assert {"/usr/bin/0", "/usr/bin/1", "/usr/bin/2"} == set(found.members)


def test_a_voucher_is_for_exactly_the_value_that_was_seen() -> None:
    later = change("files", "/usr/bin/0", {**FILE, "size": 9}, FILE)

    assert ("/usr/bin/0", "warning", "none") in told(
        [UPGRADE, later], rates(files="warning", packages="warning"), EXPLAINED
    )


def test_files_explain_nothing_when_the_upgrade_itself_is_no_change() -> None:
    """Accepted alone, say: then what differs is told."""
    assert 3 == len(told(FILES, rates(files="warning", packages="warning"), EXPLAINED))


def test_what_another_check_calls_critical_no_upgrade_explains() -> None:
    unit = change("units", "x.service", {"runs": ["nc"]})
    vouchers = (*EXPLAINED, vouch(unit, "explained", word="unit x.service"))

    assert ("x.service", "critical", "none") in told(
        [UPGRADE, unit], rates(units="critical", packages="warning"), vouchers
    )
    assert [("x:all", "info", "package")] == told([UPGRADE, unit], rates(units="warning", packages="warning"), vouchers)


BROUGHT = [
    pytest.param("warning", 1, id="no more severe than its package: named with it"),
    pytest.param("critical", 4, id="more severe: told by itself as well"),
]


@pytest.mark.parametrize(("severity", "findings"), BROUGHT)
def test_a_package_that_explains_nothing_names_what_it_brought(severity: Severity, findings: int) -> None:
    vouchers = tuple(vouch(found, "brought") for found in FILES)
    found = list(
        judge(
            [UPGRADE, *FILES], vouchers, rate=rates(files=severity, packages="warning"), notes={"packages": "no list"}
        )
    )

    assert findings == len(found)
    assert {"none"} == {finding.explanation for finding in found}
    if findings == 1:
        assert "3 files as the package says" in found[0].detail
        assert "no list" in found[0].detail


def test_pending_is_no_explanation() -> None:
    vouchers = tuple(vouch(found, "pending") for found in FILES)

    assert 3 == len(told(FILES, rates(files="warning"), vouchers))
