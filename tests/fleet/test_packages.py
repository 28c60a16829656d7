# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from a package is folded into the finding about the package, and nothing else ever is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Collection, Dict, List, Mapping, NamedTuple, Set, Tuple

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import document, ingest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance import situation
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance.desk import Desk
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance.explaining import explainer
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.html.report import page
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.redact import redacted
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.report import to_text
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import open_store
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.survey import Survey, survey
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.verify import verify
from support.doubts import doubt
from support.fleet import file_items, make_bundle, raw
from vps_sentry.core import digest
from vps_sentry.core.model import Voucher

from .oracle import Host

AT = "2026-11-02T12:00:30Z"
NGINX = "nginx:amd64"
FILES = ("/usr/sbin/nginx", "/usr/lib/nginx/a.so", "/etc/nginx/nginx.conf")
UNIT = "nginx.service"
Checks = Dict[str, Dict[str, Dict[str, Any]]]


class Seen(NamedTuple):
    """A host and what it says that packages did."""

    host: Host
    vouchers: Tuple[Voucher, ...] = ()


def installed(version: str, **fields: Any) -> Dict[str, Any]:
    return {"version": version, "lists": f"lists of {version}", **fields}


def with_nginx(version: str, **fields: Any) -> Checks:
    """A host with that version of nginx, its files and its unit."""
    return {
        "files": {path: file_items(path, sha256=digest.digest(f"{path} {version}"))[path] for path in FILES},
        "packages": {NGINX: installed(version, **fields), "bash:amd64": installed("5")},
        "units": {UNIT: {"exec": f"nginx {version}"}},
        "accounts": {"user anna": {"uid": 1000}},
    }


def vouchers(now: Checks, accepted: Checks, *, package: str = NGINX) -> Tuple[Voucher, ...]:
    """For every item that differs, as an agent gives them."""
    places = [(check, key) for check in now for key in {*now[check], *accepted[check]}]
    return tuple(
        Voucher(check, key, digest.digest(now[check].get(key)), package, "explained")
        for check, key in places
        if now[check].get(key) != accepted[check].get(key) and (check != "packages" or key == package)
    )


OLD, NEW = with_nginx("1.2"), with_nginx("1.3")
STAYED = Seen(Host(OLD, OLD))
UPGRADED = Seen(Host(NEW, OLD), vouchers(NEW, OLD))


def fleet_of(*seen: Seen) -> Dict[str, Seen]:
    return {f"web-{number:02}": one for number, one in enumerate(seen)}


def surveyed(folder: Path, fleet: Mapping[str, Seen], *, doubted: Collection[str] = ()) -> Survey:
    """``doubted`` hosts are not believed."""
    with open_store(f"sqlite:///{folder}/fleet.sqlite", environ={}) as store:
        with store.write() as connection:
            for name, one in fleet.items():
                made = make_bundle(name, one.host.now, accepted=one.host.accepted or {}, vouchers=one.vouchers)
                bundle = verify(raw(made), nonce=None, held={})
                ingest.ingest(connection, bundle, whose=ingest.Whose(name, "web"), at=AT)
            doubt(connection, doubted, at=AT)
        with store.read() as connection:
            return survey(connection, at=AT)


def edited(checks: Checks, check: str, key: str, **fields: Any) -> Checks:
    return {**checks, check: {**checks[check], key: {**checks[check].get(key, {}), **fields}}}


def open_keys(found: Survey) -> List[str]:
    return [finding.key for finding in found.open]


def test_an_upgrade_of_some_hosts_is_one_finding_that_counts_the_rest(tmp_path: Path) -> None:
    found = surveyed(tmp_path, fleet_of(*[STAYED] * 7, *[UPGRADED] * 3))

    (finding,) = found.open
    assert (finding.check, finding.key, finding.changed) == ("packages", NGINX, ("web-07", "web-08", "web-09"))
    assert {(one.check, one.key) for one in finding.explains} == {*(("files", path) for path in FILES), ("units", UNIT)}
    assert found.exit_code == 2


def test_those_left_behind_are_explained_by_where_the_others_came_from(tmp_path: Path) -> None:
    found = surveyed(tmp_path, fleet_of(*[STAYED] * 2, *[UPGRADED] * 8))

    (finding,) = found.open
    assert (finding.outliers, len(finding.explains)) == (("web-00", "web-01"), 4)


