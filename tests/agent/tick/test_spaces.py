# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces through /proc: vanished processes, ways out, and what is named instead of looked at."""

from __future__ import annotations

from pathlib import Path
from typing import List, Set, Tuple

import pytest
from vps_sentry.tick import spaces, unseen

LINK = "net:[4026532000]"


@pytest.fixture(name="proc")
def _proc(tmp_path: Path) -> Path:
    """Our process, one in another namespace, one that ended between listing and looking."""
    for name, link in (("self", "net:[1]"), ("1", "net:[1]"), ("7", LINK)):
        (tmp_path / name / "ns").mkdir(parents=True)
        (tmp_path / name / "ns" / "net").symlink_to(link)
    (tmp_path / "8").mkdir()
    (tmp_path / "sys").mkdir()
    return tmp_path


def test_other_namespaces_are_listed_with_their_processes(proc: Path) -> None:
    assert spaces.others(str(proc)) == ({LINK: ["7"]}, False)


def test_a_proc_that_cannot_be_listed_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        spaces.others(str(tmp_path / "none"))


def found(net: str) -> Tuple[List[bytes], Set[str]]:
    return [net.encode()], set()


def test_the_first_process_that_is_still_there_answers(proc: Path) -> None:
    assert spaces.through(LINK, ["8", "7"], read=found, proc=str(proc)) == ([f"{proc}/7/net".encode()], set())


def test_a_process_number_that_is_used_again_elsewhere_does_not_answer(proc: Path) -> None:
    assert spaces.through(LINK, ["1"], read=found, proc=str(proc)) is None


def test_an_unreadable_list_is_an_error_and_not_a_namespace_without_sockets(proc: Path) -> None:
    def refused(net: str) -> Tuple[List[bytes], Set[str]]:
        raise PermissionError(13, "no")

    with pytest.raises(PermissionError):
        spaces.through(LINK, ["7"], read=refused, proc=str(proc))


LOOPBACK4 = "Main:\n  +-- 127.0.0.0/8 2 0 2\n     |-- 127.0.0.0\n        /8 host LOCAL\n     |-- 127.0.0.1\n"
LOOPBACK6 = f"{'0' * 32} 00 {'0' * 32} 00 {'0' * 32} ffffffff 00000001 00000000 00200200       lo\n"
LINK_LOCAL = f"fe80{'0' * 28} 40 {'0' * 32} 00 {'0' * 32} 00000100 00000001 00000000 00000001     eth0\n"


@pytest.mark.parametrize(
    ("fib", "ipv6", "out"),
    [
        pytest.param("", "", False, id="nothing is up"),
        pytest.param(LOOPBACK4, LOOPBACK6, False, id="loopback only"),
        pytest.param(LOOPBACK4 + "     |-- 10.88.0.2\n", LOOPBACK6, True, id="an address, whatever the table"),
        pytest.param("     |-- 0.0.0.0\n        /0 universe UNICAST\n", "", True, id="a default route"),
        pytest.param(LOOPBACK4, LOOPBACK6 + LINK_LOCAL, True, id="IPv6 on an interface that is up"),
        pytest.param(LOOPBACK4, None, False, id="a kernel without IPv6"),
        pytest.param(None, LOOPBACK6, True, id="nothing tells"),
    ],
)
def test_ways_out(tmp_path: Path, fib: str, ipv6: str, out: bool) -> None:
    for name, text in (("fib_trie", fib), ("ipv6_route", ipv6)):
        if text is not None:
            (tmp_path / name).write_text(text)
    assert spaces.leads_out(str(tmp_path)) is out


HEADING = b"protocol  size sockets  memory press maxhdr  slab module     cl co\n"


@pytest.mark.parametrize(
    ("row", "unlisted"),
    [
        pytest.param(b"TCP       2304      5       1   no\n", set(), id="looked at"),
        pytest.param(b"UNIX      1024     99      -1   NI\n", set(), id="local"),
        pytest.param(b"SCTP      1800      1       1   no\n", {"SCTP"}, id="in use and without a list"),
        pytest.param(b"SCTP      1800      0       1   no\n", set(), id="nobody uses it"),
        pytest.param(b"TIPC      1800     -1       1   no\n", set(), id="not counted"),
        pytest.param(b"AF_VSOCK  1240      0      -1   NI\n", {"AF_VSOCK"}, id="never counts"),
        pytest.param(b"A\xff\x1b      1240      3      -1   NI\n", {"A\\xff\x1b"}, id="a name made to hurt"),
        pytest.param(b"SCTP\n", {"SCTP"}, id="cut off counts as in use"),
    ],
)
def test_protocols_in_use_that_no_list_holds(row: bytes, unlisted: Set[str]) -> None:
    assert unseen.unlisted(unseen.parse_protocols([HEADING, row])) == unlisted


@pytest.mark.parametrize(
    ("files", "in_force"),
    [
        pytest.param({"modules": "x"}, False, id="no table, no chain"),
        pytest.param({"modules": "x", "net/ip_tables_names": "filter\n"}, False, id="another table"),
        pytest.param({"modules": "x", "net/ip_tables_names": "filter\nnat\n"}, True, id="iptables"),
        pytest.param({"modules": "x", "net/ip6_tables_names": "nat\n"}, True, id="ip6tables"),
        pytest.param({"modules": "x", "refcnt": "0\n"}, False, id="the module lies idle"),
        pytest.param({"modules": "x", "refcnt": "3\n"}, True, id="nftables"),
        pytest.param({}, True, id="a kernel without modules cannot tell"),
    ],
)
def test_translated_addresses(tmp_path: Path, files: dict[str, str], in_force: bool) -> None:
    (tmp_path / "net").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert unseen.translates(str(tmp_path), str(tmp_path)) is in_force


def test_empty_namespaces_are_named(tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    (tmp_path / "ours").symlink_to("/proc/self/ns/net")
    assert spaces.empty(str(tmp_path), ()) == []
    assert spaces.empty(str(tmp_path / "none"), ()) == []
