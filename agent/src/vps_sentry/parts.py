# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of the agent that lie in a folder, one file each: found by name, imported when they are asked for."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any, Callable, Iterator, Mapping, TypeVar

Part = TypeVar("Part")


class Parts(Mapping[str, Part]):
    """Name of each file -> what ``load`` takes from its module. A tick has to be cheap: it needs few of them."""

    def __init__(self, package: str, folder: str, *, load: Callable[[Any], Part]) -> None:
        names = (os.path.splitext(name) for name in os.listdir(folder))
        self._names = sorted(name for name, kind in names if kind == ".py" and not name.startswith("_"))
        self._package, self._load = package, load

    def __getitem__(self, name: str) -> Part:
        if name not in self._names:
            raise KeyError(name)
        return self._load(import_module(f"{self._package}.{name}"))

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
