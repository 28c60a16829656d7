# SPDX-License-Identifier: GPL-3.0-or-later
"""The accounts that may have units or jobs of their own (passwd(5))."""

from __future__ import annotations

from typing import Iterator, NamedTuple


class Account(NamedTuple):
    """One line of passwd(5)."""

    name: bytes
    uid: int
    home: bytes


def parse(passwd: bytes) -> Iterator[Account]:
    """Every account with an absolute home directory; lines that are none are skipped.

    An account that cannot log in counts: linger starts its units at boot all the same.
    """
    for line in passwd.split(b"\n"):
        fields = line.split(b":")
        if len(fields) == 7 and fields[2].isdigit() and fields[5].startswith(b"/") and b"\0" not in fields[5]:
            yield Account(fields[0], int(fields[2]), fields[5].rstrip(b"/") or b"/")
