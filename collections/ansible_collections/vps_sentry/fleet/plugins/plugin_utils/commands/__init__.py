# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of ``vps-sentry-fleet``: one module each, whose ``COMMAND`` says all of it; none is imported in vain.

A new command is a new file here: ``key_views.py`` becomes ``key-views``.
"""

from __future__ import annotations

import argparse
import pkgutil
from dataclasses import dataclass
from importlib import import_module
from typing import Callable, List

from ..store import Store


@dataclass(frozen=True)
class Command:
    """What one command is: ``arguments`` adds its own to the parser, ``run`` does it and returns the exit code.

    A part of a command that needs no store sets a default ``alone``, which is run instead, with the options only.
    """

    about: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[Store, argparse.Namespace], int]
    creates: bool = False
    """Whether it makes the store when there is none yet."""


def add_common(parser: argparse.ArgumentParser, *, again: bool = False) -> None:
    """The options of every command; ``again`` where a part of a command has a parser of its own."""
    parser.add_argument(
        "--store",
        metavar="URL",
        default=argparse.SUPPRESS if again else None,
        help="default: sqlite below the user's data directory",
    )
    parser.add_argument("--format", choices=("text", "json"), default=argparse.SUPPRESS if again else "text")


def names() -> List[str]:
    """Every command's name, sorted, without importing one."""
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__))


def load(name: str) -> Command:
    """The command of that name."""
    command: Command = import_module(f".{name.replace('-', '_')}", __name__).COMMAND
    return command
