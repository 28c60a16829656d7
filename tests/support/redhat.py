# SPDX-License-Identifier: GPL-3.0-or-later
"""Headers and a database as rpm writes them."""

from __future__ import annotations

import sqlite3
import struct
from pathlib import Path
from typing import Dict, List, Sequence, Tuple, Union

Entry = Tuple[int, int, Union[bytes, Sequence[int], Sequence[bytes]]]
"""Tag, type and content."""
INT16, INT32, STRING, BINARY, STRINGS = 3, 4, 6, 7, 8


def header(entries: Sequence[Entry]) -> bytes:
    """The blob of one package."""
    index, store = b"", b""
    for tag, kind, content in entries:
        if isinstance(content, bytes):
            count, data = (1, content + b"\0") if kind == STRING else (len(content), content)
        elif kind == STRINGS:
            count, data = len(content), b"".join(bytes(entry) + b"\0" for entry in content)
        else:
            count, data = len(content), struct.pack(f">{len(content)}{'H' if kind == INT16 else 'I'}", *content)
            store += b"\0" * (-len(store) % (2 if kind == INT16 else 4))
        index += struct.pack(">IIiI", tag, kind, len(store), count)
        store += data
    return struct.pack(">II", len(entries), len(store)) + index + store


def package(name: str, version: str, files: Dict[str, str], *, release: str = "1.el9", flags: int = 0) -> bytes:
    """A header with ``files``, path -> SHA-256 in hex (empty for a directory)."""
    folders: List[bytes] = sorted({path.rpartition("/")[0].encode() + b"/" for path in files})
    places = [folders.index(path.rpartition("/")[0].encode() + b"/") for path in files]
    names = [path.rpartition("/")[2].encode() for path in files]
    number = len(files)
    return header(
        [
            (1000, STRING, name.encode()),
            (1001, STRING, version.encode()),
            (1002, STRING, release.encode()),
            (1022, STRING, b"x86_64"),
            (1030, INT16, [0o100755 if digest else 0o040755 for digest in files.values()]),
            (1035, STRINGS, [digest.encode() for digest in files.values()]),
            (1036, STRINGS, [b""] * number),
            (1037, INT32, [flags] * number),
            (1039, STRINGS, [b"root"] * number),
            (1040, STRINGS, [b"root"] * number),
            (1116, INT32, places),
            (1117, STRINGS, names),
            (1118, STRINGS, folders),
            (5011, INT32, [8]),
        ]
    )


def database(root: Path, blobs: Sequence[bytes]) -> Path:
    """``/var/lib/rpm/rpmdb.sqlite`` below ``root``."""
    place = root / "var/lib/rpm/rpmdb.sqlite"
    place.parent.mkdir(parents=True)
    link = sqlite3.connect(place)
    link.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
    link.executemany("INSERT INTO Packages (blob) VALUES (?)", [(blob,) for blob in blobs])
    link.commit()
    link.close()
    return place
