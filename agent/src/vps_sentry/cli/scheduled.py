# SPDX-License-Identifier: GPL-3.0-or-later
"""The timer's own command line, without a parser: a tick knows its arguments, and parsing them costs half a Python."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Mapping

from ..config import DEFAULT_PATH as CONFIG_PATH
from ..store import DEFAULT_PATH as STATE_PATH
from . import carry_out
from .run import run


def scheduled(taken: Mapping[Any, bytes]) -> int:
    """``run --format text`` of the timer; ``taken`` are the stamps the quiet path took before it gave up."""
    return carry_out(options(taken))


def options(taken: Mapping[Any, bytes]) -> Any:
    """What the parser makes of ``run --format text``."""
    return SimpleNamespace(
        command=run,
        scheduled=True,
        taken=taken,
        config=CONFIG_PATH,
        state_dir=STATE_PATH,
        format="text",
        no_color=False,
        full=False,
        root="/",
        exit_zero=False,
        accept_baseline=False,
        dry_run=False,
        digest=None,
        only=[],
        expires=None,
        reason="",
    )
