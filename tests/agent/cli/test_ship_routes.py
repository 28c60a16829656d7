# SPDX-License-Identifier: GPL-3.0-or-later
"""Where messages go: which configuration counts, where secrets come from, what is not obeyed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from vps_sentry.cli.ship import routes
from vps_sentry.config import ACCEPTED, LAST_GOOD
from vps_sentry.errors import ConfigError

COMMAND = {"notify": {"command": {"argv": ["/usr/bin/true"]}}}


def test_a_program_is_obeyed_only_from_etc(tmp_path: Path) -> None:
    """Who may run ``vps-sentry ship --config FILE`` as root must not thereby start what he likes (A21)."""
    path = tmp_path / "c.json"
    path.write_text(json.dumps(COMMAND))
    path.chmod(0o600)

    with pytest.raises(ConfigError, match=r"/etc|others may write"):
        routes(str(path), state=str(tmp_path))


def test_a_program_is_obeyed_as_the_unit_s_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd read it from /etc; where its copy lies means nothing."""
    (tmp_path / "vps-sentry.json").write_text(json.dumps(COMMAND))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))

    assert set(routes("/etc/vps-sentry.json", state=str(tmp_path)).options) == {"command"}


@pytest.mark.parametrize("path", ["/etc/../tmp/x.json", "etc/x.json", "/etcetera/x.json"])
def test_a_path_that_only_looks_like_etc_is_none(path: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("vps_sentry.trust.read", lambda path, user: json.dumps(COMMAND).encode())
    with pytest.raises(ConfigError, match="obeyed only from a configuration in /etc"):
        routes(path, state=str(tmp_path))


@pytest.mark.parametrize("name", [LAST_GOOD, ACCEPTED])
def test_a_state_directory_that_anybody_may_name_starts_no_program(name: str, tmp_path: Path, owned: Path) -> None:
    """``vps-sentry ship --state-dir DIR`` as root reads the configurations kept there."""
    (tmp_path / name).write_text(json.dumps(COMMAND))
    (owned / "c.json").write_text("{}")
    (owned / "c.json").chmod(0o600)
    found = routes(str(owned / "c.json"), state=str(tmp_path))

    assert ({}, None) == (dict(found.options), found.former)


def test_a_kept_webhook_is_the_former_way(tmp_path: Path, owned: Path) -> None:
    (tmp_path / ACCEPTED).write_text(json.dumps({"notify": {"webhook": {"url": "https://old.example/x"}}}))
    (owned / "c.json").write_text(json.dumps({"notify": {"webhook": {"url": "https://new.example/x"}}}))
    (owned / "c.json").chmod(0o600)
    found = routes(str(owned / "c.json"), state=str(tmp_path))

    assert found.former is not None
    assert ["https://new.example/x", "https://old.example/x"] == [
        way["webhook"].url for way in (found.options, found.former.options)
    ]
