# SPDX-License-Identifier: GPL-3.0-or-later
"""Where messages go: which configuration counts, where secrets come from, what is not obeyed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from vps_sentry.cli.ship import routes
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
