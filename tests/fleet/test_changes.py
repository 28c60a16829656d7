# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task's result proves of a path, and which drift equals it: a host may say what it likes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.changes import content, reading
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.changes.reading import Done
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.changes.record import (
    Change,
    Origin,
    Record,
    explains,
    merged,
)
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.changes.scribe import Scribe
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import open_store

HELLO = content.of_bytes(b"hello\n")
OTHER = content.of_bytes(b"other\n")
SCRATCH = "/root/.ansible/tmp/ansible-local-7abc"
SENT = {"type": "file", "sha256": HELLO.sha256, "size": 6}
TOLD = {"mode": "0644", "uid": 0, "gid": 0, "checksum": HELLO.sha1}
METADATA = {"mode": "0644", "uid": 0, "gid": 0}


def read(action: str, said: Optional[Dict[str, Any]] = None, **args: Any) -> Optional[Change]:
    return reading.change(
        Done(action, args, TOLD if said is None else said, SCRATCH, {"a.txt": HELLO}.get)  # no other file is here
    )


DIFF = {"after": "hello\n", "after_header": f"{SCRATCH}/tmpx/a.j2"}
FORGED = {"after": "other\n", "after_header": "/root/.ansible/tmp/ansible-local-guess/tmpx/a.j2"}
READINGS: List[Any] = [
    pytest.param("copy", {}, {"content": "hello\n", "dest": "/etc/a"}, "/etc/a", SENT, id="content"),
    pytest.param("copy", {}, {"src": "a.txt", "dest": "/etc/"}, "/etc/a.txt", SENT, id="a file into a folder"),
    pytest.param(
        "copy", {"dest": "/etc/a.txt"}, {"src": "a.txt", "dest": "/etc"}, "/etc/a.txt", SENT, id="a folder, as told"
    ),
    pytest.param(
        "copy",
        {"dest": "/etc/shadow"},
        {"src": "a.txt", "dest": "/etc/a"},
        "/etc/a",
        SENT,
        id="the host tells of another path",
    ),
    pytest.param(
        "copy",
        {"checksum": OTHER.sha1},
        {"src": "a.txt", "dest": "/etc/a"},
        "/etc/a",
        {"type": "file"},
        id="the host tells of other content",
    ),
    pytest.param(
        "copy", {}, {"src": "/gone", "dest": "/etc/a"}, "/etc/a", {"type": "file"}, id="a file that is not here"
    ),
    pytest.param(
        "copy", {}, {"src": "/x", "dest": "/etc/a", "remote_src": True}, "/etc/a", {}, id="from the host itself"
    ),
    pytest.param("template", {"diff": [DIFF]}, {"src": "a.j2", "dest": "/etc/a"}, "/etc/a", SENT, id="a template"),
    pytest.param(
        "template", {}, {"src": "a.j2", "dest": "/etc/a"}, "/etc/a", {"type": "file"}, id="a template without --diff"
    ),
    pytest.param(
        "template",
        {"diff": [FORGED], "checksum": OTHER.sha1},
        {"src": "a.j2", "dest": "/etc/a"},
        "/etc/a",
        {"type": "file"},
        id="a diff the host made up",
    ),
    pytest.param(
        "get_url",
        {"size": 6},
        {"url": "https://x/a", "dest": "/opt/a", "checksum": f"sha256:{HELLO.sha256}"},
        "/opt/a",
        SENT,
        id="a download with its digest",
    ),
    pytest.param("get_url", {"size": 6}, {"url": "u", "dest": "/o"}, "/o", {"type": "file"}, id="any download"),
    pytest.param("lineinfile", {"checksum": "x"}, {"path": "/etc/a"}, "/etc/a", {}, id="an edit proves no content"),
    pytest.param("file", {}, {"path": "/etc/a/", "state": "absent"}, "/etc/a", {"type": "absent"}, id="removed"),
    pytest.param(
        "file",
        {},
        {"path": "/etc/a", "state": "directory", "mode": 0o750, "owner": "root", "group": "33"},
        "/etc/a",
        {"type": "directory", "mode": "0750", "uid": 0, "gid": 33},
        id="a folder",
    ),
    pytest.param(
        "file",
        {},
        {"dest": "/etc/l", "src": "a\tb", "state": "link"},
        "/etc/l",
        {"type": "link", "target": "a\\x09b"},
        id="a link",
    ),
    pytest.param(
        "copy", {}, {"content": "hello\n", "dest": "/e\u202e", "mode": "u=rw"}, "/e\\xe2\\x80\\xae", SENT, id="escaped"
    ),
]


