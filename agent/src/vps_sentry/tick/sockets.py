# SPDX-License-Identifier: GPL-3.0-or-later
"""Listening sockets of one network namespace, straight from the kernel, for next to no imports."""

import _socket
import _struct
import sys
from errno import EBADMSG

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing collections or typing here would cost more than the whole look does.
    from collections.abc import Container, Iterable

Listener = tuple[str, int, bytes, int, int, int]
"""Protocol, address family (4 or 6), packed address, port, uid, socket inode."""

TCP, UDP, UDPLITE, PACKET, RAW = 6, 17, 136, 254, 255
NAMES = {TCP: "tcp", UDP: "udp", UDPLITE: "udplite", PACKET: "packet", RAW: "raw"}
FAMILIES = (4, 6)
NET = "/proc/net"

_DOMAIN = {4: int(_socket.AF_INET), 6: int(_socket.AF_INET6)}
# enum tcp_state: a listening TCP socket is TCP_LISTEN, an unconnected UDP socket TCP_CLOSE.
_STATE = {TCP: 10, UDP: 7, UDPLITE: 7}
_REGISTERED = {TCP: "TCP", UDP: "UDP", UDPLITE: "UDP-Lite", RAW: "RAW"}
_REGISTERED6 = {TCP: "TCPv6", UDP: "UDPv6", UDPLITE: "UDPLITEv6", RAW: "RAWv6"}

# linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h; see sock_diag(7)
_SOCK_DIAG = 4
_DIAG_BY_FAMILY = 20
_ERROR, _DONE = 2, 3
_DUMP_REQUEST = 0x301
_DUMP_INTERRUPTED = 0x10
_SECONDS = 5.0
_HEADER = _struct.Struct("=IHH8x")
_REQUEST = _struct.Struct("=IHHIIBBxxI48x")
_ANSWER = _struct.Struct("=16xBxxx2s2x16s40xII")
_STATUS = _struct.Struct("=16xi")
_RECORD = _struct.Struct("=BB2s16sII")


def unpack(record: bytes) -> Listener:
    """One record of ``records`` in words."""
    protocol, family, port, address, uid, inode = _RECORD.unpack(record)
    return (
        NAMES[protocol],
        family,
        address[: 4 if family == 4 else 16],
        int.from_bytes(port, "big"),
        uid,
        inode,
    )


def records(net: str = NET) -> list[bytes]:
    """The listening sockets of the own namespace as sorted packed records, equal on both ways of reading.

    TCP listeners, unconnected UDP and UDP-Lite, raw and packet sockets (packet(7)); the "port" of the last two is
    the IP protocol or the Ethernet type they hear. UDP-Lite, raw and packet sockets are few: their /proc files
    cost less than making the kernel look for a diag module on each call, as it does when it has none.
    Raises OSError where neither sock_diag(7) nor ``net`` can be read.
    """
    found: list[bytes] = []
    for family in FAMILIES:
        for protocol in (TCP, UDP):
            try:
                found += ask_kernel(protocol, family)
            except OSError:
                found += read_proc(protocol, family, net=net)
        for protocol in (UDPLITE, RAW):
            found += read_proc(protocol, family, net=net)
    return sorted(found + read_packet(net))


def records_through(net: str, used: "Container[str]") -> list[bytes]:
    """The same of the namespace behind ``net``, /proc/PID/net say, which netlink does not reach. Raises OSError.

    ``used`` are the protocols with sockets there: to list none, the kernel would walk its table of all connections.
    """
    found = read_packet(net) if "PACKET" in used else []
    for family, names in ((4, _REGISTERED), (6, _REGISTERED6)):
        for protocol, name in names.items():
            if name in used:
                found += read_proc(protocol, family, net=net)
    return sorted(found)


def ask_kernel(protocol: int, family: int) -> list[bytes]:
    """Records of one protocol and family by a sock_diag(7) dump. Raises OSError."""
    link = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW | _socket.SOCK_CLOEXEC, _SOCK_DIAG)
    try:
        link.settimeout(_SECONDS)
        states = 1 << _STATE[protocol]
        link.send(_REQUEST.pack(_REQUEST.size, _DIAG_BY_FAMILY, _DUMP_REQUEST, 1, 0, _DOMAIN[family], protocol, states))
        found: list[bytes] = []
        done = False
        while not done:
            data, _, flags, sender = link.recvmsg(65536)
            # Port 0 is the kernel; anybody else with the right to send is not the one we asked.
            if sender[0] == 0:
                if flags & _socket.MSG_TRUNC:
                    raise OSError(EBADMSG, "the kernel's answer was cut off")
                part, done = parse_answer(data, protocol)
                found += part
        return found
    finally:
        link.close()


