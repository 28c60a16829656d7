# SPDX-License-Identifier: GPL-3.0-or-later
"""Text for people: hints that work when pasted, nothing a terminal obeys."""

from __future__ import annotations

from dataclasses import replace
from typing import Tuple

import pytest
from support.alerts import alert
from vps_sentry.accept import Outcome, Proposal
from vps_sentry.baseline import Baseline
from vps_sentry.cli import text
from vps_sentry.core.model import Change, Value
from vps_sentry.core.plan import Plan, item_of

ITEM = {"size": 1}
HINTS = [
    pytest.param("files", "/etc/motd", ITEM, (), "accept with: {} --only files:/etc/motd", id="an item"),
    pytest.param("files", "/etc/a b[1]*", ITEM, (), "accept with: {} --only 'files:/etc/a b[[]1][*]'", id="quoted"),
    pytest.param(
        "files", "/etc/cron.d", None, (), "review with: {} --dry-run --only 'files:/etc/cron.d/*'", id="a group"
    ),
    pytest.param("ssh_auth", "login a", None, ("login a",), "accept with: {} --only 'ssh_auth:login a'", id="a login"),
    pytest.param("ssh_auth", "burst", None, (), "", id="a burst cannot be accepted"),
    pytest.param("baseline", "baseline", None, (), "", id="nor can the lack of a baseline"),
]


@pytest.mark.parametrize(("check", "key", "after", "learnable", "expected"), HINTS)
def test_hints(check: str, key: str, after: object, learnable: Tuple[str, ...], expected: str) -> None:
    told = replace(alert(), check=check, key=key, before=None, after=after)  # type: ignore[arg-type]

    assert expected.format("sudo vps-sentry --accept-baseline") == text.accept_hint(told, learnable)


VISIBLE = [
    pytest.param("plain text", "plain text", id="plain"),
    pytest.param("a\x1b[31mb", "a\\x1b[31mb", id="terminal escape"),
    pytest.param("a\nCRITICAL", "a\\x0aCRITICAL", id="newline"),
    pytest.param("a\u202eb", "a\\xe2\\x80\\xaeb", id="bidirectional"),
    pytest.param("a\udcffb", "a\\x3fb", id="a lone surrogate"),
]


@pytest.mark.parametrize(("given", "expected"), VISIBLE)
def test_visible(given: str, expected: str) -> None:
    assert expected == text.visible(given)


def test_a_plan_names_who_holds_a_port() -> None:
    """Accepting a port is trusting its owner; an announced one is proposed with the owner seen first (A7)."""
    owner = {"exe": "/usr/sbin/sshd", "unit": "ssh.service", "user": "root"}
    held: Value = {"bind": "wildcard", "addresses": [], "owners": [owner]}
    change = Change("added", "ports", "tcp:22:wildcard", None, held)
    proposal = Proposal(Plan(1, "m", 0, None, (item_of(change),), ()), (change,))
    lines = list(text.plan(Outcome("proposed", proposal, Baseline("none")), {("ports", "tcp:22:wildcard"): "warning"}))

    assert "  + ports tcp:22:wildcard held by /usr/sbin/sshd (ssh.service, root)" in lines
