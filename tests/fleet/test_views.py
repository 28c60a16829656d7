# SPDX-License-Identifier: GPL-3.0-or-later
"""Which key opens what, who logged in where, and the same new key or address on several hosts within minutes."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional, Sequence, Tuple

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import cli, ingest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.sightings import Sighting, waves
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import open_store
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.verify import verify
from support.fleet import Items, make_bundle, raw

AT = "2026-11-02T12:00:30Z"
A, B = "SHA256:aaaa", "SHA256:bbbb"


def alert(code: str, key: str, minute: int, *, after: Optional[Dict[str, Any]] = None, **more: Any) -> Dict[str, Any]:
    seen = f"2026-11-02T11:{minute:02}:00Z"
    plain = {"id": "0" * 16, "code": code, "severity": "critical", "state": "open", "check": "ssh_auth", "key": key}
    told = {"title": "t", "detail": "d", "before": None, "after": after, "explanation": ""}
    return {**plain, **told, "first_seen": seen, "last_seen": seen, **more}


def take(url: str, name: str, items: Items, alerts: Sequence[Dict[str, Any]] = (), run: int = 1) -> None:
    document = make_bundle(name, {"ssh_keys": items}, alerts=list(alerts), run=run)
    with open_store(url, environ={}) as store, store.write() as connection:
        ingest.ingest(connection, verify(raw(document), nonce=None, held={}), whose=ingest.Whose(name, "web"), at=AT)


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> Tuple[int, Dict[str, Any]]:
    code = cli.main([*words, "--format", "json"])
    document: Dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, document


def test_which_key_opens_what(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    key = {"type": "ssh-ed25519", "comment": "anna@laptop", "options": [], "sources": ["/root/.ssh/authorized_keys"]}
    take(database, "web-1", {f"root:{A}": key, f"deploy:{B}": {**key, "options": ["restrict"]}, "file:/x": {}})
    take(database, "web-2", {f"root:{A}": key, f"anna:{A} (2)": {**key, "comment": "old"}})

    code, found = shown(capsys, "keys", "--store", database)
    assert code == 0
    assert [(one["fingerprint"], one["opens"], one["comments"], one["restricted"]) for one in found["keys"]] == [
        (A, [["web-1", "root"], ["web-2", "anna"], ["web-2", "root"]], ["anna@laptop", "old"], False),
        (B, [["web-1", "deploy"]], ["anna@laptop"], True),
    ]
    assert [one["fingerprint"] for one in shown(capsys, "keys", "--store", database, "--host", "web-2")[1]["keys"]] == [
        A
    ]
    assert cli.main(["keys", "--store", database]) == 0
    assert "root@web-1, anna@web-2, root@web-2" in capsys.readouterr().out


def login(network: str, minute: int, account: str = "root", **more: Any) -> Dict[str, Any]:
    return alert("ssh_first_login", f"login {account} {network} publickey {A}", minute, **more)


def test_one_address_through_the_fleet_is_one_critical_finding(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    take(database, "web-1", {}, [login("192.0.2.0/24", 1)])
    take(database, "web-2", {}, [login("192.0.2.0/24", 9, "a b"), login("198.51.100.0/24", 9)])
    code, found = shown(capsys, "logins", "--store", database)

    assert code == 3
    assert [(one["host"], one["account"], one["subject"]) for one in found["logins"]] == [
        ("web-2", "a b", "192.0.2.0/24"),
        ("web-2", "root", "198.51.100.0/24"),
        ("web-1", "root", "192.0.2.0/24"),
    ]
    assert [(wave["subject"], wave["hosts"]) for wave in found["waves"]] == [("192.0.2.0/24", ["web-1", "web-2"])]
    assert cli.main(["compare", "--store", database]) == 3
    assert "CRITICAL  first logins from 192.0.2.0/24 on 2 hosts within 8 min (a b, root)" in capsys.readouterr().out


def test_what_no_longer_stands_stays_in_the_list_and_is_no_wave(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("web-1", "web-2"):
        take(database, name, {}, [login("192.0.2.0/24", 1)])
    take(database, "web-1", {}, run=2)
    code, found = shown(capsys, "logins", "--store", database)

    assert (code, found["waves"], len(found["logins"])) == (0, [], 2)


def test_one_new_key_on_two_hosts(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("web-1", "web-2"):
        new = alert("ssh_key_added", f"root:{A}", 5, after={"type": "ssh-ed25519"}, check="ssh_keys")
        take(database, name, {f"root:{A}": {"type": "ssh-ed25519"}}, [new])

    assert cli.main(["compare", "--store", database]) == 3
    assert f"CRITICAL  new key {A} on 2 hosts within 1 min (root): web-1, web-2" in capsys.readouterr().out


def sighting(host: str, minute: int, *, subject: str = A, standing: bool = True) -> Sighting:
    seen = f"2026-11-02T{10 + minute // 60}:{minute % 60:02}:00Z"
    return Sighting(host, "key", subject, "root", "", seen, seen, standing)


WAVES: List[Any] = [
    pytest.param([sighting("a", 0), sighting("b", 15)], [("a", "b")], id="fifteen minutes apart"),
    pytest.param([sighting("a", 0), sighting("b", 16)], [], id="sixteen are a coincidence"),
    pytest.param([sighting("a", 0), sighting("a", 1)], [], id="one host twice"),
    pytest.param([sighting("a", 0), sighting("b", 5, subject=B)], [], id="two keys"),
    pytest.param([sighting("a", 0), sighting("b", 5, standing=False)], [], id="accepted on one of them meanwhile"),
    pytest.param([sighting("a", 0), sighting("b", 20), sighting("c", 30)], [("b", "c")], id="the fullest stretch"),
    pytest.param([sighting("a", 0, subject=""), sighting("b", 1, subject="")], [], id="an unknown address is none"),
]


@pytest.mark.parametrize(("seen", "expected"), WAVES)
def test_waves(seen: List[Sighting], expected: List[Tuple[str, ...]]) -> None:
    assert [wave.hosts for wave in waves(seen)] == expected
