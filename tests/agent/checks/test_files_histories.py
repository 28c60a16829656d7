# SPDX-License-Identifier: GPL-3.0-or-later
"""Shell histories: they may grow and be trimmed without waking anybody, but nobody empties one unseen."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, List

import pytest
from support.disk import write
from vps_sentry.host import Host
from vps_sentry.tick import take
from vps_sentry.watch import histories

PASSWD_HOMES = (b"/root", b"/home/x y", b"/nowhere")


def said(root: Path, act: Callable[[Path], object], *, size: int) -> tuple[bool, List[str]]:
    """Whether the stamp stays silent after ``act`` on a history of ``size`` bytes, and what is told."""
    path = write(root / "home/x y/.bash_history", b"x" * size)
    before = histories.sizes(PASSWD_HOMES, Host(str(root)))
    assert before == {"/home/x y/.bash_history": size}
    stamp = ("shrunk", tuple((bytes(path), histories.least(known)) for known in before.values()))
    assert take(*stamp) == b""
    act(path)
    after = histories.sizes(PASSWD_HOMES, Host(str(root)))
    signals = list(histories.shrunk(before, after, now=5))
    return take(*stamp) == b"", [f"{signal.severity} {signal.code} {signal.key}" for signal in signals]


TOLD = ["warning history_shrunk /home/x y/.bash_history"]


@pytest.mark.parametrize(
    ("size", "act", "silent", "told"),
    [
        pytest.param(9000, lambda path: path.write_bytes(b""), False, TOLD, id="emptied"),
        pytest.param(9000, lambda path: path.write_bytes(b"x" * 4499), False, TOLD, id="more than half is gone"),
        pytest.param(9000, lambda path: path.write_bytes(b"x" * 4500), True, [], id="a shell trims it"),
        pytest.param(9000, lambda path: path.write_bytes(b"x" * 90000), True, [], id="it grows"),
        pytest.param(4000, lambda path: path.write_bytes(b""), True, [], id="too little to be worth a word"),
        pytest.param(9000, lambda path: path.unlink(), True, [], id="gone is the item's business"),
    ],
)
def test_a_history(size: int, act: Callable[[Path], object], silent: bool, told: List[str], tmp_path: Path) -> None:
    assert said(tmp_path, act, size=size) == (silent, told)


def test_what_is_no_file_has_no_size(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root/.bash_history").symlink_to("/dev/null")

    assert histories.sizes(PASSWD_HOMES, Host(str(tmp_path))) == {}


def test_two_answers_are_never_the_same(tmp_path: Path) -> None:
    path = bytes(write(tmp_path / "h", b"x"))

    assert take("shrunk", ((path, 2),)) != take("shrunk", ((path, 2),))