def test_a_whole_cohort_that_was_upgraded_is_one_finding(tmp_path: Path) -> None:
    found = surveyed(tmp_path, fleet_of(*[UPGRADED] * 5))

    (finding,) = found.open
    assert (finding.wide, len(finding.explains)) == (True, 4)


PLANTED = edited(OLD, "files", FILES[0], sha256="ee" * 32)
BY_HAND = edited(NEW, "files", FILES[2], sha256="ee" * 32)
SUID_CONTENT = edited(NEW, "files", "/usr/bin/su", type="file", mode="4755", sha256="2")
KEYS = "/root/.ssh/authorized_keys"
WITH_KEY = edited(NEW, "files", KEYS, type="file", sha256="2")
WITH_SETUID = edited(NEW, "files", "/usr/bin/x", type="file", mode="4755")
OTHER_LISTS = edited(NEW, "packages", NGINX, lists="made at home")
LOCAL = edited(NEW, "packages", NGINX, local=True)


def moved(now: Checks, *, package: str = NGINX) -> Seen:
    """Upgraded from nginx 1.2, and vouches for everything that changed."""
    return Seen(Host(now, OLD), vouchers(now, OLD, package=package))


APART = [
    pytest.param(Seen(Host(PLANTED, OLD)), FILES[0], id="a file replaced where nothing was upgraded"),
    pytest.param(Seen(Host(PLANTED, PLANTED)), FILES[0], id="a file replaced before the first baseline"),
    pytest.param(Seen(Host(BY_HAND, OLD), UPGRADED.vouchers), FILES[2], id="an edited configuration file"),
    pytest.param(Seen(Host(NEW, OLD)), FILES[0], id="an upgrade nobody vouches for"),
    pytest.param(moved(WITH_KEY), KEYS, id="a key, whatever the host says"),
    pytest.param(moved(WITH_SETUID), "/usr/bin/x", id="a new setuid file, whatever the host says"),
    pytest.param(moved(edited(NEW, "accounts", "user eve", uid=0)), "user eve", id="an account, whatever it says"),
    pytest.param(moved(OTHER_LISTS), FILES[0], id="lists that its peers do not have"),
    pytest.param(Seen(Host(OTHER_LISTS, OLD), UPGRADED.vouchers), FILES[0], id="the word for another package's item"),
    pytest.param(moved(LOCAL), FILES[0], id="a package that no signed list has"),
    pytest.param(moved(NEW, package="bash:amd64"), FILES[0], id="a package that did not move"),
    pytest.param(
        Seen(Host({**OLD, "files": NEW["files"]}, OLD), UPGRADED.vouchers), FILES[0], id="files without the package"
    ),
]


@pytest.mark.parametrize(("seen", "key"), APART)
def test_what_nothing_bears_out_stays_a_finding(tmp_path: Path, seen: Seen, key: str) -> None:
    found = surveyed(tmp_path, fleet_of(*[STAYED] * 7, *[UPGRADED] * 3, seen))
    odd = next(finding for finding in found.open if finding.key == key)
    explained = {host for reason in odd.reasons if reason.package for host in reason.hosts}

    assert "web-10" in odd.subjects
    assert "web-10" not in explained


def test_who_is_not_believed_vouches_for_nothing(tmp_path: Path) -> None:
    found = surveyed(tmp_path, fleet_of(*[STAYED] * 7, UPGRADED), doubted=["web-07"])

    assert sorted(open_keys(found)) == sorted([*FILES, NGINX, UNIT])
    assert {finding.doubted for finding in found.findings} == {("web-07",)}


def test_who_is_not_believed_and_has_what_its_peers_vouch_for_is_explained_by_them(tmp_path: Path) -> None:
    found = surveyed(tmp_path, fleet_of(*[STAYED] * 4, *[UPGRADED] * 3), doubted=["web-06"])

    (finding,) = found.open
    assert (finding.key, finding.doubted, len(finding.explains)) == (NGINX, ("web-06",), 4)


