# SPDX-License-Identifier: GPL-3.0-or-later
"""The one door to third-party libraries: the collection loads without them and says what to install when used."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Optional

MINIMUM = "pydantic>=2.11 and sqlalchemy>=2.0.40"


class LibraryError(Exception):
    """A library the controller needs is not installed."""


class _Absent:
    """Stands in for a missing library, so that definitions at module level still load."""

    def __getattr__(self, name: str) -> Any:
        return self

    def __getitem__(self, key: Any) -> Any:
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self


_missing: Optional[ImportError] = None
if TYPE_CHECKING:
    import paramiko
    import pydantic
    import sqlalchemy as sa
    from sqlalchemy.dialects import sqlite
else:
    try:
        import pydantic
        import sqlalchemy as sa
        from sqlalchemy.dialects import sqlite
    except ImportError as exc:
        _missing = exc
        pydantic = sa = sqlite = _Absent()

__all__ = [
    "LibraryError",
    "drawing",
    "is_complete",
    "paramiko",
    "pydantic",
    "require",
    "require_paramiko",
    "sa",
    "sqlite",
]


def __getattr__(name: str) -> Any:
    """paramiko when somebody wants it: it takes longer to import than most commands run."""
    if name != "paramiko":
        raise AttributeError(name)
    try:
        return import_module(name)
    except ImportError:
        return _Absent()


@cache
def drawing() -> Optional[Any]:
    """What page.py draws with; None where it is not installed, which costs colours and lines only.

    Imported when it is asked for: what is collected in a play is never drawn.
    """
    try:
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.padding import Padding
        from rich.table import Table
        from rich.text import Text
    except ImportError:
        return None
    return SimpleNamespace(Console=Console, Padding=Padding, SIMPLE_HEAD=SIMPLE_HEAD, Table=Table, Text=Text)


def is_complete() -> bool:
    """Whether every library is there."""
    return _missing is None


def require() -> None:
    """Raises LibraryError unless every library is there."""
    if _missing is not None:
        raise LibraryError(
            f"the vps-sentry controller needs {MINIMUM} in Ansible's own Python: pip install 'vps-sentry[fleet]'"
            f" ({_missing})"
        ) from _missing


def require_paramiko() -> None:
    """Raises LibraryError unless paramiko is there."""
    try:
        import_module("paramiko")
    except ImportError as exc:
        raise LibraryError(
            f"pulling needs paramiko: pip install 'vps-sentry[fleet]' ({exc}); playbooks/collect.yml needs none"
        ) from exc
