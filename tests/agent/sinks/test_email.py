# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail through a real SMTP server over real TLS: what arrives, what is refused, what hostile text becomes."""

from __future__ import annotations

import dataclasses
import email
import re
import subprocess
import sys
import time
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from support.alerts import HOSTILE, alert, message
from support.receiver import Certificate, make_certificate
from support.smtp import PASSWORD, USER, Play, mail_server
from support.tree import AGENT
from vps_sentry.errors import ShipError
from vps_sentry.sinks import DeliveryError, Transport
from vps_sentry.sinks.email import Options, compose, send, validate

RIGHT = Options(host="localhost", from_="sentry@example.org", to=("ops@example.org",))


def options(port: int = 25, **changes: Any) -> Options:
    return dataclasses.replace(RIGHT, port=port, **changes)


def body(mail: Any) -> str:
    """The text of a parsed mail."""
    return str(mail.get_body().get_content()).replace("\r\n", "\n")


def login(folder: Path) -> dict[str, Any]:
    secret = folder / "password"
    secret.write_text(PASSWORD + "\n")
    return {"user": USER, "password_file": str(secret)}


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_mail_arrives_encrypted_logged_in_and_with_the_report(
    certificate: Certificate, transport: Transport, tmp_path: Path, security: str
) -> None:
    with mail_server(certificate, Play(security=security)) as server:
        to = ("ops@example.org", "anna@example.org")
        send(message(), options(server.port, security=security, to=to, **login(tmp_path)), transport=transport)
        (mail,) = server.mails
        assert not any(PASSWORD in line or "AUTH" in line or "MAIL" in line for line in server.lines)

    assert (mail.encrypted, mail.user, mail.sender, mail.recipients) == (True, USER, "sentry@example.org", [*to])
    found = mail.parsed()
    assert found["Subject"] == "[vps-sentry] web-1: 1 critical"
    assert found["Message-ID"] == "<0123456789abcdef.vps-sentry@example.org>"
    assert found["Date"] == "Fri, 15 Jan 2027 08:00:00 -0000"
    assert "CRITICAL: New public listener tcp:4444\n    python3 listens on 0.0.0.0:4444\n" in body(found)
    (attached,) = found.iter_attachments()
    assert attached.get_filename() == "vps-sentry-web-1-2026-10-01T120000Z.json"
    assert attached.get_content() == b'{"alerts":[]}'


def test_a_server_on_this_host_may_be_spoken_to_plainly(certificate: Certificate, transport: Transport) -> None:
    with mail_server(certificate, Play(security="none", login=False)) as server:
        send(message(test=True), options(server.port, security="none"), transport=transport)
        (mail,) = server.mails

    assert mail.parsed()["Subject"].startswith("[vps-sentry] TEST, nothing happened: ")


def test_the_same_message_has_the_same_id(certificate: Certificate) -> None:
    first, second = (compose(message(), RIGHT, now=now) for now in (1, 2))
    ids = [email.message_from_bytes(mail, policy=default)["Message-ID"] for mail in (first, second)]

    assert ids[0] == ids[1]


REFUSALS = [
    # id, play, options, words of the error, whole sink, retry after
    ("no STARTTLS: nothing in clear", Play(security="none"), {}, "does not offer", True, None),
    ("STARTTLS stripped by somebody between", Play(answers={"STARTTLS": "454 no"}), {}, "answered 454", True, None),
    ("wrong password", Play(), {"user": USER, "password": "wrong"}, "refused the login (535)", True, 3600),
    ("no login offered", Play(login=False), {"user": USER, "password": "x"}, "does not offer", True, None),
    ("sender refused", Play(answers={"MAIL": "550 no"}), {}, "answered 550", False, None),
    ("every recipient refused", Play(answers={"RCPT": "550 who?"}), {}, "refuses every recipient (550)", True, 3600),
    ("greylisted", Play(answers={"RCPT": "451 later"}), {}, "tried again later (451)", True, None),
    ("content refused", Play(answers={"END": "554 spam"}), {}, "answered 554", False, None),
    ("full", Play(answers={"END": "452 full"}), {}, "answered 452", True, None),
    ("hello refused", Play(answers={"EHLO": "554 go away", "HELO": "554 go away"}), {}, "answered 554", False, None),
    ("nonsense", Play(answers={"EHLO": "\0" * 3000, "HELO": "x"}), {}, "localhost: ", True, None),
]


@pytest.mark.parametrize(
    ("play", "changes", "words", "whole_sink", "retry_after"), [c[1:] for c in REFUSALS], ids=[c[0] for c in REFUSALS]
)
def test_refusals(
    certificate: Certificate,
    transport: Transport,
    play: Play,
    *,
    changes: Any,
    words: str,
    whole_sink: bool,
    retry_after: int | None,
) -> None:
    with mail_server(certificate, play) as server, pytest.raises(DeliveryError) as caught:
        send(message(), options(server.port, **changes), transport=transport)

    assert words in str(caught.value)
    assert (caught.value.whole_sink, caught.value.retry_after) == (whole_sink, retry_after)
    assert "END" in play.answers or server.mails == []


def test_a_refused_recipient_is_named_to_the_others(certificate: Certificate, transport: Transport) -> None:
    play = Play(answers={"rcpt TO:<gone@example.org>": "550 no such user"})
    with mail_server(certificate, play) as server:
        send(message(), options(server.port, to=("gone@example.org", "ops@example.org")), transport=transport)
        (mail,) = server.mails

    assert mail.recipients == ["ops@example.org"]
    assert "refused to deliver this to: gone@example.org" in body(mail.parsed())


