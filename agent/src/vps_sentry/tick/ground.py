# SPDX-License-Identifier: GPL-3.0-or-later
"""Stamp kind ``ground``: what the tick itself runs in: its environment, the code mapped into it, its limits."""

import posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    Limits = tuple[tuple[bytes, bytes], ...]
    """File and content of each limit of a control group."""

UNIT = b"/vps-sentry.service"
"""The end of the control group's path of a process that the agent's own unit started."""
# What systemd, the shell of the wrapper and the wrapper itself set; systemd.exec(5), section ENVIRONMENT VARIABLES.
ALLOWED = frozenset(
    b"PATH LC_ALL LANG LANGUAGE LC_CTYPE USER LOGNAME HOME SHELL PWD OLDPWD SHLVL _ INVOCATION_ID JOURNAL_STREAM "
    b"SYSTEMD_EXEC_PID STATE_DIRECTORY MEMORY_PRESSURE_WATCH MEMORY_PRESSURE_WRITE TRIGGER_UNIT TRIGGER_PATH "
    b"TRIGGER_TIMER_REALTIME_USEC TRIGGER_TIMER_MONOTONIC_USEC MAINPID DEBUG_INVOCATION container".split()
)
TELLING = (b"LD_", b"PYTHON", b"VPS_", b"GLIBC_", b"GCONV_", b"MALLOC_", b"OPENSSL_")
"""Beginnings of variables whose value counts; of others it only counts that they are there."""
GROUPS = b"/sys/fs/cgroup"
_FILES = {b"": (b"cpu.max", b"memory.max", b"memory.high"), b"cpu": (b"cpu.cfs_quota_us",)}
_FILES[b"memory"] = (b"memory.limit_in_bytes",)
_FREE = (b"max", b"-1")
_HUGE = 1 << 60
"""Bytes from which on the old kind of control group means no limit."""


def take(
    environment: "tuple[bytes, ...]", code: "tuple[bytes, ...]", limits: "tuple[tuple[bytes, bytes], ...]"
) -> bytes:
    """Nothing while this process runs in what the last look found, or was not started by the agent's own unit; else a
    value that never comes twice. Raises OSError.
    """
    groups = read(b"/proc/self/cgroup")
    if not is_own(groups):
        return b""
    same = strangers(read(b"/proc/self/environ")) == environment and limits_of(groups) == limits
    return b"" if same and mapped(read(b"/proc/self/maps")).issubset(code) else posix.urandom(16)


def read(path: bytes) -> bytes:
    """A file of the kernel's. Raises OSError."""
    with open(path, "rb", buffering=0) as handle:
        return handle.readall()


def is_own(groups: bytes) -> bool:
    """Whether a /proc/PID/cgroup is that of a process of the agent's unit."""
    return any(line.endswith(UNIT) for line in groups.splitlines())


def strangers(environment: bytes) -> "tuple[bytes, ...]":
    """The variables of a /proc/PID/environ that nobody is expected to set, sorted; with their value where it counts."""
    found = set()
    for entry in environment.split(b"\0"):
        name = entry.partition(b"=")[0]
        if entry and name not in ALLOWED:
            found.add(entry if name.startswith(TELLING) else name)
    return tuple(sorted(found))


def mapped(maps: bytes) -> "set[bytes]":
    """Device, inode and path of each file in a /proc/PID/maps that code may be run from."""
    found = set()
    for line in maps.splitlines():
        fields = line.split(None, 5)
        if len(fields) == 6 and b"x" in fields[1] and not fields[5].startswith(b"["):
            found.add(b" ".join(fields[3:]))
    return found


def limits_of(groups: bytes, top: bytes = GROUPS) -> "Limits":
    """File and content of every limit of the control groups in a /proc/PID/cgroup and of those above them."""
    found = []
    for line in groups.splitlines():
        _, names, path = line.split(b":", 2)
        for controller in names.split(b","):
            for name in _FILES.get(controller, ()):
                place = path
                while place not in (b"", b"/"):
                    file = top + (b"/" + controller if controller else b"") + place + b"/" + name
                    found += _limit(file)
                    place = place.rpartition(b"/")[0]
    return tuple(found)


def _limit(file: bytes) -> "list[tuple[bytes, bytes]]":
    try:
        text = read(file).strip()
    except OSError:
        # No such controller here.
        return []
    free = text.startswith(_FREE) or (text.isdigit() and int(text) >= _HUGE)
    return [] if free else [(file, text)]