def test_a_file_replaced_on_a_host_left_behind_is_not_explained_by_the_upgrade_of_the_others(tmp_path: Path) -> None:
    found = surveyed(tmp_path, fleet_of(*[STAYED] * 2, Seen(Host(PLANTED, PLANTED)), *[UPGRADED] * 8))

    odd = next(finding for finding in found.open if finding.key == FILES[0])
    assert "web-02" not in {host for reason in odd.reasons for host in reason.hosts}
    assert "unexplained on web-02" in to_text(found, width=400)


def test_a_program_with_rights_is_explained_by_its_content_alone_and_named(tmp_path: Path) -> None:
    before = edited(OLD, "files", "/usr/bin/su", type="file", mode="4755", sha256="1")
    after = Seen(Host(SUID_CONTENT, before), vouchers(SUID_CONTENT, before))
    found = surveyed(tmp_path, fleet_of(*[Seen(Host(before, before))] * 7, *[after] * 3))

    assert open_keys(found) == [NGINX]
    assert f"explains 5 items, among them files /usr/bin/su, units {UNIT}" in to_text(found, width=400)


def test_every_output_says_how_much_a_package_explains_and_who_has_which_version(tmp_path: Path) -> None:
    found = surveyed(tmp_path, fleet_of(*[STAYED] * 37, *[UPGRADED] * 3))

    text, told = to_text(found, width=400), document.to_json(found)
    (finding,) = (one for one in told["findings"] if one["check"] == "packages")
    assert "explains 4 items" in text
    assert "nginx:amd64  1.2 on 37, 1.3 on 3" in text
    assert "4 more differences explained (4 by package)" in text
    assert len(finding["explains"]) == 4
    assert told["packages"] == [
        {"package": NGINX, "versions": [{"version": "1.2", "hosts": 37}, {"version": "1.3", "hosts": 3}]}
    ]
    for part in ("explains 4 items", "1.2 on 37, 1.3 on 3"):
        assert part in page(found, at=AT)


def test_a_plan_may_be_about_a_package(tmp_path: Path) -> None:
    surveyed(tmp_path, fleet_of(STAYED, moved(WITH_KEY)))
    with open_store(f"sqlite:///{tmp_path}/fleet.sqlite", environ={}) as store, store.read() as connection:
        wanted = situation.candidates(connection, situation.Wanted(), explain=explainer(connection, at=AT))
    told = {one.key: one.explanation for one in wanted[1].differences}

    assert told == {NGINX: "package:nginx", **dict.fromkeys((*FILES, UNIT), "package:nginx"), KEYS: ""}


@pytest.mark.parametrize(
    ("seen", "planned"),
    [
        pytest.param(UPGRADED, {NGINX, *FILES, UNIT}, id="an upgrade"),
        pytest.param(moved(WITH_KEY), {NGINX, *FILES, UNIT}, id="a key that came with it"),
        pytest.param(moved(LOCAL), set(), id="a package built by hand"),
        pytest.param(Seen(Host({**OLD, "files": NEW["files"]}, OLD), UPGRADED.vouchers), set(), id="files alone"),
        pytest.param(Seen(Host(NEW, OLD)), set(), id="nobody vouches"),
    ],
)
def test_only_what_the_package_explains_is_planned(tmp_path: Path, seen: Seen, planned: Set[str]) -> None:
    surveyed(tmp_path, fleet_of(STAYED, UPGRADED, seen))
    wanted = {"only": ["package:nginx"], "critical": True, "hosts": ["web-02"]}
    with open_store(f"sqlite:///{tmp_path}/fleet.sqlite", environ={}) as store:
        told = Desk(store, "anna", may_write=False).plan(wanted, folder=tmp_path)

    assert planned == {group["key"] for group in told.document["groups"]}


def test_a_shared_report_tells_no_version(tmp_path: Path) -> None:
    shared = redacted(surveyed(tmp_path, fleet_of(*[STAYED] * 4, UPGRADED)), salt=b"s")

    assert "1.3" not in json.dumps(document.to_json(shared))


def test_a_package_that_some_lack_is_stacked_too(tmp_path: Path) -> None:
    bare = {**OLD, "packages": {"bash:amd64": installed("5")}}
    found = surveyed(tmp_path, fleet_of(*[STAYED] * 4, Seen(Host(bare, bare))))

    assert f"{NGINX}  1.2 on 4, absent on 1" in to_text(found, width=200)
