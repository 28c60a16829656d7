# SPDX-License-Identifier: GPL-3.0-or-later
"""The file ``stamps/tick``: what must be unmoved for a tick to be quiet, sealed against a torn write."""

import marshal
from _blake2 import blake2b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FILE = "stamps/tick"
_VERSION = 1
_SEAL = 16


def dumps(due: int, code: int, *, stamps: "tuple[tuple[str, str, tuple[object, ...], bytes], ...]") -> bytes:
    """The record as bytes behind its seal."""
    return sealed((_VERSION, due, code, stamps))


def loads(data: bytes) -> "tuple[int, int, tuple[tuple[str, str, tuple[object, ...], bytes], ...]]":
    """Due, exit code and ``(check, kind, arguments, expected)`` of each stamp.

    Raises ValueError for anything torn, foreign or of another version.
    """
    version, due, code, stamps = unsealed(data)
    if version != _VERSION:
        raise ValueError("stamps of another release")
    return due, code, stamps


def sealed(content: "tuple[object, ...]") -> bytes:
    """Plain values as bytes behind their seal."""
    body = marshal.dumps(content, 2)  # type: ignore[arg-type]
    return blake2b(body, digest_size=_SEAL).digest() + body


def unsealed(data: bytes) -> "Any":
    """The values behind a seal. Raises ValueError for anything torn or foreign."""
    body = data[_SEAL:]
    # marshal may crash on bytes it did not write, so nothing unsealed ever reaches it.
    if blake2b(body, digest_size=_SEAL).digest() != data[:_SEAL]:
        raise ValueError("the content does not match its seal")
    return marshal.loads(body)  # noqa: S302 - sealed, and only root can write it