CERTIFICATES = [
    pytest.param({"names": ("other.example",)}, id="another name"),
    pytest.param({"self_signed": True}, id="vouches for itself"),
]


@pytest.mark.weakness(14)
@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("wrong", CERTIFICATES)
def test_certificates_are_checked(
    certificate: Certificate, transport: Transport, tmp_path: Path, *, wrong: Any, security: str
) -> None:
    bad = make_certificate(tmp_path, **wrong)
    trusted = transport if "self_signed" in wrong else dataclasses.replace(transport, ca_bundle=str(bad.ca))
    with mail_server(bad, Play(security=security)) as server, pytest.raises(DeliveryError, match="not trusted"):
        send(message(), options(server.port, security=security, **login(tmp_path)), transport=trusted)

    assert server.mails == []


@pytest.mark.parametrize("play", [Play(silent_after="EHLO"), Play(silent_after="DATA"), Play(drip=True)])
def test_one_deadline_holds_whatever_the_server_does(
    certificate: Certificate, transport: Transport, play: Play
) -> None:
    began = time.monotonic()
    with mail_server(certificate, play) as server, pytest.raises(DeliveryError, match=r"no answer within|timed out"):
        send(message(), options(server.port), transport=dataclasses.replace(transport, deadline=1))

    assert time.monotonic() - began < 5


def test_a_server_that_says_nothing_after_quit_has_the_mail_already(
    certificate: Certificate, transport: Transport
) -> None:
    with mail_server(certificate, Play(silent_after="QUIT")) as server:
        send(message(), options(server.port), transport=dataclasses.replace(transport, deadline=3))

    assert len(server.mails) == 1


def test_nobody_there(transport: Transport) -> None:
    with pytest.raises(DeliveryError, match="Connection refused") as caught:
        send(message(), options(1), transport=transport)
    assert caught.value.whole_sink


@pytest.mark.parametrize("field", ["host", "time", "note"])
def test_no_text_of_a_host_becomes_a_header(field: str) -> None:
    evil = f"x\r\nBcc: evil@example.org\r\n\r\nbody {HOSTILE}"
    plain = {"title": evil, "detail": evil, "key": evil, "check": evil}
    data = compose(message(**{field: evil}, alerts=(alert(**plain),)), RIGHT, now=0)
    found = email.message_from_bytes(data, policy=default)

    assert data.isascii()
    assert "Bcc" not in found
    assert sorted({name.lower() for name in found}) == [
        "auto-submitted", "content-type", "date", "from", "message-id", "mime-version", "subject", "to"
    ]  # fmt: skip


def test_no_text_of_a_host_passes_for_a_line_of_ours() -> None:
    evil = "gone\n\nCRITICAL resolved: everything"
    data = compose(message(alerts=(alert(title=evil, detail=evil, key=evil),), note=evil), RIGHT, now=0)
    text = body(email.message_from_bytes(data, policy=default))
    ours = [line for line in text.splitlines() if line and not line.startswith(" ")]

    assert [line for line in ours if line.startswith("CRITICAL resolved")] == []


@pytest.mark.weakness(12)
def test_a_flood_is_counted_and_bounded() -> None:
    many = tuple(alert(title=f"t{number}", detail="d" * 5000) for number in range(500))
    data = compose(message(alerts=many, left_out=7), RIGHT, now=0)
    text = body(email.message_from_bytes(data, policy=default))
    shown = len(re.findall(r"^CRITICAL: t", text, re.MULTILINE))

    assert len(text.encode()) <= 66 * 1024
    assert f"… and {507 - shown} more in the attached file" in text


WRONG = [
    ({"host": None}, "host"),
    ({"host": "a b"}, "host"),
    ({"host": "mail.example.org\r\nx"}, "host"),
    ({"port": 0}, "port"),
    ({"host": "mail.example.org", "security": "none"}, "on this host"),
    ({"to": ()}, "to: "),
    ({"to": ("a@example.org",) * 21}, "1 to 20"),
    ({"to": ("ops@example.org\r\nBcc: evil@example.org",)}, "is not an address"),
    ({"to": ("ops@example.org, evil@example.org",)}, "is not an address"),
    ({"to": ("Ops <ops@example.org>",)}, "is not an address"),
    ({"from_": "nobody"}, "from: "),
    ({"from_": None}, "from: "),
    ({"user": "u"}, "exactly one of"),
    ({"password": "p"}, "user: "),
    ({"user": "u", "password": "p", "password_file": "/p"}, "exactly one of"),
]


@pytest.mark.parametrize(("changes", "problem"), WRONG)
def test_wrong_options_are_refused(changes: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        validate(dataclasses.replace(RIGHT, **changes))


@pytest.mark.parametrize("changes", [{}, {"user": "u", "password": "s3cret"}, {"security": "none"}])
def test_right_options_pass_and_keep_their_secret(changes: Any) -> None:
    found = dataclasses.replace(RIGHT, **changes)
    validate(found)
    assert "s3cret" not in repr(found)


def test_an_unreadable_password_is_said(transport: Transport) -> None:
    def missing(path: str) -> str:
        raise ShipError("upload-failure", f"cannot read {path}")

    with pytest.raises(ShipError, match="cannot read /p"):
        send(message(), options(user="u", password_file="/p"),
             transport=dataclasses.replace(transport, read_secret=missing))  # fmt: skip


def test_nothing_of_mail_is_imported_before_one_is_sent() -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(AGENT.parent)!r}); from vps_sentry import config; config.default(); "
        "print(sorted({'smtplib', 'email', 'ssl', 'subprocess', 'requests'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)

    assert run.stdout == "[]\n"
