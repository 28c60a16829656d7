# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of listening ports against sockets and programs the tests really start."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import textwrap
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Dict, List, Optional, Set, Tuple

import pytest
from support.alone import ELSEWHERE, PORTS, alone
from vps_sentry.checks import Context, ports
from vps_sentry.checks.ports import Options
from vps_sentry.core.model import Observation
from vps_sentry.host import Host
from vps_sentry.tick.ports import OWNERS_FOR


@pytest.mark.parametrize(
    ("text", "ports_of"),
    [
        (b"32768\t60999\n", (32768, 60999)),
        (b"1\t65535\n", (1024, 65535)),
        (b"", (1, 0)),
        (b"32768\n", (1, 0)),
        (b"a b\n", (1, 0)),
        (b"-1 5\n", (1, 0)),
    ],
)
def test_the_ephemeral_range(text: bytes, ports_of: Tuple[int, int]) -> None:
    assert ports.parse_ephemeral(text) == ports_of


def collect(memory: Optional[Dict[str, Any]] = None) -> Observation:
    return ports.CHECK.collect(Context(Host(), Options(), 0, memory or {}))


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


RECEIVER = """
import array, os, socket, sys
link = socket.socket(fileno=int(sys.argv[1]))
_, ancillary, _, _ = link.recvmsg(1, socket.CMSG_SPACE(4))
descriptor = array.array("i", ancillary[0][2])[0]
os.set_inheritable(descriptor, True)
os.execv(sys.argv[2], [sys.argv[2], "60"])
"""


@pytest.mark.weakness(11)
def test_a_listener_handed_over_is_found_within_the_hour(tmp_path: Path) -> None:
    """SCM_RIGHTS, then exec: protocol, address, port, user and inode stay, and with them every list of sockets (A6)."""
    program = tmp_path / "thief"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
    with ExitStack() as stack:
        link = stack.enter_context(closing(socket.create_server(("127.0.0.1", 0))))
        key, inode = f"tcp:{link.getsockname()[1]}:loopback", os.fstat(link.fileno()).st_ino
        ours, theirs = (stack.enter_context(end) for end in socket.socketpair())
        before = collect()
        command = [sys.executable, "-I", "-c", RECEIVER, str(theirs.fileno()), str(program)]
        child = stack.enter_context(subprocess.Popen(command, pass_fds=(theirs.fileno(),)))
        stack.callback(child.kill)
        socket.send_fds(ours, [b"x"], [link.fileno()])
        link.close()
        _wait(lambda: os.readlink(f"/proc/{child.pid}/exe") == str(program))
        after = collect(before.memory)
        assert f"socket:[{inode}]" in {os.readlink(entry) for entry in Path(f"/proc/{child.pid}/fd").iterdir()}
    assert (exes(before, key), exes(after, key)) == ({str(Path(sys.executable).resolve())}, {str(program)})
    memory: Any = before.memory
    assert memory["until"] < OWNERS_FOR, "the look began at second 0"


def _wait(happened: Any) -> None:
    end = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.05)


def seen(script: str) -> Dict[str, Any]:
    """The items the script shows, without what this kernel may add for itself."""
    (line,) = alone(PORTS + ELSEWHERE + textwrap.dedent(script))
    items: Dict[str, Any] = json.loads(line)
    return {key: value for key, value in items.items() if key not in ("not_checked:AF_VSOCK", "not_checked:nat")}


@pytest.mark.weakness(11)
def test_no_port_is_left_out_because_of_its_number() -> None:
    items = seen("a = [tcp(port) for port in (22, 80, 443)]\nshow(collect().items)")
    assert list(items) == ["tcp:22:wildcard", "tcp:443:wildcard", "tcp:80:wildcard"]
    assert {owner["exe"] for value in items.values() for owner in value["owners"]} == {os.path.realpath(sys.executable)}


@pytest.mark.weakness(11)
def test_a_process_that_takes_another_name_is_still_its_program() -> None:
    """The name of a process is its own to choose; the program is not."""
    items = seen("a = tcp(443)\nopen('/proc/self/comm', 'w').write('nginx')\nshow(collect().items)")
    (owner,) = items["tcp:443:wildcard"]["owners"]
    assert owner["exe"] == os.path.realpath(sys.executable)


