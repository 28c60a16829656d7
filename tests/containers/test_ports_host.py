# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports on a real host, from inside the unit: other network namespaces, takeovers, and the same sight as outside it."""

from __future__ import annotations

import json
import os
import time
from typing import Any, Dict, List

import pytest
from support.engine import SUITE, image
from support.lab import Lab, wait_for
from support.watched import STATE, Watched
from vps_sentry.checks import Context, ports
from vps_sentry.host import Host
from vps_sentry.proc.owners import FOREIGN

pytestmark = pytest.mark.container

LISTEN = "import socket, time; s = socket.create_server(('0.0.0.0', {port})); time.sleep(900)"
ROUTED = "import os; os.system('ip link set lo up; ip addr add 10.9.9.9/32 dev lo'); " + LISTEN
BLUE = """
ip netns add blue
ip link add outer type veth peer name inner netns blue
ip link set outer up
ip -n blue addr add 10.77.0.2/24 dev inner
ip -n blue link set inner up
"""
# webd: an interpreter under a name of its own. It hands its socket to whoever asks, and forgets it.
WEBD = """
import socket, time
link = socket.create_server(("0.0.0.0", 443))
door = socket.socket(socket.AF_UNIX)
door.bind("/run/door")
door.listen()
asker, _ = door.accept()
socket.send_fds(asker, [b"x"], [link.fileno()])
link.close()
time.sleep(900)
"""
THIEF = """
import socket, time
door = socket.socket(socket.AF_UNIX)
door.connect("/run/door")
_, descriptors, _, _ = socket.recv_fds(door, 1, 1)
print("taken", flush=True)
time.sleep(900)
"""


# Whatever a test before this one has started.
CLEAR = """
systemctl stop inner sealed jail webd thief echo.socket echo.service 2>/dev/null || true
systemctl reset-failed
! ip netns list | grep -q blue || ip netns del blue
rm -f /run/door
mount -o remount,hidepid=0 /proc
"""


@pytest.fixture(name="accepted")
def _accepted(host: Watched) -> Watched:
    """Nothing of these tests runs; everything as it is now is accepted and told."""
    host.machine.run(["sh", "-euc", CLEAR])
    host.calm()
    return host


def start(host: Watched, unit: str, *words: str, program: str = "/usr/bin/python3", script: str = "") -> None:
    host.machine.run(["systemd-run", "--quiet", "--collect", f"--unit={unit}", *words, program, "-c", script])


def start_inner(host: Watched) -> None:
    """A listener in a network namespace that has a name."""
    host.machine.run(["sh", "-euc", BLUE])
    start(host, "inner", "ip", "netns", "exec", "blue", script=LISTEN.format(port=8080))
    listens(host, 8080, "ip", "netns", "exec", "blue")


def start_jail(host: Watched) -> None:
    """A listener in a network namespace of a unit, with a way out."""
    start(host, "jail", "-p", "PrivateNetwork=yes", script=ROUTED.format(port=8082))
    listens(host, 8082, *inside(host, "jail"))


def listens(host: Watched, port: int, *inside: str) -> None:
    def open_now() -> bool:
        return f":{port} " in host.machine.run([*inside, "ss", "-Hltn"]).stdout

    wait_for(open_now, seconds=20, what=f"port {port} to open; look at: systemctl --failed, journalctl -n 50")


def inside(host: Watched, unit: str) -> List[str]:
    """The words that run a command in the network namespace of a unit."""
    pid = host.machine.run(["systemctl", "show", "-P", "MainPID", unit]).stdout.strip()
    return ["nsenter", "-t", pid, "-n"]


def ports_heard(host: Watched) -> List[tuple[str, str, str, str]]:
    return [entry for entry in host.heard() if "port" in entry[2]]


def items(host: Watched) -> Dict[str, Any]:
    found: Dict[str, Any] = json.loads(host.machine.read(f"{STATE}/snapshot/ports.json"))
    assert "ok" == found["status"], found["error"]
    return dict(found["items"])


def test_a_listener_in_a_named_namespace_is_told_with_its_name(accepted: Watched) -> None:
    start_inner(accepted)
    accepted.tick()
    assert [("critical", "open", "port_opened", "tcp:8080:wildcard@netns blue")] == ports_heard(accepted)
    (owner,) = items(accepted)["tcp:8080:wildcard@netns blue"]["owners"]
    assert ("inner.service", "root") == (owner["unit"], owner["user"])


def test_a_namespace_of_a_unit_is_called_by_the_unit(accepted: Watched) -> None:
    start(accepted, "sealed", "-p", "PrivateNetwork=yes", script=LISTEN.format(port=8081))
    start_jail(accepted)
    accepted.tick()
    assert [("critical", "open", "port_opened", "tcp:8082:wildcard@jail.service")] == ports_heard(accepted)
    accepted.machine.run(["systemctl", "restart", "jail"])
    listens(accepted, 8082, *inside(accepted, "jail"))
    accepted.tick()
    assert [] == ports_heard(accepted), "another namespace of the same unit is no other port"


