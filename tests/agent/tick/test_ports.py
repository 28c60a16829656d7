# SPDX-License-Identifier: GPL-3.0-or-later
"""The stamp of the ports check: whatever the check could see moves it, connections and passing sockets do not."""

from __future__ import annotations

import textwrap

import pytest
from support.alone import ELSEWHERE, alone

STAMP = """
from vps_sentry.tick import ports
EPHEMERAL = (32768, 60999)
def weigh(known=()):
    found, hidden = ports.look()
    return ports.weigh(found, hidden, ephemeral=EPHEMERAL, known=known)
def take(seal, *, until=600, known=(), waiting=(), witnesses=()):
    return ports.take(seal, int(time.time()) + until, (EPHEMERAL, known, waiting), witnesses)
def say(answer):
    print(answer.partition(b":")[0].decode() or "unmoved", flush=True)
"""
MOVES = [
    pytest.param("b = tcp(4002)", id="a port opened"),
    pytest.param("a.close()", id="a port closed"),
    pytest.param("a.close(); a = tcp(4001)", id="same port, another socket: somebody took it over"),
    pytest.param("b = udp(5001)", id="datagrams"),
    pytest.param("b = udp(5001, socket.AF_INET6)", id="IPv6"),
    pytest.param("b = tcp(40000)", id="a stream on an ephemeral port"),
    pytest.param("b = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 136); b.bind(('', 5001))", id="UDP-Lite"),
    pytest.param("b = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)", id="a raw socket hears everything"),
    pytest.param("os.fchown(a.fileno(), 65534, -1)", id="the socket belongs to another user"),
    pytest.param("b = elsewhere(SERVER.replace('PORT', '80'))", id="a port in another network namespace"),
]


@pytest.mark.parametrize("move", MOVES)
def test_every_movement_moves_the_stamp(move: str) -> None:
    script = f"a = tcp(4001)\nseal, _ = weigh()\nsay(take(seal))\n{move}\nsay(take(seal))\n"
    assert alone(STAMP + ELSEWHERE + script) == ["unmoved", "moved"]


QUIET = [
    pytest.param("b = udp(0); b.connect(('127.0.0.1', 9))", id="a connected datagram socket"),
    pytest.param("c = socket.create_connection(('127.0.0.1', 4001))", id="a connection"),
    pytest.param("b = elsewhere(SERVER.replace('PORT', '80'), address='')", id="a namespace without a way out"),
    pytest.param(
        "b = elsewhere('print(\"ready\", flush=True); import sys; sys.stdin.read()')", id="nobody listens there"
    ),
]


@pytest.mark.parametrize("move", QUIET)
def test_what_cannot_become_an_item_does_not_move_the_stamp(move: str) -> None:
    script = f"os.system('ip link set lo up')\na = tcp(4001)\nseal, _ = weigh()\n{move}\nsay(take(seal))\n"
    assert alone(STAMP + ELSEWHERE + script) == ["unmoved"]


@pytest.mark.weakness(11)
@pytest.mark.parametrize(
    "guest",
    [
        pytest.param("udp(40000)", id="an ephemeral datagram port"),
        pytest.param("socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))", id="a packet socket"),
    ],
)
def test_a_passing_socket_is_noted_and_counts_once_it_is_known_or_awaited(guest: str) -> None:
    """A name server's questions must not wake the agent at every tick."""
    script = f"""
    a = tcp(4001)
    seal, _ = weigh()
    b = {guest}
    answer = take(seal)
    say(answer)
    note = answer[6:]
    say(take(seal, waiting=(note,)))
    say(take(seal, known=(note,)))
    full, _ = weigh(known=(note,))
    say(take(full, known=(note,)))
    b.close()
    say(take(full, known=(note,)))
    say(take(seal))
    b = {guest}
    print(take(seal)[6:] == note)
    """
    assert alone(STAMP + textwrap.dedent(script)) == ["noted", "moved", "moved", "unmoved", "moved", "unmoved", "True"]


def test_more_passing_sockets_than_can_be_noted_are_a_movement() -> None:
    script = """
    seal, _ = weigh()
    crowd = [udp(40000 + number) for number in range(ports.NOTES)]
    answer = take(seal)
    print(len(set(answer[6 + at : 10 + at] for at in range(0, len(answer) - 6, 4))))
    crowd.append(udp(50000))
    say(take(seal))
    """
    assert alone(STAMP + textwrap.dedent(script)) == ["256", "moved"]


@pytest.mark.parametrize(
    ("until", "answer"),
    [
        pytest.param(600, "unmoved", id="fresh"),
        pytest.param(0, "moved", id="over"),
        pytest.param(-5, "moved", id="long over"),
        pytest.param(3700, "moved", id="the clock was set back"),
    ],
)
def test_the_owners_of_the_last_look_count_for_an_hour(until: int, answer: str) -> None:
    """A descriptor handed to another program moves no socket (A6)."""
    assert alone(STAMP + f"a = tcp(4001)\nsay(take(weigh()[0], until={until}))\n") == [answer]


def test_what_cannot_be_looked_at_is_part_of_the_stamp() -> None:
    script = """
    seal, _ = weigh()
    assert os.system("ip netns add blue") == 0
    found, hidden = ports.look()
    print("namespace blue" in hidden)
    say(take(seal))
    child = elsewhere(SERVER.replace("PORT", "80"), inside=("ip", "netns", "exec", "blue"))
    print("namespace blue" in ports.look()[1])
    """
    assert alone(STAMP + ELSEWHERE + textwrap.dedent(script)) == ["True", "moved", "False"]


def test_more_namespaces_than_are_looked_at_are_said() -> None:
    script = """
    ports.spaces.LIMIT = 1
    first = elsewhere(SERVER.replace("PORT", "80"))
    print(ports.MANY in ports.look()[1])
    second = elsewhere(SERVER.replace("PORT", "81"))
    found, hidden = ports.look()
    print(ports.MANY in hidden, len(found))
    """
    assert alone(STAMP + ELSEWHERE + textwrap.dedent(script)) == ["False", "True", "2"]
