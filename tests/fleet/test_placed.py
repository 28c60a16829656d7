# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that puts files and directories in place, run by Ansible itself."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
from support.tree import ROOT

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="what it puts in place is root's")
ANSIBLE = f"{sysconfig.get_path('scripts')}/ansible"
TEXT = "#!/bin/sh\n# [not, a, list] é\nexit 0"


def place(tmp_path: Path, *options: str, **arguments: Any) -> Dict[str, Any]:
    """What the module answers, and the differences shown for it; below a closed umask."""
    environment = {**os.environ, "ANSIBLE_HOME": str(tmp_path / "home")}
    words = [ANSIBLE, "localhost", "--connection=local", "--module-name=vps_sentry.fleet.placed", "--diff", *options]
    words += ["--args", json.dumps(arguments), "--extra-vars", f"ansible_python_interpreter={_python()}"]
    done = subprocess.run(words, cwd=ROOT, env=environment, umask=0o077, capture_output=True, text=True, check=False)
    shown, _, answer = done.stdout.partition("localhost | ")
    assert answer, done.stdout + done.stderr
    found: Dict[str, Any] = json.loads(answer.partition("=>")[2])
    return {**found, "shown": shown}


def _python() -> str:
    return f"{sysconfig.get_path('scripts')}/python3"


def wanted(root: Path) -> Dict[str, List[Dict[str, str]]]:
    return {
        "directories": [{"path": f"{root}/new/below", "mode": "2750", "group": "adm"}],
        "files": [
            {"path": f"{root}/new/below/tool", "content": TEXT, "mode": "0755"},
            {"path": f"{root}/empty", "content": ""},
        ],
    }


def modes(root: Path) -> List[Tuple[str, str]]:
    return sorted((str(path.relative_to(root)), f"{path.stat().st_mode & 0o7777:o}") for path in root.rglob("*"))


def test_all_is_made_once_and_foretold(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    foretold = place(tmp_path, "--check", **wanted(root))
    assert modes(root) == []

    made = place(tmp_path, **wanted(root))
    assert (
        made["placed"]
        == foretold["placed"]
        == [f"{root}/{name}" for name in ("new", "new/below", "new/below/tool", "empty")]
    )
    assert f"+++ after: {root}/new/below/tool\n@@ -0,0 +1,3 @@\n+#!/bin/sh\n" in foretold["shown"]
    assert modes(root) == [("empty", "644"), ("new", "2750"), ("new/below", "2750"), ("new/below/tool", "755")]
    assert (root / "new/below/tool").read_text() == TEXT
    again = place(tmp_path, **wanted(root))
    assert (again["changed"], again["placed"], again["shown"].strip()) == (False, [], "")


def test_what_differs_alone_is_put_right(tmp_path: Path) -> None:
    place(tmp_path, **wanted(tmp_path))
    (tmp_path / "new/below/tool").chmod(0o777)
    (tmp_path / "empty").write_text("no more")
    before = (tmp_path / "new/below/tool").stat().st_ino
    foretold = place(tmp_path, "--check", **wanted(tmp_path))
    assert (tmp_path / "empty").read_text() == "no more"

    found = place(tmp_path, **wanted(tmp_path))
    assert found["placed"] == foretold["placed"] == [f"{tmp_path}/new/below/tool", f"{tmp_path}/empty"]
    assert '-    "mode": "0777"\n+    "mode": "0755"' in found["shown"]
    assert "-no more" in found["shown"]
    assert (tmp_path / "new/below/tool").stat().st_ino == before


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("of somebody else")
    (tmp_path / "empty").symlink_to(other)
    place(tmp_path, files=[{"path": f"{tmp_path}/empty", "content": "ours"}])

    assert (other.read_text(), (tmp_path / "empty").is_symlink()) == ("of somebody else", False)
    assert (tmp_path / "empty").read_text() == "ours"


@pytest.mark.parametrize("kind", ["directories", "files"])
def test_what_is_in_the_way_is_named_and_left(tmp_path: Path, kind: str) -> None:
    way = tmp_path / "way"
    if kind == "files":
        way.mkdir()
    else:
        way.write_text("x")
    content = {"content": ""} if kind == "files" else {}
    found = place(tmp_path, **{kind: [{"path": str(way), **content}]})

    assert f"{way} is " in found["msg"]
    assert "move it away" in found["msg"]
    assert way.is_dir() if kind == "files" else way.read_text() == "x"
