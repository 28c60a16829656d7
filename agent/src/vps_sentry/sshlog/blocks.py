# SPDX-License-Identifier: GPL-3.0-or-later
"""A stream cut into blocks of whole lines, in bounded memory whatever the lines are like.

Only LF ends a line: ``splitlines`` would also break at bytes a client can put into a message.
"""

from __future__ import annotations

from typing import Callable, Iterator, Optional

CHUNK = 64 * 1024
LONGEST_LINE = 64 * 1024
Read = Callable[[int], bytes]


def blocks(read: Read) -> Iterator[bytes]:
    """What ``read`` gives in pieces that begin and end with LF and hold whole lines, the last also when cut off.

    Of a line over 64 KiB only so much is handed out that it is still seen to be over it.
    """
    rest = b"\n"
    while True:
        chunk = read(CHUNK)
        if not chunk:
            break
        block = rest + chunk
        cut = block.rfind(b"\n") + 1
        if cut > 1:
            yield block[:cut]
            rest = block[cut - 1 : cut + LONGEST_LINE + 1]
        else:
            rest = block[: LONGEST_LINE + 2]
    if len(rest) > 1:
        yield rest + b"\n"


def raw_lines(read: Read) -> Iterator[Optional[bytes]]:
    """The lines that ``read`` gives, without newline; None for one over 64 KiB."""
    for block in blocks(read):
        for line in block[1:-1].split(b"\n"):
            yield line if len(line) <= LONGEST_LINE else None