def test_the_unit_sees_what_a_person_sees(accepted: Watched) -> None:
    """Also where /proc hides the processes of others: CAP_SYS_PTRACE, which the unit keeps, sees them."""
    start_inner(accepted)
    start_jail(accepted)
    accepted.machine.run(["sh", "-euc", f"rm -rf {STATE}/stamps; mount -o remount,hidepid=2 /proc"])
    accepted.tick()
    seen = items(accepted)
    accepted.machine.run(["vps-sentry"], check=False)
    assert seen == items(accepted)
    assert {"tcp:22:wildcard", "tcp:8080:wildcard@netns blue", "tcp:8082:wildcard@jail.service"} <= set(seen)


@pytest.mark.weakness(11)
def test_a_rogue_program_that_is_handed_an_accepted_port_is_critical(accepted: Watched) -> None:
    """Neither address nor inode nor user of the socket moves, only who holds it."""
    accepted.machine.run(["sh", "-euc", "cp -L /usr/bin/python3 /usr/local/bin/webd"])
    start(accepted, "webd", program="/usr/local/bin/webd", script=WEBD)
    listens(accepted, 443)
    accepted.calm()
    inode = "ss -Hltne 'sport = 443' | grep -o 'ino:[0-9]*'"
    before = accepted.machine.run(["sh", "-euc", inode]).stdout
    start(accepted, "thief", script=THIEF)
    taken = ["sh", "-c", "journalctl -q -u thief -o cat | grep -cx taken"]
    wait_for(
        lambda: "1" == accepted.machine.run(taken, check=False).stdout.strip(), seconds=20, what="the socket to move"
    )
    assert before == accepted.machine.run(["sh", "-euc", inode]).stdout
    assert 3 == accepted.tick()
    assert ("critical", "open", "port_owner_changed", "tcp:443:wildcard") in ports_heard(accepted)
    (owner,) = items(accepted)["tcp:443:wildcard"]["owners"]
    assert (True, "thief.service") == (owner["exe"].startswith("/usr/bin/python3"), owner["unit"])


ECHO = """
printf '[Socket]\nListenStream=7777\n' >/etc/systemd/system/echo.socket
printf '[Service]\nExecStart=/usr/local/bin/echod\nStandardInput=null\n' >/etc/systemd/system/echo.service
cp -L /bin/sleep /usr/local/bin/echod
sed -i 's,echod,echod 900,' /etc/systemd/system/echo.service
systemctl daemon-reload
systemctl start echo.socket
"""


def test_the_service_of_a_socket_unit_is_no_stranger_when_somebody_connects(accepted: Watched) -> None:
    """As ssh.socket is on Ubuntu: systemd listens, sshd joins with the first connection."""
    accepted.machine.run(["sh", "-euc", ECHO])
    accepted.calm()
    assert ["echo.service"] == items(accepted)["tcp:7777:wildcard"]["activates"]
    accepted.machine.run(["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/7777"])
    active = ["systemctl", "is-active", "--quiet", "echo.service"]
    wait_for(lambda: accepted.machine.run(active, check=False).returncode == 0, seconds=20, what="the service to start")
    accepted.machine.run(["vps-sentry"], check=False)
    units = {owner["unit"] for owner in items(accepted)["tcp:7777:wildcard"]["owners"]}
    assert {"init.scope", "echo.service"} == units
    accepted.tick()
    assert [] == ports_heard(accepted)

    accepted.machine.run(["sh", "-euc", "echo '[Socket]\nService=other.service' >>/etc/systemd/system/echo.socket"])
    accepted.tick()
    assert [("warning", "changed", "port_owner_changed", "tcp:7777:wildcard")] == ports_heard(accepted)


def test_a_published_port_is_held_by_the_engine_and_the_container_has_its_own(lab: Lab) -> None:
    """Here the tests' own machine is the container host: its sockets, its processes, its namespaces."""
    name = f"vps-sentry-test-published-{os.getpid()}"
    server = (
        "import socket, time; s = socket.create_server(('0.0.0.0', 8099)); print('up', flush=True); time.sleep(300)"
    )
    words = ["run", "--detach", "--rm", "--timeout=300", f"--name={name}", "--publish=127.0.0.1::8099"]
    lab.engine.run(*words, image(SUITE), "python3", "-c", server)
    try:
        wait_for(lambda: "up" in lab.engine.run("logs", name).stdout, seconds=20, what="the container to listen")
        port = lab.engine.run("port", name, "8099").stdout.strip().rpartition(":")[2]
        seen = ports.CHECK.collect(Context(Host(), ports.Options(), int(time.time()), {}))
    finally:
        lab.engine.run("kill", name, check=False)
    published: Any = seen.items[f"tcp:{port}:loopback"]["owners"]
    assert {owner["exe"].rpartition("/")[2] for owner in published} & {"conmon", "docker-proxy", "dockerd"}
    (own,) = (key for key in seen.items if key.startswith("tcp:8099:wildcard@"))
    owners: Any = seen.items[own]["owners"]
    assert all(owner["exe"].endswith(FOREIGN) for owner in owners)
    assert seen.items["not_checked:nat"]["reason"]
