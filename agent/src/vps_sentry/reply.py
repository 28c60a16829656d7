# SPDX-License-Identifier: GPL-3.0-or-later
"""The bundle of a host on which nothing moved: its header as it was made last, without reading a single item.

The header is believed while every file it was made of is the same file; a reader that holds not all of its buckets
gets them by the long way (``handout``). Every controller asks every host for this, so it imports next to nothing and
moves bytes: not even JSON is read.
"""

import sys
from posix import listdir, stat

from .tick import heartbeat, plain, record

TYPE_CHECKING = False
if TYPE_CHECKING:
    Header = tuple[int, bytes, tuple[bytes, ...]]
    """Run, time, and the canonical JSON of a bundle without them and the nonce: what stands before, between, after."""

NAME = "handout"
"""Where the header lies in the state directory."""
REQUEST_LIMIT = 256 * 1024
SLOTS = ("nonce", "run", "time")
"""The fields of a bundle that each answer fills in anew, in the order of canonical JSON."""
_ANSWER = b'{%b,"nonce":"%b",%b,"run":%d,%b,"time":"%b",%b}\n'
_STATE = ("last.json", "cursors.json", "baseline.json", "alerts.json", "logins.json")
_SSH = "/etc/ssh"
_DIGITS, _TIME = bytes.maketrans(b"123456789", b"0" * 9), b"0000-00-00T00:00:00Z"
# A request as controllers write it, to the byte; every other spelling is judged the long way.
_BEFORE, _BETWEEN, _AFTER = b'{"schema": 1, "nonce": "', b'", "have": ["', b'"]}\n'
_NEXT, _HEX = b'", "', b"0123456789abcdef"
_NONCE = 32


def question() -> bytes:
    """The request line on standard input; nothing at a terminal, where there is none to wait for."""
    if sys.stdin is None or sys.stdin.isatty():
        return b""
    return sys.stdin.buffer.readline(REQUEST_LIMIT + 1)


def footing() -> str:
    """The MANIFEST of the release this code runs from (``release.manifest``): another one, another agent."""
    return __file__.rsplit("/", 3)[0] + "/MANIFEST"


def signature(state: str, footing: str) -> "tuple[str, ...]":
    """What the header is made of: name, inode, size and times of each file; ``footing`` stands for the agent itself."""
    observed = state + "/snapshot"
    names = [f"{state}/{name}" for name in _STATE]
    names += [f"{observed}/{name}" for name in _sorted(observed) if name.endswith(".json")]
    names += [f"{_SSH}/{name}" for name in _sorted(_SSH) if name.endswith(".pub")]
    return tuple(_stat(name) for name in [*names, footing])


def _sorted(folder: str) -> "list[str]":
    try:
        return sorted(listdir(folder))
    except OSError:
        return []


def _stat(path: str) -> str:
    try:
        found = stat(path)
    except OSError:
        return path
    return f"{path} {found.st_dev} {found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"


def kept(made_of: "tuple[str, ...]", *, needed: "list[str]", header: "Header") -> bytes:
    """The file ``NAME``: the header, what it was made of, and the digests of the buckets a reader has to hold."""
    held = frozenset(_prefix(name) for name in needed)
    return record.sealed((made_of, held, header))


def _prefix(name: str) -> bytes:
    """As a request names a bucket: 16 hex digits of ``sha256:...``."""
    return name[7:23].encode("ascii")


def answer(line: bytes, *, state: str, footing: str) -> "bytes | None":
    """The bundle for the request ``line`` as canonical JSON; None when it has to be made anew."""
    try:
        made_of, needed, (run, time, parts) = record.unsealed(plain.read(f"{state}/{NAME}"))
        beat = plain.read(state + heartbeat.NAME)
        nonce, have = _asked(line)
        if made_of != signature(state, footing) or not needed.issubset(have):
            return None
        if beat[:20].translate(_DIGITS) != _TIME:
            return None
        before, between, after, end = parts
        run, time = max(heartbeat.run_of(beat), run), max(beat[:20], time)
        return _ANSWER % (before, nonce, between, run, after, time, end)
    except (OSError, ValueError, LookupError, TypeError, EOFError, AttributeError):
        # Whatever is wrong with it, it only saves work.
        return None


def _asked(line: bytes) -> "tuple[bytes, list[bytes]]":
    """Nonce and digests held. Raises ValueError for a request that is not as controllers write it."""
    begin = len(_BEFORE)
    nonce, rest = line[begin : begin + _NONCE], line[begin + _NONCE :]
    framed = line.startswith(_BEFORE) and rest.startswith(_BETWEEN) and rest.endswith(_AFTER)
    if not framed or len(line) > REQUEST_LIMIT or len(nonce) != _NONCE or nonce.strip(_HEX):
        raise ValueError("another spelling")
    return nonce, rest[len(_BETWEEN) : -len(_AFTER)].split(_NEXT)