@pytest.mark.parametrize(("action", "said", "args", "path", "asked"), READINGS)
def test_what_a_task_proves(
    action: str, said: Dict[str, Any], args: Dict[str, Any], path: str, asked: Dict[str, Any]
) -> None:
    found = read(action, {**TOLD, **said}, **args)

    assert found is not None
    assert (path, asked) == (found.path, found.asked)


@pytest.mark.parametrize("args", [{"name": "nginx"}, {"path": "relative"}, {"path": "~/x"}, {"path": 7}, {}])
def test_a_task_without_a_path_leaves_no_record(args: Dict[str, Any]) -> None:
    assert read("apt", {}, **args) is None


def test_nonsense_of_the_host_is_no_word_of_mode_or_owner() -> None:
    found = read("copy", {"mode": "9999", "uid": True, "gid": "0", "checksum": []}, content="x", dest="/etc/a")

    assert found is not None
    assert {} == found.told


def record(asked: Dict[str, Any], told: Optional[Dict[str, Any]] = None) -> Record:
    origin = Origin("site.yml", "Deploy", "Put", "", "anna", "2026-11-28T12:00:00Z")
    return Record(asked, METADATA if told is None else told, origin)


NOW = {**SENT, **METADATA, "nlink": 1}
OLD = {**NOW, "sha256": OTHER.sha256}
DRIFTS: List[Any] = [
    pytest.param(record(SENT), None, NOW, True, id="a new file"),
    pytest.param(record(SENT), OLD, NOW, True, id="new content"),
    pytest.param(record(SENT), OLD, {**NOW, "sha256": "0" * 64}, False, id="other content"),
    pytest.param(record({"type": "file"}), OLD, NOW, False, id="content that nobody here knows"),
    pytest.param(record(SENT), OLD, {**NOW, "mode": "4755"}, False, id="made setuid since"),
    pytest.param(record({**SENT, "mode": "0600"}), None, NOW, False, id="not the mode asked for"),
    pytest.param(record(SENT, {}), OLD, {**NOW, "uid": 33}, False, id="an owner nobody told of"),
    pytest.param(record(SENT), OLD, {**NOW, "acl": "02"}, False, id="an access list nobody asked for"),
    pytest.param(record(SENT), OLD, {**NOW, "nlink": 2}, False, id="a second name"),
    pytest.param(record({}), {**NOW, "mode": "0600"}, NOW, False, id="only the host's word"),
    pytest.param(record({"mode": "0644"}), {**NOW, "mode": "0600"}, NOW, True, id="a mode that was asked for"),
    pytest.param(record({"type": "absent"}), NOW, None, True, id="removed"),
    pytest.param(record({"type": "absent"}), OLD, NOW, False, id="back again"),
    pytest.param(record(SENT), NOW, None, False, id="gone, though it was put there"),
]


@pytest.mark.parametrize(("known", "before", "after", "expected"), DRIFTS)
def test_which_drift_is_exactly_what_was_recorded(known: Record, before: Any, after: Any, expected: bool) -> None:
    assert expected is explains(known, before=before, after=after)


def change(effect: Any, **asked: Any) -> Change:
    return Change("/etc/a", effect, asked, {})


def test_a_later_mode_leaves_the_content_known_and_an_edit_does_not() -> None:
    first = record({**SENT, "mode": "0644"})
    chmod = merged(first, change("attributes", mode="0600"), origin=first.origin)
    edit = merged(chmod, change("edit"), origin=first.origin)
    gone = merged(edit, change("content", type="absent"), origin=first.origin)

    assert {**SENT, "mode": "0600"} == chmod.asked
    assert {"mode": "0600"} == edit.asked
    assert {"mode": "0700"} == merged(gone, change("attributes", mode="0700"), origin=first.origin).asked


def test_digests_of_local_files(tmp_path: Path) -> None:
    place, files = tmp_path / "a", content.Files()
    place.write_bytes(b"hello\n")
    assert HELLO == files.of(str(place))
    place.write_bytes(b"other\n")
    assert OTHER == files.of(str(place))
    assert hashlib.sha1(b"other\n").hexdigest() == OTHER.sha1

    with place.open("wb") as handle:
        handle.truncate(content.MAX_BYTES + 1)
    assert [None, None, None] == [files.of(str(name)) for name in (place, tmp_path, tmp_path / "gone")]


def test_a_store_that_cannot_be_written_is_said_once_and_written_later(tmp_path: Path) -> None:
    said: List[str] = []
    url = f"sqlite:///{tmp_path}/fleet.sqlite"
    scribe = Scribe(url, said.append, "anna")
    for _ in range(2):
        scribe.note("web-1", change("edit"), task="Edit")
        scribe.write()
    assert ["what this play changes is not recorded"] == [text[:38] for text in said]

    with open_store(url, environ={}):
        scribe.write()
    assert "changes on web-1 are not recorded: never collected from" == said[1]
