# SPDX-License-Identifier: GPL-3.0-or-later
"""What takes in traffic on this host and cannot be looked at: it is named instead of passed over."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# Names as in /proc/net/protocols. An MPTCP listener is in the list of TCP, with its own inode and owner.
_LOOKED_AT = ["TCP", "TCPv6", "MPTCP", "MPTCPv6", "UDP", "UDPv6", "UDP-Lite", "UDPLITEv6", "RAW", "RAWv6", "PACKET"]
# Between processes of this machine, or (PING) answers to what was sent from here.
_LOCAL = ["UNIX", "UNIX-STREAM", "NETLINK", "PING", "PINGv6", "ALG", "KEY"]
_UNCOUNTED = b"AF_VSOCK"
"""Never counts its sockets, so its presence is all that is known."""
NAT, VSOCK = "nat", "AF_VSOCK"


def in_use(net: str) -> "set[str]":
    """The protocols of this ``net`` folder that have sockets, or may have some. Raises OSError."""
    with open(net + "/protocols", "rb") as rows:
        return parse_protocols(rows)


def parse_protocols(rows: "Iterable[bytes]") -> "set[str]":
    """The lines of /proc/net/protocols below the heading: name, size, sockets in use, ..."""
    found = set()
    for row in list(rows)[1:]:
        name, _, used = [*row.split(), b"", b"", b""][:3]
        if used not in (b"0", b"-1") or name == _UNCOUNTED:
            found.add(name.decode("ascii", "backslashreplace"))
    return found


def unlisted(used: "set[str]") -> "set[str]":
    """Of the protocols in use those that take in traffic and that no list of ours holds."""
    return used.difference(_LOOKED_AT, _LOCAL)


def translates(proc: str = "/proc", module: str = "/sys/module/nft_chain_nat") -> bool:
    """Whether address translation is set up, which can open a port that no socket of this host stands for.

    The rules themselves are shown to CAP_NET_ADMIN only, which could also change them. So what is asked is whether
    the nat table of iptables or the nat chains of nftables are in use; where the kernel has no modules the latter
    cannot be told apart from none, and counts as in use.
    """
    for name in ("/net/ip_tables_names", "/net/ip6_tables_names"):
        try:
            with open(proc + name, "rb") as rows:
                if b"nat\n" in rows.readlines():
                    return True
        except FileNotFoundError:
            continue
    try:
        with open(module + "/refcnt", "rb") as handle:
            return handle.read().strip() != b"0"
    except FileNotFoundError:
        return not _has_modules(proc)


def _has_modules(proc: str) -> bool:
    try:
        with open(proc + "/modules", "rb"):
            return True
    except FileNotFoundError:
        return False
