# SPDX-License-Identifier: GPL-3.0-or-later
"""The lean reader of listening sockets, against sockets the tests really open."""

from __future__ import annotations

import errno
import os
import socket
import struct
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path
from typing import Iterator, List

import pytest
from support.alone import alone
from vps_sentry.tick import sockets

SOURCE = Path(sockets.__file__).parents[2]
MAPPED_LOOPBACK = b"\0" * 10 + b"\xff\xff\x7f\0\0\1"


def listeners() -> List[sockets.Listener]:
    return [sockets.unpack(record) for record in sockets.records()]


def opened(domain: int, kind: int, address: str, *, protocol: int = 0) -> socket.socket:
    link = socket.socket(domain, kind, protocol)
    if kind != socket.SOCK_RAW:
        link.bind((address, 0))
    if kind == socket.SOCK_STREAM:
        link.listen()
    return link


@pytest.mark.parametrize(
    ("domain", "kind", "address", "protocol", "family", "packed"),
    [
        pytest.param(socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1", "tcp", 4, b"\x7f\0\0\1", id="tcp4-loopback"),
        pytest.param(socket.AF_INET, socket.SOCK_STREAM, "0.0.0.0", "tcp", 4, b"\0" * 4, id="tcp4-wildcard"),
        pytest.param(socket.AF_INET6, socket.SOCK_STREAM, "::1", "tcp", 6, b"\0" * 15 + b"\1", id="tcp6-loopback"),
        pytest.param(socket.AF_INET6, socket.SOCK_STREAM, "::", "tcp", 6, b"\0" * 16, id="tcp6-dual-stack"),
        pytest.param(
            socket.AF_INET6, socket.SOCK_STREAM, "::ffff:127.0.0.1", "tcp", 6, MAPPED_LOOPBACK, id="tcp6-mapped"
        ),
        pytest.param(socket.AF_INET, socket.SOCK_DGRAM, "127.0.0.1", "udp", 4, b"\x7f\0\0\1", id="udp4"),
        pytest.param(socket.AF_INET6, socket.SOCK_DGRAM, "::1", "udp", 6, b"\0" * 15 + b"\1", id="udp6"),
    ],
)
def test_a_listener_is_seen_as_it_is(
    domain: int, kind: int, address: str, protocol: str, family: int, packed: bytes
) -> None:
    with closing(opened(domain, kind, address)) as link:
        inode = os.fstat(link.fileno()).st_ino
        expected = (protocol, family, packed, link.getsockname()[1], os.geteuid(), inode)
        assert [entry for entry in listeners() if entry[5] == inode] == [expected]
        number = {"tcp": sockets.TCP, "udp": sockets.UDP}[protocol]
        for way in (sockets.ask_kernel(number, family), sockets.read_proc(number, family)):
            assert [entry for entry in map(sockets.unpack, way) if entry[5] == inode] == [expected]
    assert [entry for entry in listeners() if entry[5] == inode] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="raw sockets need root")
@pytest.mark.weakness(11)
def test_a_raw_socket_is_seen_with_its_ip_protocol() -> None:
    with closing(opened(socket.AF_INET, socket.SOCK_RAW, "", protocol=132)) as link:
        inode = os.fstat(link.fileno()).st_ino
        seen = [entry for entry in listeners() if entry[5] == inode]
    assert seen == [("raw", 4, b"\0" * 4, 132, 0, inode)]


@pytest.mark.skipif(os.geteuid() != 0, reason="packet sockets need root")
@pytest.mark.weakness(11)
def test_a_packet_socket_is_seen_with_the_frames_it_hears() -> None:
    """Backdoors such as BPFDoor wait for a frame on no port at all."""
    with closing(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))) as link:
        inode = os.fstat(link.fileno()).st_ino
        seen = [entry for entry in listeners() if entry[5] == inode]
    assert seen == [("packet", 0, b"\0" * 16, 0x0800, 0, inode)]


def test_an_mptcp_listener_is_in_the_list_of_tcp_under_its_own_inode() -> None:
    """Programs in Go listen so without asking for it."""
    try:
        link = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
    except OSError:
        pytest.skip("the kernel has no MPTCP")
    with closing(link):
        link.bind(("127.0.0.1", 0))
        link.listen()
        inode = os.fstat(link.fileno()).st_ino
        assert [entry[3] for entry in listeners() if entry[5] == inode] == [link.getsockname()[1]]


