# SPDX-License-Identifier: GPL-3.0-or-later
"""What root obeys: only files that nobody else could have written, judged as opened."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from vps_sentry import trust
from vps_sentry.errors import ConfigError


@pytest.fixture(name="path")
def _path(owned: Path) -> Path:
    path = owned / "sub" / "vps-sentry.json"
    path.parent.mkdir(mode=0o755)
    path.write_text("{}")
    path.chmod(0o600)
    return path


def test_a_file_of_root_is_read(path: Path) -> None:
    assert b"{}" == trust.read(str(path), user=0)


def test_no_file_is_not_an_error(path: Path) -> None:
    assert trust.read(str(path) + ".none", user=0) is None


def _link(path: Path) -> None:
    path.rename(path.with_suffix(".real"))
    path.symlink_to(path.with_suffix(".real"))


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _parent_link(path: Path) -> None:
    path.parent.rename(path.parent.with_name("real"))
    path.parent.symlink_to(path.parent.with_name("real"))


REFUSED = [
    pytest.param(lambda path: path.chmod(0o620), "others may write it; run: chmod go-w", id="group may write"),
    pytest.param(lambda path: path.chmod(0o602), "others may write it", id="others may write"),
    pytest.param(lambda path: os.chown(path, 1000, 0), "belongs to uid 1000", id="another owner"),
    pytest.param(_link, "regular file", id="a link"),
    pytest.param(_fifo, "not a regular file", id="a fifo does not hang"),
    pytest.param(lambda path: path.parent.chmod(0o777), "sub: others may write it", id="a parent others may write"),
    pytest.param(lambda path: os.chown(path.parent, 1000, 0), "sub: belongs to uid 1000", id="another's parent"),
    pytest.param(_parent_link, "sub: is a link", id="a parent that is a link"),
    pytest.param(lambda path: path.write_bytes(b" " * (trust.LIMIT + 1)), "larger than", id="a huge file"),
]


@pytest.mark.parametrize(("spoil", "problem"), REFUSED)
def test_refused_as_root(path: Path, spoil: Any, problem: str) -> None:
    spoil(path)

    with pytest.raises(ConfigError, match=problem):
        trust.read(str(path), user=0)


def test_an_ordinary_user_may_read_his_own(path: Path) -> None:
    os.chown(path, 1000, 0)

    assert b"{}" == trust.read(str(path), user=1000)
