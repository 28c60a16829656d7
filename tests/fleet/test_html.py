# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTML report: safe with any name, complete, private, and fit for sharing when asked."""

from __future__ import annotations

import re
import stat
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import cli, ingest, roster
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.heat import heat_map
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.html.report import page
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.redact import redacted
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import Store, open_store
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.survey import Survey, survey
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.verify import verify
from support.fleet import Items, file_items, make_bundle, many_paths, raw

AT = "2026-11-02T12:00:30Z"
BASE = file_items(*many_paths(20))
SCRIPT = "<script>document.title='owned'</script>"
ODD: Items = {
    **BASE,
    f"/etc/{SCRIPT}": {"type": "file", "target": '"><img src=x onerror=alert(1)>'},
    "/etc/cron.d/p\u0435rsist": {"type": "file"},
    "/home/anna/10.1.2.3/web-7.conf": {"type": "file", "mode": "0644"},
}


def take(store: Store, name: str, checks: Mapping[str, Items], *, cohort: str = "web", **header: Any) -> None:
    with store.write() as connection:
        bundle = verify(raw(make_bundle(name, checks, **header)), nonce=None, held={})
        ingest.ingest(connection, bundle, whose=ingest.Whose(name, cohort), at=AT)


@pytest.fixture(name="url")
def _url(tmp_path: Path) -> str:
    """A store with seven web hosts, one of them odd, and one host that was never reached."""
    url = f"sqlite:///{tmp_path}/fleet.sqlite"
    with open_store(url, environ={}) as store:
        for number in range(6):
            take(store, f"web-{number}", {"files": BASE}, failed={"ports": "no /proc"} if number == 1 else None)
        take(store, "web-7", {"files": ODD}, accepted={"files": BASE})
        with store.write() as connection:
            roster.begin_attempt(connection, "db-1", cohort="db")
            roster.end_attempt(connection, "db-1", outcome="unreachable", reason="no route to 10.1.2.4", at=AT)
    return url


def looked(url: str) -> Survey:
    with open_store(url, environ={}) as store, store.read() as connection:
        return survey(connection, at=AT)


class Tags(HTMLParser):
    """The elements of a page with their attributes, its text and its style sheet."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: List[Tuple[str, Dict[str, Optional[str]]]] = []
        self.words: List[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: List[Tuple[str, Optional[str]]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def named(self, tag: str) -> List[Dict[str, Optional[str]]]:
        return [attributes for name, attributes in self.found if name == tag]


ACTIVE = {"script", "img", "iframe", "object", "embed", "a", "form", "link", "base", "svg", "audio", "video"}


def test_nothing_on_the_page_loads_runs_or_links(url: str) -> None:
    text = page(looked(url), at=AT)
    tags = Tags(text)

    assert {tag for tag, _ in tags.found} & ACTIVE == set()
    assert [name for _, attributes in tags.found for name in attributes if name.startswith("on")] == []
    assert [name for _, attributes in tags.found for name in attributes if name in ("style", "href", "src")] == []
    assert SCRIPT in "".join(tags.words), "the name is shown, as text"


def test_the_policy_allows_this_style_sheet_only(url: str) -> None:
    text = page(looked(url), at=AT)
    (policy,) = [m["content"] for m in Tags(text).named("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = b64encode(sha256(style.encode()).digest()).decode()

    assert policy == f"default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-{digest}'"


def test_letters_that_may_pass_for_others_are_marked(url: str) -> None:
    assert [mark["title"] for mark in Tags(page(looked(url), at=AT)).named("mark")] == ["not ASCII: U+0435"]


SAID = [
    pytest.param("7 of 8", id="coverage"),
    pytest.param("no route to 10.1.2.4", id="why one was not reached"),
    pytest.param("no /proc", id="what could not be looked at"),
    pytest.param("1 of 7 differ, strong", id="first axis"),
    pytest.param("changed", id="second axis"),
    pytest.param("unexplained", id="the reason, or that there is none"),
    pytest.param("#1 accepted", id="acceptance"),
    pytest.param("◆ 3", id="the map's cell has a shape and a number"),
    pytest.param("critical (exit 3)", id="the verdict"),
]


@pytest.mark.parametrize("words", SAID)
def test_the_page_says(url: str, words: str) -> None:
    assert words in "\n".join(Tags(page(looked(url), at=AT)).words)


def test_the_file_is_for_its_owner_alone(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "report.html"
    target.write_text("old")
    target.chmod(0o644)

    assert cli.main(["report", "--store", url, "--output", str(target)]) == 3
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert target.read_text().startswith("<!DOCTYPE html>\n<html")
    assert "readable by you alone" in capsys.readouterr().out


def test_a_place_that_cannot_be_written_is_named(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", "--store", url, "--output", "/proc/none/report.html"]) == 1
    assert "name another file with --output" in capsys.readouterr().err


SECRET = ["web-7", "web-0", "db-1", "anna", "10.1.2.3", "10.1.2.4", "no /proc", "0644", "onerror"]


@pytest.mark.parametrize("word", SECRET)
def test_a_redacted_report_names_nobody(url: str, word: str) -> None:
    plain = page(looked(url), at=AT)
    told = page(redacted(looked(url)), at=AT, redacted=True)

    assert word in plain or word == "0644"
    assert word not in told
    assert "redacted for sharing" in told


def test_redacting_keeps_what_the_report_is_about(url: str) -> None:
    before, after = looked(url), redacted(looked(url))

    assert [(f.check, f.level, f.rank, len(f.outliers)) for f in before.findings] == [
        (f.check, f.level, f.rank, len(f.outliers)) for f in after.findings
    ]
    assert after.exit_code == before.exit_code
    assert redacted(looked(url), salt=b"a") != redacted(looked(url), salt=b"b")


def test_many_hosts_collapse_to_their_cohorts(url: str) -> None:
    few, many = heat_map(looked(url)), heat_map(looked(url), most=5)

    assert [row.name for row in few.rows] == ["db-1", *(f"web-{number}" for number in (0, 1, 2, 3, 4, 5, 7))]
    assert [(row.name, {check: heat.count for check, heat in row.heats.items()}) for row in many.rows] == [
        ("db (1 hosts)", {}),
        ("web (7 hosts)", {"files": 1}),
    ]
    assert few.rows[2].blind == {"ports"}
    assert few.rows[0].why == "never collected"