def test_sockets_that_wait_for_nobody_are_not_listeners() -> None:
    with closing(opened(socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1")) as server:
        client = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
        asking = opened(socket.AF_INET, socket.SOCK_DGRAM, "127.0.0.1")
        asking.connect(("127.0.0.1", 9))
        with closing(client), closing(accepted), closing(asking):
            inodes = {os.fstat(link.fileno()).st_ino for link in (client, accepted, asking)}
            assert [entry for entry in listeners() if entry[5] in inodes] == []


IMPORT = """
from vps_sentry.tick import sockets
def say():
    print(b"".join(sockets.records()).hex())
"""


def test_a_list_of_many_datagrams_is_read_to_its_end() -> None:
    script = """
    opened = [tcp(10000 + number) for number in range(900)]
    print(len(sockets.ask_kernel(sockets.TCP, 4)), len(sockets.read_proc(sockets.TCP, 4)))
    """
    assert alone(IMPORT + textwrap.dedent(script)) == ["900", "900"]


# seccomp(2) as a unit's RestrictAddressFamilies= without AF_NETLINK makes it: socket(2) answers EAFNOSUPPORT.
REFUSE_NETLINK = """
import ctypes, platform, struct
SOCKET = {"x86_64": 41, "aarch64": 198}[platform.machine()]
code = b"".join(struct.pack("=HBBI", *line) for line in (
    (0x20, 0, 0, 0), (0x15, 0, 3, SOCKET), (0x20, 0, 0, 16), (0x15, 0, 1, 16),
    (0x06, 0, 0, 0x50000 | 97), (0x06, 0, 0, 0x7FFF0000)))
buffer = ctypes.create_string_buffer(code)
class Program(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
libc = ctypes.CDLL(None, use_errno=True)
def refuse_netlink():
    assert libc.prctl(38, 1, 0, 0, 0) == 0
    assert libc.prctl(22, 2, ctypes.byref(Program(6, ctypes.addressof(buffer)))) == 0
"""


def test_without_netlink_the_proc_files_give_the_same_records() -> None:
    script = """
    a = tcp(4001)
    b = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); b.bind(("", 5001))
    say()
    refuse_netlink()
    try:
        sockets.ask_kernel(sockets.TCP, 4)
    except OSError as exc:
        print(exc.errno)
    say()
    """
    before, refused, after = alone(IMPORT + REFUSE_NETLINK + textwrap.dedent(script))
    assert (refused, after) == (str(errno.EAFNOSUPPORT), before)


def test_without_netlink_and_proc_the_look_fails_instead_of_finding_nothing() -> None:
    script = """
    refuse_netlink()
    try:
        print(sockets.records("/nowhere"))
    except OSError as exc:
        print(type(exc).__name__)
    """
    assert alone(IMPORT + REFUSE_NETLINK + textwrap.dedent(script)) == ["FileNotFoundError"]


def record(
    *, domain: int = socket.AF_INET, port: int = 22, address: bytes = b"\0" * 4, flags: int = 2, size: int = 88
) -> bytes:
    """A message of the kernel as linux/inet_diag.h lays it out: uid 7, inode 9."""
    body = struct.pack("=BBBB", domain, 10, 0, 0) + struct.pack("!HH", port, 0) + address.ljust(16, b"\0")
    body += b"\0" * 16 + b"\0" * 12 + b"\0" * 12 + struct.pack("=II", 7, 9)
    return struct.pack("=IHHII", size, 20, flags, 1, 0) + body


def ending(kind: int, *status: int) -> bytes:
    return struct.pack("=IHHII", 16 + 4 * len(status), kind, 2, 1, 0) + struct.pack(f"={len(status)}i", *status)


def test_parse_answer_reads_every_record_of_a_datagram() -> None:
    padded = record(port=80, size=93) + b"\5\0\x08\0\0" + b"\0" * 3
    found, done = sockets.parse_answer(record() + padded + ending(3, 0), sockets.TCP)
    assert [sockets.unpack(entry)[3:] for entry in found] == [(22, 7, 9), (80, 7, 9)]
    assert done


def test_parse_answer_without_the_end_asks_for_more() -> None:
    assert sockets.parse_answer(record(), sockets.TCP)[1] is False


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(ending(2, -errno.ENOENT), errno.ENOENT, id="no-such-protocol"),
        pytest.param(ending(2, -errno.EPERM), errno.EPERM, id="refused"),
        pytest.param(ending(2, 0), errno.EBADMSG, id="an-acknowledgement-is-no-list"),
        pytest.param(ending(3, -errno.ENOMEM), errno.ENOMEM, id="dump-given-up-halfway"),
        pytest.param(ending(3), errno.EBADMSG, id="end-without-status"),
        pytest.param(record() + b"\1\2\3", errno.EBADMSG, id="half-a-header"),
        pytest.param(record()[:-1], errno.EBADMSG, id="half-a-record"),
        pytest.param(record(size=80)[:80] + ending(3, 0), errno.EBADMSG, id="record-too-short"),
        pytest.param(record(size=0), errno.EBADMSG, id="length-zero-would-never-end"),
        pytest.param(record(size=15), errno.EBADMSG, id="length-below-a-header"),
        pytest.param(record(size=0xFFFFFFFF), errno.EBADMSG, id="length-beyond-the-data"),
        pytest.param(record(flags=0x10), errno.EBADMSG, id="interrupted-dump-is-incomplete"),
        pytest.param(ending(4, 0), errno.EBADMSG, id="overrun"),
    ],
)
def test_a_bad_answer_is_an_error_and_never_a_shorter_list(data: bytes, code: int) -> None:
    with pytest.raises(OSError) as caught:  # noqa: PT011 - the number is what tells them apart
        sockets.parse_answer(data, sockets.TCP)
    assert caught.value.errno == code


