# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of listening ports: items of what was seen, ratings of what moved, and real listeners end to end."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Dict, List, Optional, Set, Tuple

import pytest
from vps_sentry.checks import Context, ports
from vps_sentry.checks.ports import Options
from vps_sentry.core.model import Observation, Value
from vps_sentry.host import Host
from vps_sentry.proc.owners import Owner
from vps_sentry.tick.sockets import Listener

SSHD = Owner("/usr/sbin/sshd", "ssh.service", "root")
NGINX = Owner("/usr/sbin/nginx", "nginx.service", "root")
WORKER = Owner("/usr/sbin/nginx", "nginx.service", "www-data")
AVAHI = Owner("/usr/sbin/avahi-daemon", "avahi-daemon.service", "avahi")
PYTHON = Owner("/usr/bin/python3.11", "session-*.scope", "root")
EPHEMERAL = range(32768, 61000)


def listener(address: str, port: int, inode: int, *, protocol: str = "tcp") -> Listener:
    family = 6 if ":" in address else 4
    packed = socket.inet_pton(socket.AF_INET6 if family == 6 else socket.AF_INET, address)
    return (protocol, family, packed, port, 0, inode)


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
    ],
)
def test_sockets_become_items(found: List[Listener], held: Dict[int, Set[Owner]], items: Dict[str, Value]) -> None:
    seen = ports.observe(found, held, seen=set(), ephemeral=EPHEMERAL)
    assert (seen.status, seen.items) == ("ok", items)


def look(found: List[Listener], held: Dict[int, Set[Owner]], before: Optional[Observation]) -> Observation:
    memory: Any = before.memory if before else {}
    return ports.observe(found, held, seen=ports.seen_before(memory), ephemeral=EPHEMERAL)


def keys_and_quiet(seen: Observation) -> Tuple[List[str], bool]:
    memory: Any = seen.memory
    return sorted(seen.items), ports.stamps(Options(), Host(), memory) == (("sockets", ()),)


@pytest.mark.weakness(11)
def test_an_ephemeral_datagram_port_counts_when_its_owner_held_it_twice() -> None:
    sockets = [listener("0.0.0.0", 40000, 1, protocol="udp")]
    first = look(sockets, {1: {AVAHI}}, None)
    second = look(sockets, {1: {AVAHI}}, first)
    assert keys_and_quiet(first) == ([], False)
    assert keys_and_quiet(second) == (["udp:40000:wildcard"], True)


def test_an_ephemeral_datagram_port_of_another_owner_waits_anew() -> None:
    sockets = [listener("0.0.0.0", 40000, 1, protocol="udp")]
    first = look(sockets, {1: {AVAHI}}, None)
    taken_over = look(sockets, {1: {PYTHON}}, look(sockets, {1: {AVAHI}}, first))
    assert keys_and_quiet(taken_over) == ([], False)


def test_a_second_holder_of_an_ephemeral_port_joins_in_the_next_run() -> None:
    sockets = [listener("0.0.0.0", 40000, 1, protocol="udp")]
    both: Dict[int, Set[Owner]] = {1: {AVAHI, PYTHON}}
    joined = look(sockets, both, look(sockets, {1: {AVAHI}}, look(sockets, {1: {AVAHI}}, None)))
    assert joined.items["udp:40000:wildcard"]["owners"] == [owner(AVAHI)]
    assert keys_and_quiet(joined) == (["udp:40000:wildcard"], False)
    assert look(sockets, both, joined).items["udp:40000:wildcard"]["owners"] == [owner(PYTHON), owner(AVAHI)]


def test_a_passing_datagram_port_leaves_nothing_behind() -> None:
    first = look([listener("0.0.0.0", 40000, 1, protocol="udp")], {1: {AVAHI}}, None)
    assert keys_and_quiet(look([], {}, first)) == ([], True)


@pytest.mark.parametrize(
    ("text", "ports_of"),
    [
        (b"32768\t60999\n", range(32768, 61000)),
        (b"", range(0)),
        (b"32768\n", range(0)),
        (b"a b\n", range(0)),
        (b"-1 5\n", range(0)),
    ],
)
def test_the_ephemeral_range(text: bytes, ports_of: range) -> None:
    assert ports.parse_ephemeral(text) == ports_of


def collect(memory: Optional[Dict[str, Any]] = None) -> Observation:
    return ports.CHECK.collect(Context(Host(), Options(), 0, memory or {}, b""))


def exes(observation: Observation, key: str) -> Set[str]:
    held_by: Any = observation.items[key]["owners"]
    return {entry["exe"] for entry in held_by}


@pytest.mark.parametrize(
    ("address", "bind", "bound"),
    [
        ("0.0.0.0", "wildcard", ["0.0.0.0"]),
        ("::", "wildcard", ["::"]),
        ("127.0.0.1", "loopback", ["127.0.0.1"]),
        ("::ffff:127.0.0.1", "loopback", ["127.0.0.1"]),
        ("::1", "loopback", ["::1"]),
    ],
)
def test_a_real_listener_is_an_item_with_its_program(address: str, bind: str, bound: List[str]) -> None:
    domain = socket.AF_INET6 if ":" in address else socket.AF_INET
    with closing(socket.socket(domain, socket.SOCK_STREAM)) as link:
        link.bind((address, 0))
        link.listen()
        key = f"tcp:{link.getsockname()[1]}:{bind}"
        seen = collect()
    assert (seen.items[key]["addresses"], exes(seen, key)) == (bound, {str(Path(sys.executable).resolve())})
    assert key not in collect().items


def test_a_real_datagram_port_is_an_item_at_the_second_look() -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as link:
        link.bind(("127.0.0.1", 0))
        key = f"udp:{link.getsockname()[1]}:loopback"
        first = collect()
        second = collect(first.memory)
    assert (key in first.items, key in second.items) == (False, True)


def test_a_listener_handed_to_another_program_shows_both(tmp_path: Path) -> None:
    program = tmp_path / "sleep\n (deleted)"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
    with ExitStack() as stack:
        link = stack.enter_context(closing(socket.create_server(("127.0.0.1", 0))))
        inode = os.fstat(link.fileno()).st_ino
        key = f"tcp:{link.getsockname()[1]}:loopback"
        before = exes(collect(), key)
        child = stack.enter_context(subprocess.Popen([str(program), "60"], pass_fds=(link.fileno(),)))
        stack.callback(child.kill)
        after = exes(collect(), key)
        assert os.fstat(link.fileno()).st_ino == inode
    assert after - before == {f"{tmp_path}/sleep\\x0a (deleted)"}
