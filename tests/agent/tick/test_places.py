# SPDX-License-Identifier: GPL-3.0-or-later
"""Many names at once: what moves them, and what a folder says of names that are not asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import pytest
from support.disk import write
from vps_sentry.tick import places


def test_paths_are_asked_for_folder_by_folder() -> None:
    found = places.grouped(["/b/y", "/a/x", "/b/.", "/b/x"])

    assert found == (("/a", ("x",)), ("/b", (".", "x", "y")))


MOVES = {
    "written in place": lambda top: (top / "a/x").write_text("other"),
    "gone": lambda top: (top / "a/x").unlink(),
    "there at last": lambda top: write(top / "a/later"),
    "another name beside them": lambda top: write(top / "a/unasked"),
    "the folder gone": lambda top: (top / "a").rename(top / "b"),
    "the folder a link": lambda top: ((top / "a").rename(top / "b"), (top / "a").symlink_to("b")),
}


@pytest.mark.parametrize("act", MOVES.values(), ids=list(MOVES))
def test_whatever_moves_is_seen(tmp_path: Path, act: Callable[[Path], Any]) -> None:
    for name in ("a/x", "a/unwatched"):
        write(tmp_path / name)
    folders = places.grouped([f"{tmp_path}/a/{name}" for name in (".", "x", "later")])
    before = places.take(*folders)
    (tmp_path / "a/unwatched").write_text("other")
    assert before == places.take(*folders)
    act(tmp_path)

    assert before != places.take(*folders)
    assert places.take(*folders) == places.take(*folders)
