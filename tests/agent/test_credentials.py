# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets in files: the unit's own lines decide which are handed over; what is not is said before it is missed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.tree import ROOT
from vps_sentry import config
from vps_sentry import sinks as sink_room
from vps_sentry.cli.ship import routes
from vps_sentry.core.codec import field_types
from vps_sentry.credentials import FOLDER, handed_over, secret_files, warnings
from vps_sentry.errors import ShipError

UNIT = str(ROOT / "deploy/systemd/vps-sentry-ship.service")
MAIL = {"host": "mail.example.org", "from": "a@b.example", "to": ["c@d.example"], "user": "u"}


def parsed(notify: object) -> config.Config:
    return config.parse(json.dumps({"notify": notify}).encode())


def test_every_file_option_is_found() -> None:
    found = parsed({
        "ntfy": {"topic_file": f"{FOLDER}/ntfy-topic", "token_file": f"{FOLDER}/ntfy-token"},
        "webhook": {"url": "https://h.example/x", "secret_file": f"{FOLDER}/hmac"},
        "heartbeat": {"url_file": f"{FOLDER}/heartbeat-url"},
    })  # fmt: skip

    assert secret_files(found) == {
        "notify.heartbeat.url_file": f"{FOLDER}/heartbeat-url",
        "notify.ntfy.token_file": f"{FOLDER}/ntfy-token",
        "notify.ntfy.topic_file": f"{FOLDER}/ntfy-topic",
        "notify.webhook.secret_file": f"{FOLDER}/hmac",
    }
    assert warnings(found, unit=UNIT) == ()


def test_the_unit_names_a_place_for_the_secrets_of_every_sink() -> None:
    """A new sink cannot forget its line."""
    given = handed_over(UNIT)
    assert given is not None
    for name, sink in sink_room.discover().items():
        if any(option.endswith("_file") for option in field_types(sink.options)):
            start = {"email": "smtp", "webhook": "hmac"}.get(name, name)
            assert [path for path in given.values() if path.startswith(f"{FOLDER}/{start}")], name


NOT_GIVEN = [
    pytest.param(f"{FOLDER}/my-mail", "run scripts/install.sh or the install playbook again", id="a name of one's own"),
    pytest.param("/root/hmac", f"put it into {FOLDER}, name it there, and run scripts/install.sh", id="elsewhere"),
    pytest.param(f"{FOLDER}/sub/hmac", f"put it into {FOLDER}", id="deeper"),
]


@pytest.mark.parametrize(("path", "words"), NOT_GIVEN)
def test_a_secret_that_is_not_handed_over_is_said(
    path: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notify = {"email": {**MAIL, "password_file": path}}
    (found,) = warnings(parsed(notify), unit=UNIT)
    assert found.startswith(f"notify.email.password_file: {path} is not handed to vps-sentry-ship.service; ")
    assert words in found

    # And where it is missed: a credential of the same name that came from elsewhere is not taken for it.
    (tmp_path / "vps-sentry.json").write_text(json.dumps({"notify": notify}))
    if path != f"{FOLDER}/my-mail":
        (tmp_path / "hmac").write_text("another secret")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    read = routes("/etc/vps-sentry.json", state=str(tmp_path)).transport.read_secret
    with pytest.raises(ShipError, match="is not handed to"):
        read(path)


def test_a_drop_in_hands_over_more(tmp_path: Path) -> None:
    unit = tmp_path / "vps-sentry-ship.service"
    unit.write_text("[Service]\nLoadCredential=hmac:/etc/vps-sentry.d/hmac\n")
    (tmp_path / "vps-sentry-ship.service.d").mkdir()
    drop_in = tmp_path / "vps-sentry-ship.service.d/secrets.conf"
    drop_in.write_text(f"[Service]\nLoadCredential=my-mail:{FOLDER}/my-mail\n")
    notify = {"email": {**MAIL, "password_file": f"{FOLDER}/my-mail"}}

    assert warnings(parsed(notify), unit=str(unit)) == ()
    drop_in.rename(drop_in.with_suffix(".off"))
    assert len(warnings(parsed(notify), unit=str(unit))) == 1


def test_without_the_unit_nothing_is_said(tmp_path: Path) -> None:
    assert warnings(parsed({"email": {**MAIL, "password_file": "/x"}}), unit=str(tmp_path / "none")) == ()


def test_a_secret_others_may_read_is_said(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("x")
    secret.chmod(0o640)
    found = warnings(parsed({"email": {**MAIL, "password_file": str(secret)}}), unit=str(tmp_path / "none"))

    assert [word for word in found if f"run: chmod 600 {secret}" in word]


@pytest.mark.parametrize("content", ["", "\n", None])
def test_an_empty_credential_stands_for_a_missing_file(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vps-sentry.json").write_text("{}")
    if content is not None:
        (tmp_path / "hmac").write_text(content)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    read = routes("/etc/vps-sentry.json", state=str(tmp_path)).transport.read_secret
    with pytest.raises(ShipError, match=r"holds nothing|is not handed") as caught:
        read(f"{FOLDER}/hmac")
    assert caught.value.reason == "upload-failure"


def test_the_secret_is_the_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vps-sentry.json").write_text("{}")
    (tmp_path / "hmac").write_text(" k3y\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))

    assert routes("/etc/vps-sentry.json", state=str(tmp_path)).transport.read_secret(f"{FOLDER}/hmac") == "k3y"
