# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls into a C library: ctypes without the milliseconds that importing ctypes itself costs a quiet tick."""

from _ctypes import (
    FUNCFLAG_CDECL,
    FUNCFLAG_PYTHONAPI,
    CFuncPtr,
    _SimpleCData,
    addressof,
    byref,
    dlopen,
)
from _ctypes import _string_at_addr as _STRING_AT  # type: ignore[attr-defined]  # noqa: N812

__all__ = ["Function", "Int", "Library", "Pointer", "Size", "Text", "Wide", "addressof", "byref", "bytes_at"]


class Int(_SimpleCData):  # type: ignore[type-arg]
    """C's ``int``."""

    _type_ = "i"


class Pointer(_SimpleCData):  # type: ignore[type-arg]
    """``void *``, given and read as a number."""

    _type_ = "P"


class Text(_SimpleCData):  # type: ignore[type-arg]
    """``const char *``, given as bytes."""

    _type_ = "z"


class Size(_SimpleCData):  # type: ignore[type-arg]
    """``size_t``, which is ``unsigned long`` on every Linux."""

    _type_ = "L"


class Wide(_SimpleCData):  # type: ignore[type-arg]
    """``uint64_t``."""

    _type_ = "Q"


class _Object(_SimpleCData):  # type: ignore[type-arg]
    _type_ = "O"


class _Python(CFuncPtr):
    _flags_ = FUNCFLAG_CDECL | FUNCFLAG_PYTHONAPI
    _restype_ = _Object


_string_at = _Python(_STRING_AT)
_string_at.argtypes = (Pointer, Int)


def bytes_at(address: int, length: int) -> bytes:
    """A copy of memory that is known to be there; with length -1 up to the next NUL."""
    found: bytes = _string_at(address, length)
    return found


class Function(CFuncPtr):
    """A function of a library."""

    _flags_ = FUNCFLAG_CDECL
    _restype_ = Int


class Library:
    """A shared library; its functions return ``int``. Raises OSError when it cannot be loaded."""

    def __init__(self, name: str) -> None:
        self._handle = dlopen(name, 0)

    def function(self, name: str, *types: type) -> "Function":
        """A function by name, taking arguments of these types. Raises AttributeError when there is none."""
        found = Function((name, self))  # type: ignore[arg-type]
        found.argtypes = types
        return found
