# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages written the way sshd writes them, of known people and places: what is read is what was written, or nothing.

The forms are those of OpenSSH 7 to 10. Names, key ids and reasons are whatever a client likes, made from the very
words that the parser looks for; sshd's own words are never his to choose.
"""

from __future__ import annotations

import random
from typing import Dict, NamedTuple, Optional, Tuple

import pytest
from vps_sentry.core.canonical import escape
from vps_sentry.sshlog.messages import CUT, parse

WORDS = (
    "root", "from", "port", "22", "ssh2", "ssh2:", "[preauth]", "6.6.6.6", "6.6.6.6 port 22", "6.6.6.6 port 22 ssh2",
    "6.6.6.6 port 22:", "from 6.6.6.6 port 22 ssh2:",
    "invalid user", "authenticating user", "user", "for", "Failed password for", "Accepted publickey for", ":", "ID",
    "RSA SHA256:AAAA", "CA", "message repeated 9 times: [", "]", "Too many authentication failures", "\\n", "\\033[31m",
    "", "not allowed because", "2001:db8::6 port 6 ssh2", "UNKNOWN port 65535", "\xe9", "\u202e",
)  # fmt: skip
REAL = ("203.0.113.7", "2001:db8::7", "fe80::7%eth0")
METHODS = ("password", "keyboard-interactive/pam", "gssapi-with-mic", "hostbased", "none", "publickey")
KEY = "SHA256:UlvTNRrIo+vb+/SOX9LzVmM2x3ru82zEBU6vPocBPMU"


class Form(NamedTuple):
    """A message of sshd; ``free`` is a client's text that stands behind the address."""

    text: str
    event: str
    sure: bool
    """Whether nothing of the client's stands behind the address, so that it must be read."""


FORMS = (
    Form("Failed {method} for {invalid}{user} from {where} port {port} ssh2", "failed", True),
    Form("Failed publickey for {invalid}{user} from {where} port {port} ssh2: ED25519 {key}", "failed", False),
    Form(
        "Failed publickey for {invalid}{user} from {where} port {port} ssh2: RSA-CERT {key} ID {free}"
        " (serial 1) CA RSA {key}",
        "failed", False,
    ),
    Form(
        'Failed hostbased for {invalid}{user} from {where} port {port} ssh2: RSA {key},'
        ' client user "{free}", client host "h"',
        "failed", False,
    ),
    Form("Invalid user {user} from {where} port {port}", "invalid_user", True),
    Form("Invalid user {user} from {where}", "invalid_user", True),
    Form(
        "error: maximum authentication attempts exceeded for {invalid}{user} from {where} port {port} ssh2 [preauth]",
        "max_attempts", True,
    ),
    Form("Connection closed by {who} {user} {where} port {port} [preauth]", "preauth_disconnect", True),
    Form("Connection reset by {who} {user} {where} port {port} [preauth]", "preauth_disconnect", True),
    Form("Disconnected from {who} {user} {where} port {port} [preauth]", "preauth_disconnect", True),
    Form(
        "Disconnecting {who} {user} {where} port {port}: Too many authentication failures [preauth]",
        "preauth_disconnect", True,
    ),
    Form(
        "Disconnecting {who} {user} {where} port {port}: Change of username or service not allowed: ({free}) [preauth]",
        "preauth_disconnect", False,
    ),
    Form("Connection closed by {where} port {port} [preauth]", "preauth_disconnect", True),
    Form("Received disconnect from {where} port {port}:11: {free} [preauth]", "other", True),
    Form("drop connection #3 from [{where}]:{port} on [10.0.0.1]:22 penalty: failed authentication", "other", True),
    Form("User {user} from {where} not allowed because not listed in AllowUsers", "other", True),
    Form("message repeated 5 times: [ Failed password for {invalid}{user} from {where} port {port} ssh2]",
         "failed", True),
)  # fmt: skip
# An account's name holds neither space nor colon; only what the signer of a certificate wrote is anybody's.
LOGINS = (
    Form("Accepted {method} for {account} from {where} port {port} ssh2", "accepted", True),
    Form("Accepted publickey for {account} from {where} port {port} ssh2: ED25519 {key}", "accepted", True),
    Form(
        "Accepted publickey for {account} from {where} port {port} ssh2: RSA-CERT {key} ID {free}"
        " (serial 1) CA RSA {key}",
        "accepted", True,
    ),
    Form("Accepted gssapi-with-mic for {account} from {where} port {port} ssh2: {account}@EXAMPLE.ORG",
         "accepted", True),
)  # fmt: skip


