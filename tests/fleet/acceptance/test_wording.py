# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as people read it: criticals first and in full, hosts folded, everything left out named."""

from __future__ import annotations

from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance.wording import plan_text
from support.plans import CRON, KEY, MOTD, STOLEN, candidate, difference, plan, text

COHORTS = {"web": 40}


def test_a_plan_reads_like_one() -> None:
    hosts = [candidate(f"web-{n:02}", CRON) for n in range(37)]
    said = plan_text(plan(*hosts), cohorts=COHORTS, path="plan-x.json")

    assert "+ files /opt/app/run on 37 of 40 web: web-00, web-01" in said
    assert "and 29 more" in said
    assert "sha256 1111111111111111111" in said
    assert "Plan: 37 items on 37 hosts to accept, 0 of them critical; 0 items and 0 hosts withheld." in said
    assert "ansible-playbook playbooks/accept.yml -e plan=plan-x.json" in said


def test_what_changes_is_said_field_by_field() -> None:
    said = plan_text(plan(candidate("web-1", MOTD)), cohorts=COHORTS)

    assert "~ files /etc/motd on 1 of 40 web: web-1" in said
    assert f"sha256: {'0' * 64} -> {'2' * 64}" in said
    assert "type" not in said.partition("motd")[2]


def test_critical_items_come_first_with_every_host_whatever_else_there_is() -> None:
    """Four hundred boring items must not hide one key (RULES A34)."""
    boring = [difference(f"/opt/app/{n:03}", text(sha256="1" * 64)) for n in range(400)]
    hosts = [candidate(f"web-{n:02}", *boring, STOLEN) for n in range(12)]
    lines = plan_text(plan(*hosts, critical=True), cohorts=COHORTS).splitlines()

    first = next(number for number, line in enumerate(lines) if line.startswith("  +"))
    assert f"  + files {KEY} on 12 of 40 web: {', '.join(host.name for host in hosts)}" == lines[first]
    assert any("and 360 more changes, none critical (360 files)" in line for line in lines)


def test_what_is_withheld_is_said_with_its_reason() -> None:
    said = plan_text(
        plan(candidate("web-1", STOLEN, MOTD), candidate("web-2", unfit="not collected for 5 collects")),
        cohorts=COHORTS,
    )

    assert "web-2: not collected for 5 collects" in said
    assert f"files {KEY} on web-1: critical: it becomes trusted only when named" in said
    assert "1 item and 1 host withheld" in said


def test_names_that_could_be_mistaken_are_marked() -> None:
    said = plan_text(plan(candidate("web-1", difference("/opt/\u0430pp", text(sha256="1" * 64)))), cohorts=COHORTS)

    assert r"[not ASCII: '/opt/\u0430pp']" in said


def test_hostile_text_stays_text() -> None:
    evil = difference("/opt/\x1b[2Jx\n  + files /etc/passwd", text(target="\x1b]0;x\x07"))
    said = plan_text(plan(candidate("web-1", evil)), cohorts=COHORTS)

    assert "\x1b" not in said
    assert "\n  + files /etc/passwd" not in said


def test_a_plan_with_nothing_in_it_says_so() -> None:
    assert "Nothing to accept." in plan_text(plan(candidate("web-1")), cohorts=COHORTS)
