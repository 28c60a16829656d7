# SPDX-License-Identifier: GPL-3.0-or-later
"""Stamp kind ``mounts``: what is mounted where it would cover or hold something watched, for PID 1 and for sshd."""

from _blake2 import blake2b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Places = tuple[tuple[bytes, ...], tuple[bytes, ...]]
    """Mount points that count by themselves, and prefixes (ending in ``/``) of those that count, as written in proc(5)
    mountinfo: blank, tab, newline and backslash as octal numbers."""

FIRST = 1


def take(places: "Places", processes: "tuple[int, ...]") -> bytes:
    """A digest over the mounts that count, as each of ``processes`` sees them.

    Raises OSError when one of them is gone or may not be looked at.
    """
    digest = blake2b(digest_size=16)
    for process in processes:
        digest.update(b"%d\n" % process + b"".join(relevant(table(process), places)))
    return digest.digest()


def table(process: int) -> bytes:
    """The mounts a process sees, proc(5) mountinfo. Raises OSError."""
    with open(b"/proc/%d/mountinfo" % process, "rb", buffering=0) as lines:
        return lines.readall()


def relevant(lines: bytes, places: "Places") -> "Iterator[bytes]":
    """The lines of a mount table that count, without their volatile numbers. Raises IndexError for a torn line."""
    points, prefixes = places
    for line in lines.splitlines(True):
        # Mount id and parent id come first: both change whenever anything is mounted anew.
        fields = line.split(b" ", 5)
        if fields[4] in points or fields[4].startswith(prefixes):
            yield line.split(b" ", 2)[2]
