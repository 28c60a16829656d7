# SPDX-License-Identifier: GPL-3.0-or-later
"""Listening sockets become items; passing ones and first owners are remembered. Pure."""

from __future__ import annotations

import socket
from typing import AbstractSet, Dict, List, Optional, Set, Tuple

import pytest
from vps_sentry.core.model import Value
from vps_sentry.proc import expected, seen
from vps_sentry.proc.expected import ExpectedPort, PortRange
from vps_sentry.proc.listeners import Listener
from vps_sentry.proc.owners import Owner
from vps_sentry.proc.seen import Before, Counted, First

SSHD = Owner("/usr/sbin/sshd", "ssh.service", "root")
NGINX = Owner("/usr/sbin/nginx", "nginx.service", "root")
WORKER = Owner("/usr/sbin/nginx", "nginx.service", "www-data")
AVAHI = Owner("/usr/sbin/avahi-daemon", "avahi-daemon.service", "avahi")
PYTHON = Owner("/usr/bin/python3.11", "session-*.scope", "root")


def listener(
    address: str, port: int, inode: int, *, protocol: str = "tcp", space: str = "", note: str = ""
) -> Listener:
    packed = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    return Listener(protocol, packed, port, 0, inode, space, note)


def owner(held_by: Owner) -> Dict[str, str]:
    return {"exe": held_by.exe, "unit": held_by.unit, "user": held_by.user}


def value(bind: str, *held_by: Owner, addresses: Tuple[str, ...] = ()) -> Value:
    return {"bind": bind, "addresses": list(addresses), "owners": [owner(entry) for entry in held_by]}


@pytest.mark.weakness(11)
@pytest.mark.parametrize(
    ("found", "held", "items"),
    [
        pytest.param([], {}, {}, id="nothing-listens"),
        pytest.param(
            [listener("0.0.0.0", 22, 1), listener("::", 22, 2)],
            {1: {SSHD}, 2: {SSHD}},
            {"tcp:22:wildcard": value("wildcard", SSHD, addresses=("0.0.0.0", "::"))},
            id="both-families-are-one-port-with-one-owner",
        ),
        pytest.param(
            [listener("::ffff:127.0.0.1", 5432, 1)],
            {1: {NGINX}},
            {"tcp:5432:loopback": value("loopback", NGINX, addresses=("127.0.0.1",))},
            id="mapped-loopback-is-not-public",
        ),
        pytest.param(
            [listener("8.8.8.8", 443, 1), listener("2001:db8::1", 443, 2), listener("10.0.0.5", 443, 3)],
            {1: {NGINX, WORKER}, 2: {NGINX}, 3: {NGINX}},
            {"tcp:443:public": value("public", NGINX, WORKER), "tcp:443:private": value("private", NGINX)},
            id="a-host's-own-addresses-stay-out-of-the-value",
        ),
        pytest.param(
            [listener("0.0.0.0", 53, 1), listener("0.0.0.0", 53, 2, protocol="udp")],
            {1: {SSHD}, 2: {NGINX}},
            {
                "tcp:53:wildcard": value("wildcard", SSHD, addresses=("0.0.0.0",)),
                "udp:53:wildcard": value("wildcard", NGINX, addresses=("0.0.0.0",)),
            },
            id="protocols-apart",
        ),
        pytest.param(
            [listener("0.0.0.0", 1, 1, protocol="raw"), listener("0.0.0.0", 40000, 2)],
            {1: {PYTHON}, 2: {PYTHON}},
            {
                "raw:1:wildcard": value("wildcard", PYTHON, addresses=("0.0.0.0",)),
                "tcp:40000:wildcard": value("wildcard", PYTHON, addresses=("0.0.0.0",)),
            },
            id="raw-and-high-tcp-are-judged-at-once",
        ),
        pytest.param(
            [listener("0.0.0.0", 80, 1), listener("0.0.0.0", 80, 2, space="docker-*.scope")],
            {1: {NGINX}, 2: {WORKER}},
            {
                "tcp:80:wildcard": value("wildcard", NGINX, addresses=("0.0.0.0",)),
                "tcp:80:wildcard@docker-*.scope": value("wildcard", WORKER, addresses=("0.0.0.0",)),
            },
            id="namespaces-apart",
        ),
        pytest.param(
            [listener("0.0.0.0", 443, 1), listener("0.0.0.0", 443, 2)],
            {1: {NGINX}, 2: {PYTHON}},
            {"tcp:443:wildcard": value("wildcard", PYTHON, NGINX, addresses=("0.0.0.0",))},
            id="two-programs-share-a-port-by-SO_REUSEPORT",
        ),
        pytest.param(
            [Listener("packet", b"\0" * 16, 2048, 0, 1)],
            {1: {PYTHON}},
            {"packet:2048:wire": value("wire", PYTHON)},
            id="a-packet-socket-has-no-address",
        ),
    ],
)
def test_sockets_become_items(found: List[Listener], held: Dict[int, Set[Owner]], items: Dict[str, Value]) -> None:
    assert seen.count(found, held, before=Before()).items == items