@pytest.mark.weakness(11)
def test_no_program_of_the_host_is_needed() -> None:
    items = seen("a = tcp(80)\nos.environ['PATH'] = '/nowhere'\nshow(collect().items)")
    assert list(items) == ["tcp:80:wildcard"]


@pytest.mark.weakness(11)
def test_without_a_list_of_sockets_the_check_fails_instead_of_seeing_none() -> None:
    script = """
    from vps_sentry.errors import CollectError
    os.system(f"mount -t tmpfs tmpfs /proc/{os.getpid()}/net")
    try:
        print(collect())
    except CollectError as exc:
        print(str(exc).replace(" ", "_"))
    """
    assert alone(PORTS + textwrap.dedent(script)) == [
        "cannot_list_listening_sockets:_No_such_file_or_directory;_is_/proc_mounted?"
    ]


def test_two_programs_that_share_a_port_are_both_shown(tmp_path: Path) -> None:
    """SO_REUSEPORT lets a second socket take a share of the connections."""
    other = Path(sys.executable).resolve()
    script = f"""
    def shared():
        link = socket.socket()
        link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        link.bind(("", 443)); link.listen()
        return link
    import shutil
    shutil.copy("/bin/sleep", {str(tmp_path / "second")!r})
    a, b = shared(), shared()
    os.set_inheritable(b.fileno(), True)
    child = subprocess.Popen([{str(tmp_path / "second")!r}, "60"], close_fds=False)
    b.close()
    show(collect().items)
    child.kill()
    """
    owners = seen(script)["tcp:443:wildcard"]["owners"]
    assert {owner["exe"] for owner in owners} == {str(other), str(tmp_path / "second")}


def test_a_listener_in_another_network_namespace_is_an_item_under_its_name() -> None:
    script = """
    os.system("ip netns add blue")
    a = tcp(80)
    b = elsewhere(SERVER.replace("PORT", "80"), inside=("ip", "netns", "exec", "blue"))
    show(collect().items)
    """
    assert list(seen(script)) == ["tcp:80:wildcard", "tcp:80:wildcard@netns blue".replace(" ", "_")]


def test_a_namespace_without_a_name_is_called_by_the_unit_of_its_oldest_process() -> None:
    script = """
    from vps_sentry.proc import owners
    b = elsewhere(SERVER.replace("PORT", "8080"))
    print(owners.parse_unit(open("/proc/self/cgroup", "rb").read()).partition("/")[0].replace(" ", "_"))
    print(*[key for key in collect().items if key.startswith("tcp:8080")])
    """
    unit, key = alone(PORTS + ELSEWHERE + textwrap.dedent(script))
    assert key == f"tcp:8080:wildcard@{unit}"


def test_an_empty_namespace_and_hidden_processes_are_said() -> None:
    script = """
    os.system("ip netns add blue; ip netns add netns-94b88b67-3cd8-d9f3-6718-78c9e9e1b726")
    child = subprocess.Popen(["sleep", "60"])
    os.setresuid(65534, 65534, 65534)
    show(collect().items)
    """
    items = seen(script)
    assert list(items) == [
        "not_checked:namespace_blue",
        "not_checked:namespace_netns-*",
        "not_checked:processes",
    ]
    assert items["not_checked:namespace_blue"]["reason"].startswith("no_process_lives_in_network_namespace_blue,")


def test_an_announced_port_that_changes_hands_is_told_until_it_is_accepted(tmp_path: Path) -> None:
    """`expected` without a program silences the opening; the first owner is what a change is measured by (A7)."""
    script = f"""
    import shutil
    shutil.copy("/bin/sleep", {str(tmp_path / "thief")!r})
    a = tcp(443)
    first = collect(expected=("tcp:443",))
    os.set_inheritable(a.fileno(), True)
    child = subprocess.Popen([{str(tmp_path / "thief")!r}, "60"], close_fds=False)
    a.close()
    second = collect(first.memory, expected=("tcp:443",))
    print(len(first.signals), *[signal.code + "=" + signal.key for signal in second.signals])
    third = collect(second.memory, expected=("tcp:443",), baseline=second.items)
    print(len(third.signals), third.memory["first"])
    child.kill()
    """
    assert alone(PORTS + textwrap.dedent(script)) == ["0", "port_owner_changed=tcp:443:wildcard", "0", "{}"]


def test_memory_of_another_release_means_look() -> None:
    with pytest.raises(LookupError):
        ports.stamps(Options(), Host(), {"settled": True, "ephemeral": []})