def text(choose: random.Random) -> str:
    return " ".join(choose.choice(WORDS) for _ in range(choose.randrange(5)))


def said(choose: random.Random, form: Form) -> Tuple[str, Dict[str, str]]:
    facts = {
        "method": choose.choice(METHODS),
        "invalid": choose.choice(("", "invalid user ")),
        "who": choose.choice(("invalid user", "authenticating user")),
        "user": text(choose),
        "account": choose.choice(("root", "deploy", "a.b-c_d", "from")),
        "where": choose.choice(REAL),
        "port": str(choose.randrange(1, 65536)),
        "key": KEY,
        "free": text(choose),
    }
    return form.text.format(**facts), facts


@pytest.mark.parametrize("form", [*FORMS, *LOGINS], ids=lambda form: form.text[:40])
def test_what_is_read_is_what_was_written(form: Form) -> None:
    choose = random.Random(form.text)
    for _ in range(3_000):
        message, facts = said(choose, form)
        event = parse(message.encode())
        assert event is not None, message
        assert event.event == form.event, message
        assert event.address in (facts["where"], None), message
        assert event.port in (int(facts["port"]), None), message
        if form.sure:
            assert event.address == facts["where"], message


@pytest.mark.parametrize("form", LOGINS, ids=lambda form: form.text[:40])
def test_who_logged_in_and_with_which_key(form: Form) -> None:
    choose = random.Random(form.text)
    for _ in range(1_000):
        message, facts = said(choose, form)
        event = parse(message.encode())
        key: Optional[str] = KEY if "{key}" in form.text else None
        assert event is not None
        assert (event.user, event.key, event.login) == (facts["account"], key, True), message


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.text[:40])
def test_nobody_gets_in_by_being_called_so(form: Form) -> None:
    """Weakness 5: a name that is a whole login message."""
    for name in ("Accepted password for root from 6.6.6.6 port 22 ssh2", "x\\nAccepted password for root from 6.6.6.6"):
        facts = {"method": "password", "invalid": "", "who": "invalid user", "where": REAL[0], "port": "9", "key": KEY}
        event = parse(form.text.format(user=name, free=name, account="root", **facts).encode())
        assert event is not None
        assert (event.login, event.event != "accepted", event.address != "6.6.6.6") == (False, True, True)


@pytest.mark.parametrize("form", [*FORMS, *LOGINS], ids=lambda form: form.text[:40])
def test_cut_off_within_a_name_it_is_never_another_address(form: Form) -> None:
    """sshd cuts at 500 bytes: the name can be padded so that the address in it stands last."""
    choose = random.Random(form.text)
    for end in ("6.6.6.6 port 22 ssh2", "6.6.6.6 port 22", "6.6.6.6 port 22 [preauth]", "6.6.6.6"):
        for between in (" from ", " "):
            _, facts = said(choose, form)
            before = form.text.partition("{user}")[0].format(**facts)
            name = "x" * (CUT - len(before) - len(between) - len(end)) + between + end
            cut = form.text.format(**{**facts, "user": name}).encode()[:CUT]
            event = parse(cut)
            assert event is None or event.address in (facts["where"], None), cut


def test_a_name_is_as_it_was_logged() -> None:
    event = parse("Invalid user \u202e\xe9 from 203.0.113.7 port 9".encode())
    assert event is not None
    assert event.user == escape("\u202e\xe9".encode())