def parse_answer(data: bytes, protocol: int) -> tuple[list[bytes], bool]:
    """One netlink datagram as records, and whether it ends the dump.

    Raises OSError with the kernel's own error, or EBADMSG for anything that is not a whole answer.
    """
    found: list[bytes] = []
    at = 0
    while at < len(data):
        length, kind, flags = _HEADER.unpack_from(data, at) if len(data) - at >= 16 else (0, 0, 0)
        if length < 16 or at + length > len(data):
            raise OSError(EBADMSG, "a netlink message is cut off")
        if kind in (_ERROR, _DONE):
            _refuse(data[at : at + length], kind)
            return found, True
        if kind != _DIAG_BY_FAMILY or flags & _DUMP_INTERRUPTED or length < _ANSWER.size:
            raise OSError(EBADMSG, "a netlink message is not a whole socket record")
        domain, port, address, uid, inode = _ANSWER.unpack_from(data, at)
        family = 4 if domain == _DOMAIN[4] else 6
        found.append(_RECORD.pack(protocol, family, port, address, uid, inode))
        at += length + (-length & 3)
    return found, False


def _refuse(message: bytes, kind: int) -> None:
    if len(message) < _STATUS.size:
        raise OSError(EBADMSG, "a netlink message is cut off")
    status = _STATUS.unpack_from(message)[0]
    if status < 0:
        raise OSError(-status, "the kernel refused to list its sockets")
    if kind == _ERROR:
        raise OSError(EBADMSG, "the kernel acknowledged instead of answering")


def read_proc(protocol: int, family: int, *, net: str = NET) -> list[bytes]:
    """Records of one protocol and family from proc(5) files below ``net``; none where the kernel lacks it.

    Raises OSError when the file is unreadable, cut off, or missing although the kernel has the protocol.
    """
    path = f"{net}/{NAMES[protocol]}" + ("6" if family == 6 else "")
    try:
        with open(path, "rb") as lines:
            return parse_proc(lines, protocol, family=family)
    except FileNotFoundError:
        name = (_REGISTERED6 if family == 6 else _REGISTERED)[protocol]
        with open(f"{net}/protocols", "rb") as lines:
            if any(line.split(None, 1)[:1] == [name.encode()] for line in lines):
                raise
        return []


def read_packet(net: str = NET) -> list[bytes]:
    """Records of packet(7) sockets, address and family left empty; none where the kernel lacks them. Raises OSError."""
    try:
        with open(net + "/packet", "rb") as lines:
            return parse_packet(lines)
    except FileNotFoundError:
        with open(net + "/protocols", "rb") as lines:
            if any(line.split(None, 1)[:1] == [b"PACKET"] for line in lines):
                raise
        return []


def parse_packet(lines: "Iterable[bytes]") -> list[bytes]:
    """Lines of /proc/net/packet: sk, references, type, Ethernet type, interface, R, memory, uid, inode."""
    found = []
    rows = iter(lines)
    if b"Inode" not in next(rows, b""):
        raise OSError(EBADMSG, "no heading in a list of sockets")
    for row in rows:
        fields = row.split()
        if len(fields) < 9 or not row.endswith(b"\n"):
            raise OSError(EBADMSG, "a line in a list of sockets is cut off")
        try:
            numbers = b"".join(int(field).to_bytes(4, sys.byteorder) for field in fields[7:9])
            found.append(bytes((PACKET, 0)) + int(fields[3], 16).to_bytes(2, "big") + bytes(16) + numbers)
        except (ValueError, OverflowError) as exc:
            raise OSError(EBADMSG, "a line in a list of sockets is malformed") from exc
    return found


def parse_proc(lines: "Iterable[bytes]", protocol: int, *, family: int) -> list[bytes]:
    """Lines of /proc/net/{tcp,udp,udplite,raw}[6] as records. Raises OSError (EBADMSG) for a malformed one."""
    found: list[bytes] = []
    wanted = b"%02X" % _STATE[protocol] if protocol in _STATE else None
    rows = iter(lines)
    if b"local_address" not in next(rows, b""):
        raise OSError(EBADMSG, "no heading in a list of sockets")
    for row in rows:
        fields = row.split()
        if len(fields) < 10 or not row.endswith(b"\n"):
            raise OSError(EBADMSG, "a line in a list of sockets is cut off")
        if protocol == TCP and fields[3] != wanted:
            break  # The kernel lists all that listen first (tcp_seq_start of net/ipv4/tcp_ipv4.c), then connections.
        if wanted is None or fields[3] == wanted:
            try:
                found.append(bytes((protocol, family)) + _pack(fields, family))
            except (ValueError, OverflowError) as exc:
                raise OSError(EBADMSG, "a line in a list of sockets is malformed") from exc
    return found


def _pack(fields: list[bytes], family: int) -> bytes:
    words, port = fields[1].split(b":")
    if len(words) != (8 if family == 4 else 32):
        raise ValueError(words)
    # The kernel prints each 32-bit word of the address as a number in the machine's own order.
    address = b"".join(int(words[i : i + 8], 16).to_bytes(4, sys.byteorder) for i in range(0, len(words), 8))
    numbers = b"".join(int(field).to_bytes(4, sys.byteorder) for field in (fields[7], fields[9]))
    return int(port, 16).to_bytes(2, "big") + address.ljust(16, b"\0") + numbers