HEADING = b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
LINE = b"   0: 0100007F:%s 00000000:0000 %s 00000000:00000000 00:00000000 00000000  1000        0 1151 1 0 100 0\n"


@pytest.mark.skipif(sys.byteorder != "little", reason="the sample is from a little-endian machine")
def test_parse_proc_keeps_listeners_only() -> None:
    lines = [HEADING, LINE % (b"0016", b"0A"), LINE % (b"0017", b"01"), LINE % (b"0018", b"06")]
    found = [sockets.unpack(entry) for entry in sockets.parse_proc(lines, sockets.TCP, family=4)]
    assert found == [("tcp", 4, b"\x7f\0\0\1", 22, 1000, 1151)]


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([], id="empty-file"),
        pytest.param([LINE % (b"0016", b"0A")], id="no-heading"),
        pytest.param([HEADING, b"   0: 0100007F:0016 00000000:0000 0A\n"], id="line-cut-off"),
        pytest.param([HEADING, (LINE % (b"0016", b"0A"))[:-5]], id="last-line-without-its-end"),
        pytest.param([HEADING, LINE % (b"zz16", b"0A")], id="port-is-no-number"),
        pytest.param([HEADING, LINE % (b"10016", b"0A")], id="port-too-large"),
        pytest.param([HEADING, (LINE % (b"0016", b"0A")).replace(b"0100007F", b"7F")], id="address-too-short"),
        pytest.param([HEADING, (LINE % (b"0016", b"0A")).replace(b"1151", b"99999999999")], id="inode-too-large"),
    ],
)
def test_a_malformed_list_is_an_error(lines: List[bytes]) -> None:
    with pytest.raises(OSError, match="list of sockets") as caught:
        sockets.parse_proc(lines, sockets.TCP, family=4)
    assert caught.value.errno == errno.EBADMSG


def test_a_protocol_the_kernel_lacks_has_no_sockets(tmp_path: Path) -> None:
    (tmp_path / "protocols").write_bytes(b"protocol  size sockets\nTCP       2304      1\n")
    assert sockets.read_proc(sockets.UDPLITE, 6, net=str(tmp_path)) == []


def test_a_missing_list_of_a_protocol_the_kernel_has_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "protocols").write_bytes(b"protocol  size sockets\nTCPv6     2304      1\n")
    with pytest.raises(FileNotFoundError):
        sockets.read_proc(sockets.TCP, 6, net=str(tmp_path))


def test_the_reader_imports_next_to_nothing() -> None:
    program = f"import sys; sys.path.insert(0, {str(SOURCE)!r}); from vps_sentry.tick import ports; ports.look()"
    program += "; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    banned = {"json", "re", "dataclasses", "typing", "subprocess", "socket", "enum", "struct", "os", "collections"}
    assert sorted(banned & set(done.stdout.split())) == []


PACKETS = b"sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n"
PACKET = b"00000000c8c8d903 3      3    0003   2     1 0      1000   226394\n"


def test_parse_packet_reads_type_user_and_inode() -> None:
    (found,) = sockets.parse_packet([PACKETS, PACKET])
    assert sockets.unpack(found) == ("packet", 0, b"\0" * 16, 3, 1000, 226394)


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([], id="empty-file"),
        pytest.param([PACKET], id="no-heading"),
        pytest.param([PACKETS, PACKET[:-1]], id="last-line-without-its-end"),
        pytest.param([PACKETS, PACKET[:40] + b"\n"], id="line-cut-off"),
        pytest.param([PACKETS, PACKET.replace(b"0003", b"xx03")], id="type-is-no-number"),
        pytest.param([PACKETS, PACKET.replace(b"226394", b"99999999999")], id="inode-too-large"),
    ],
)
def test_a_malformed_list_of_packet_sockets_is_an_error(lines: List[bytes]) -> None:
    with pytest.raises(OSError, match="list of sockets"):
        sockets.parse_packet(lines)


def test_connections_behind_the_listeners_are_not_read() -> None:
    """The kernel lists what listens first; twenty thousand connections must not be walked for nothing."""

    def lines() -> Iterator[bytes]:
        yield HEADING
        yield LINE % (b"0016", b"0A")
        yield LINE % (b"0017", b"01")
        raise AssertionError("read on")

    assert len(sockets.parse_proc(lines(), sockets.TCP, family=4)) == 1
