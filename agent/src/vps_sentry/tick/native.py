# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls into a C library: ctypes without the milliseconds that importing ctypes itself costs a quiet tick."""

from _ctypes import FUNCFLAG_CDECL, CFuncPtr, _SimpleCData, addressof, dlopen

__all__ = ["Int", "Library", "Pointer", "Size", "Text", "Wide", "addressof"]


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


class _Function(CFuncPtr):
    _flags_ = FUNCFLAG_CDECL
    _restype_ = Int


class Library:
    """A shared library; its functions return ``int``. Raises OSError when it cannot be loaded."""

    def __init__(self, name: str) -> None:
        self._handle = dlopen(name, 0)

    def function(self, name: str, *types: type) -> "_Function":
        """A function by name, taking arguments of these types. Raises AttributeError when there is none."""
        found = _Function((name, self))  # type: ignore[arg-type]
        found.argtypes = types
        return found