def look(held: Dict[int, Set[Owner]], before: Optional[Counted], *, note: str = "cafe0001") -> Counted:
    """An ephemeral datagram port, in each run a new socket at the same place."""
    found = [listener("0.0.0.0", 40000, inode, protocol="udp", note=note) for inode in held]
    return seen.count(found, held, before=Before(before.passing if before else frozenset()))


def state(now: Counted) -> Tuple[List[str], AbstractSet[str], AbstractSet[str], bool]:
    return sorted(now.items), now.known, now.waiting, now.settled


KEY, NOTE = "udp:40000:wildcard", {"cafe0001"}


@pytest.mark.weakness(11)
def test_an_ephemeral_datagram_port_counts_when_its_owner_held_it_twice() -> None:
    first = look({1: {AVAHI}}, None)
    assert state(first) == ([], set(), NOTE, True)
    assert state(look({2: {AVAHI}}, first)) == ([KEY], NOTE, set(), True)


def test_a_socket_that_a_quiet_tick_has_noted_counts_at_once() -> None:
    found = [listener("0.0.0.0", 40000, 1, protocol="udp", note="cafe0001")]
    now = seen.count(found, {1: {AVAHI}}, before=Before(noted=frozenset(NOTE)))
    assert state(now) == ([KEY], NOTE, set(), True)


def test_an_ephemeral_datagram_port_of_another_owner_waits_anew() -> None:
    taken_over = look({1: {PYTHON}}, look({1: {AVAHI}}, look({1: {AVAHI}}, None)))
    assert state(taken_over) == ([], set(), NOTE, True)


def test_a_second_holder_of_an_ephemeral_port_joins_in_the_next_run() -> None:
    """Until then no stamp can tell the two apart, so that no tick is quiet."""
    both: Dict[int, Set[Owner]] = {1: {AVAHI, PYTHON}}
    joined = look(both, look({1: {AVAHI}}, look({1: {AVAHI}}, None)))
    assert (state(joined), joined.items[KEY]["owners"]) == (([KEY], NOTE, NOTE, False), [owner(AVAHI)])
    assert look(both, joined).items[KEY]["owners"] == [owner(PYTHON), owner(AVAHI)]


def test_a_passing_datagram_port_leaves_nothing_behind() -> None:
    assert state(look({}, look({1: {AVAHI}}, None))) == ([], set(), set(), True)


ANY = expected.parse("tcp:3000-3999")
ONLY_NGINX = expected.parse(ExpectedPort("tcp:3000-3999", "/usr/sbin/nginx"))
PORT = "tcp:3100:wildcard"


def first(now: Dict[str, Value], before: First, *, accepted: Tuple[str, ...] = (), announced: PortRange = ANY) -> First:
    return seen.first_owners(now, before, announced=[announced], accepted={key: {} for key in accepted})


@pytest.mark.parametrize(
    ("now", "before", "accepted", "announced", "owners"),
    [
        pytest.param(NGINX, None, False, ANY, [NGINX], id="seen-for-the-first-time"),
        pytest.param(PYTHON, NGINX, False, ANY, [NGINX], id="the-first-one-stays"),
        pytest.param(None, NGINX, False, ANY, [NGINX], id="closing-it-for-a-tick-does-not-help"),
        pytest.param(PYTHON, NGINX, True, ANY, None, id="an-acceptance-takes-over"),
        pytest.param(NGINX, None, False, ONLY_NGINX, None, id="an-entry-that-names-its-program-needs-none"),
        pytest.param(NGINX, NGINX, False, expected.parse("tcp:1"), None, id="no-longer-announced"),
    ],
)
def test_the_first_owner_of_an_announced_port(
    now: Optional[Owner], before: Optional[Owner], accepted: bool, announced: PortRange, owners: Optional[List[Owner]]
) -> None:
    items = {PORT: value("wildcard", now)} if now else {}
    known = {PORT: [owner(before)]} if before else {}
    found = first(items, known, accepted=(PORT,) if accepted else (), announced=announced)
    assert found == ({} if owners is None else {PORT: [owner(entry) for entry in owners]})


@pytest.mark.parametrize(
    ("held_by", "told"),
    [
        pytest.param((NGINX,), [], id="the-same"),
        pytest.param((), [], id="closed"),
        pytest.param((WORKER,), [("port_owner_changed", "warning")], id="another-user"),
        pytest.param((NGINX, PYTHON), [("port_owner_changed", "critical")], id="an-interpreter-beside-it"),
    ],
)
def test_an_announced_port_that_changes_hands_is_told(held_by: Tuple[Owner, ...], told: List[Tuple[str, str]]) -> None:
    """`expected` silences the opening, never a change of owner (A7)."""
    items = {PORT: value("wildcard", *held_by)} if held_by else {}
    signals = seen.takeovers(items, {PORT: [owner(NGINX)]}, now=1000)
    assert [(signal.code, signal.severity) for signal in signals] == told
    assert all(signal.until == 1000 + 86400 for signal in signals)
