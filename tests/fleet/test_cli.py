# SPDX-License-Identifier: GPL-3.0-or-later
"""``vps-sentry-fleet`` as a user meets it: what it prints and what it exits with."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import cli, commands
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import open_store
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.terminal import wants_color
from support.fleet import file_items, make_bundle, many_paths, raw

BASE = file_items(*many_paths(20))
KEY = "/etc/demo.d/00007.conf"
ODD = ["1 of 5 differ, strong", "unchanged", "unexplained"]
PATHS = str(Path(__file__).parents[2] / "collections")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("NO_COLOR", "1")
    return f"sqlite:///{tmp_path}/fleet.sqlite"


def write(folder: Path, name: str, items: Dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.json"
    path.write_bytes(raw(make_bundle(name, {"files": items})))
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> Tuple[int, str, str]:
    try:
        code = cli.main(arguments)
    except SystemExit as exc:
        code = int(exc.code or 0)
    told = capsys.readouterr()
    return code, told.out, told.err


# Cells, for the lines are wider than this file.
COMPARISON = [
    ["fleet comparison: what runs now, 5 hosts"],
    ["collected 5 of 5"],
    ["COHORT", "HOSTS", "VOTING"],
    ["web", "5", "5", "quorum"],
    ["CRITICAL", "web-4 differs from its peers in 2 items (web, strong)"],
    ["RANK", "CHECK", "ITEM", "PEERS", "SINCE ACCEPTED", "WHY", "DIFFERENCE"],
    ["50", "files", KEY, *ODD, "web-4: mode 0644 -> 4755 (4 of 5 agree)"],
    ["50", "files", "/etc/sudoers.d/x", *ODD, "only on web-4, absent on 4 of 5: type file"],
    ["WARNING", "web-4 differs from its peers in 1 item (web, strong)"],
    ["RANK", "CHECK", "ITEM", "PEERS", "SINCE ACCEPTED", "WHY", "DIFFERENCE"],
    ["17", "files", "/etc/demo.d/00008.conf", *ODD, "missing on web-4, present on 4 of 5"],
    [f"audit log: sha256:{'0' * 64}"],
    ["3 differences (exit 3)"],
]


def cells(text: str) -> List[List[str]]:
    return [re.split("  +", line.strip()) for line in text.splitlines() if line]


def test_ingest_and_compare(tmp_path: Path, store: str, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(4):
        write(tmp_path / "in", f"web-{number}", BASE)
    odd = {**BASE, KEY: {**BASE[KEY], "mode": "4755"}, "/etc/sudoers.d/x": {"type": "file"}}
    write(tmp_path / "in", "web-4", {key: value for key, value in odd.items() if not key.endswith("00008.conf")})

    assert run(capsys, "ingest", "--store", store, "--cohort", "web", str(tmp_path / "in")) == (
        0,
        "ingested 5 bundles: 5 moved, 0 unchanged; 0 refused\n",
        "",
    )
    code, text, errors = run(capsys, "compare", "--store", store)
    assert (code, errors) == (3, "")
    assert cells(text) == COMPARISON
    assert run(capsys, "compare", "--store", store, "--axis", "accepted")[0] == 3

    code, text, _ = run(capsys, "compare", "--store", store, "--format", "json")
    document = json.loads(text)
    assert (code, document["schema"], document["exit_code"], document["hosts"]) == (3, 3, 3, 5)
    assert [finding["key"] for finding in document["findings"]] == [KEY, "/etc/demo.d/00008.conf", "/etc/sudoers.d/x"]
    assert document["findings"][1]["variants"] == [
        {"value": BASE["/etc/demo.d/00008.conf"], "votes": 4, "hosts": []},
        {"value": None, "votes": 1, "hosts": ["web-4"]},
    ]


def test_a_refused_file_does_not_stop_the_others(
    tmp_path: Path, store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, "web-1", BASE)
    (tmp_path / "web-0.json").write_bytes(b"\x1b[2J")

    code, out, err = run(capsys, "ingest", "--store", store, str(tmp_path))

    assert (code, out) == (1, "ingested 1 bundle: 1 moved, 0 unchanged; 1 refused\n")
    assert " refused: not strict JSON" in err
    assert "\x1b" not in err


def test_hosts(tmp_path: Path, store: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, "web-1", BASE)
    run(capsys, "ingest", "--store", store, str(path))

    code, text, _ = run(capsys, "hosts", "--store", store)
    assert code == 0
    assert text.splitlines()[0] == "HOST   COHORT  LAST BUNDLE           MISSED  BASELINE  OPEN ALERTS"
    assert text.splitlines()[1].startswith("web-1  all     ")

    (row,) = json.loads(run(capsys, "hosts", "--store", store, "--format", "json")[1])["hosts"]
    assert (row["name"], row["baseline"], row["sequence"], row["missed"]) == ("web-1", "accepted", 1, 0)


def test_an_empty_store_compares_to_nothing(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    with open_store(store, environ={}):
        pass
    code, text, _ = run(capsys, "compare", "--store", store)

    assert (code, text.splitlines()[-1]) == (4, "no differences, incomplete (exit 4)")


@pytest.mark.parametrize("command", ["compare", "hosts"])
def test_a_store_that_is_not_there_is_not_made(command: str, store: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, errors = run(capsys, command, "--store", store)

    assert (code, "there is none; collect first" in errors) == (1, True)
    assert not Path(store.removeprefix("sqlite:///")).exists()


WRONG: Dict[str, Tuple[List[str], str]] = {
    "no command": ([], "the following arguments are required: COMMAND"),
    "unknown command": (["explode"], "invalid choice"),
    "unknown axis": (["compare", "--axis", "mood"], "invalid choice"),
    "password in the URL": (["hosts", "--store", "postgresql://anna:geheim@db/x"], "is visible to everybody"),
    "no URL": (["hosts", "--store", "/srv/x"], "is named by a URL"),
}


@pytest.mark.parametrize(("arguments", "sentence"), WRONG.values(), ids=WRONG)
def test_usage_errors_exit_1_and_never_look_like_drift(
    arguments: List[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, *arguments)

    assert (code, out) == (1, "")
    assert sentence in err


@pytest.mark.parametrize("name", commands.names())
def test_every_command_says_what_it_does(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, name, "--help")

    assert (code, commands.load(name).about in " ".join(out.split())) == (0, True)


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--help")

    assert code == 0
    assert [name for name in commands.names() if f"    {name} " not in out] == []


def test_only_the_command_asked_for_is_imported(tmp_path: Path) -> None:
    place = "ansible_collections.vps_sentry.fleet.plugins.plugin_utils"
    script = f"import sys; from {place} import cli; cli.main(sys.argv[1:]); print(*sys.modules)"
    command = [sys.executable, "-c", script, "hosts", "--store", f"sqlite:///{tmp_path}/none"]
    loaded = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": PATHS}).stdout

    assert f"{place}.commands.hosts" in loaded.split()
    assert f"{place}.commands.compare" not in loaded.split()


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_color_is_for_terminals_that_want_it() -> None:
    assert wants_color(Terminal(), {})
    assert not wants_color(Terminal(), {"NO_COLOR": "1"})
    assert not wants_color(io.StringIO(), {})
