# SPDX-License-Identifier: GPL-3.0-or-later
"""What a message of sshd says, and what an attacker's text in it must not be able to say."""

from __future__ import annotations

from typing import Optional, Tuple

import pytest
from vps_sentry.sshlog.messages import Event, parse

KEY = "SHA256:UlvTNRrIo+vb+/SOX9LzVmM2x3ru82zEBU6vPocBPMU"
CA = "SHA256:abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"
NAME = "root from 1.2.3.4 port 22 ssh2"
PW = "password"
LOGIN = "Accepted password for root from 6.6.6.6 port 1 ssh2"
CERT = f"ED25519-CERT {KEY}"
ID_END = f"{KEY} ID y (serial 0) CA ED25519 {CA}"
CHANGED = "Change of username or service not allowed: (root,ssh-connection) ->"

# why, message, event
TABLE: Tuple[Tuple[str, str, Optional[Event]], ...] = (
    (
        "password of an account",
        "Failed password for root from 203.0.113.7 port 50022 ssh2",
        Event("failed", "root", "203.0.113.7", 50022, PW, attempts=1),
    ),
    (
        "invalid user is no part of the name",
        "Failed password for invalid user admin from 203.0.113.7 port 1 ssh2",
        Event("failed", "admin", "203.0.113.7", 1, PW, attempts=1),
    ),
    (
        "second factor",
        "Failed keyboard-interactive/pam for bob from 2001:db8::1 port 9 ssh2",
        Event("failed", "bob", "2001:db8::1", 9, "keyboard-interactive/pam", attempts=1),
    ),
    (
        "a key offered is no guess",
        f"Failed publickey for root from 203.0.113.7 port 9 ssh2: ED25519 {KEY}",
        Event("failed", "root", "203.0.113.7", 9, "publickey", KEY),
    ),
    (
        "none is how a client asks for the methods",
        "Failed none for root from 203.0.113.7 port 9 ssh2",
        Event("failed", "root", "203.0.113.7", 9, "none"),
    ),
    (
        "hostbased is a guess",
        f'Failed hostbased for eve from 203.0.113.7 port 9 ssh2: RSA {KEY}, client user "eve", client host "h"',
        Event("failed", "eve", "203.0.113.7", 9, "hostbased", KEY, attempts=1),
    ),
    (
        "a name that holds an address",
        f"Failed password for invalid user {NAME} from 10.88.0.1 port 45296 ssh2",
        Event("failed", NAME, "10.88.0.1", 45296, PW, attempts=1),
    ),
    (
        "a name that is a whole message; sshd escapes the newline",
        f"Failed password for invalid user a\\n{LOGIN} from 10.88.0.1 port 2 ssh2",
        Event(
            "failed",
            "a\\x5cnAccepted password for root from 6.6.6.6 port 1 ssh2",
            "10.88.0.1",
            2,
            PW,
            attempts=1,
        ),
    ),
    (
        "a key id of the attacker's own authority holds an address: two readings, so none",
        f"Failed publickey for root from 203.0.113.7 port 9 ssh2: {CERT} ID x from 6.6.6.6 port 22 ssh2: RSA {ID_END}",
        Event("failed", None, None, None, "publickey"),
    ),
    (
        "a name that holds the beginning of a key",
        "Failed password for invalid user x from 6.6.6.6 port 22 ssh2: RSA from 203.0.113.7 port 9 ssh2",
        Event("failed", "x from 6.6.6.6 port 22 ssh2: RSA", "203.0.113.7", 9, PW, attempts=1),
    ),
    (
        "empty name",
        "Failed password for invalid user  from 10.88.0.1 port 58998 ssh2",
        Event("failed", "", "10.88.0.1", 58998, PW, attempts=1),
    ),
    ("cut off: an attempt of nobody", "Failed password for root", Event("failed", None, None, None, PW, attempts=1)),
    (
        "host name in place of an address is not looked up",
        "Failed password for root from host.example port 9 ssh2",
        Event("failed", "root", None, 9, PW, attempts=1),
    ),
    (
        "text after the percent sign is no zone",
        "Failed password for root from fe80::1%\\n@everyone port 9 ssh2",
        Event("failed", "root", None, 9, PW, attempts=1),
    ),
    (
        "a zone is",
        "Failed password for root from fe80::1%eth0 port 9 ssh2",
        Event("failed", "root", "fe80::1%eth0", 9, PW, attempts=1),
    ),
    (
        "mapped IPv4 is the same machine",
        "Failed password for root from ::ffff:203.0.113.7 port 9 ssh2",
        Event("failed", "root", "203.0.113.7", 9, PW, attempts=1),
    ),
    (
        "an octet too large",
        "Failed password for root from 203.0.113.256 port 9 ssh2",
        Event("failed", "root", None, 9, PW, attempts=1),
    ),
    ("no port goes that far", "Failed password for root from 203.0.113.7 port 65536 ssh2", None),
    (
        "rsyslog folds equal lines",
        "message repeated 5 times: [ Failed password for root from 203.0.113.7 port 9 ssh2]",
        Event("failed", "root", "203.0.113.7", 9, PW, attempts=5),
    ),
    ("folded twice is nobody's", "message repeated 5 times: [ message repeated 5 times: [ Failed]]", None),
    (
        "login by password",
        "Accepted password for alice from 203.0.113.7 port 9 ssh2",
        Event("accepted", "alice", "203.0.113.7", 9, PW, login=True),
    ),
    (
        "login by key",
        f"Accepted publickey for root from 2001:db8::1 port 9 ssh2: ED25519 {KEY}",
        Event("accepted", "root", "2001:db8::1", 9, "publickey", KEY, login=True),
    ),
    (
        "login by PAM, which one word does not match",
        "Accepted keyboard-interactive/pam for alice from 203.0.113.7 port 9 ssh2",
        Event("accepted", "alice", "203.0.113.7", 9, "keyboard-interactive/pam", login=True),
    ),
    (
        "login by GSSAPI",
        "Accepted gssapi-with-mic for alice from 203.0.113.7 port 9 ssh2: alice@EXAMPLE.ORG",
        Event("accepted", "alice", "203.0.113.7", 9, "gssapi-with-mic", login=True),
    ),
    (
        "an old fingerprint",
        "Accepted publickey for root from 203.0.113.7 port 9 ssh2: RSA 00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff",
        Event(
            "accepted",
            "root",
            "203.0.113.7",
            9,
            "publickey",
            "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff",
            login=True,
        ),
    ),
    (
        "the key id of a certificate is text of whoever signed it: the first address counts",
        f"Accepted publickey for deploy from 203.0.113.5 port 5 ssh2: {CERT} ID x from 6.6.6.6 port 22 ssh2 {ID_END}",
        Event("accepted", "deploy", "203.0.113.5", 5, "publickey", KEY, login=True),
    ),
    (
        "the peer was gone already",
        "Accepted password for root from UNKNOWN port 65535 ssh2",
        Event("accepted", "root", None, 65535, PW, login=True),
    ),
    (
        "half a login is none",
        "Partial publickey for root from 203.0.113.7 port 9 ssh2: RSA x",
        Event("other", "root", "203.0.113.7", 9, "publickey"),
    ),
    (
        "a key that fits is no login",
        f"Accepted key ED25519 {KEY} found at /root/.ssh/authorized_keys:1",
        Event("other"),
    ),
    (
        "a message in a banner",
        f'error: kex_exchange_identification: client sent invalid protocol identifier "{LOGIN}"',
        Event("other"),
    ),
    (
        "the same on older sshd",
        "Bad protocol version identification 'Accepted password for root from 6.6.6.6 port 1 ssh2' from 1.2.3.4",
        Event("other"),
    ),
    (
        "unknown user",
        "Invalid user admin from 203.0.113.7 port 9",
        Event("invalid_user", "admin", "203.0.113.7", 9),
    ),
    ("unknown user without port", "Invalid user admin from 203.0.113.7", Event("invalid_user", "admin", "203.0.113.7")),
    (
        "unknown user named like a login",
        "Invalid user Accepted password for root from 198.51.100.66 from 203.0.113.7 port 9",
        Event("invalid_user", "Accepted password for root from 198.51.100.66", "203.0.113.7", 9),
    ),
    (
        "too many tries",
        "error: maximum authentication attempts exceeded for invalid user guest from 203.0.113.7 port 9 ssh2 [preauth]",
        Event("max_attempts", "guest", "203.0.113.7", 9),
    ),
    (
        "left before logging in",
        "Connection closed by authenticating user root 203.0.113.7 port 9 [preauth]",
        Event("preauth_disconnect", "root", "203.0.113.7", 9, what="named"),
    ),
    (
        "left, with an address for a name",
        f"Connection closed by invalid user {NAME} 10.88.0.1 port 45296 [preauth]",
        Event("preauth_disconnect", NAME, "10.88.0.1", 45296, what="named"),
    ),
    (
        "left, and the name pushed the address out of the message",
        "Connection closed by invalid user " + "u" * 460,
        Event("preauth_disconnect", what="named"),
    ),
    (
        "left without a name",
        "Connection closed by 203.0.113.7 port 9 [preauth]",
        Event("preauth_disconnect", None, "203.0.113.7", 9),
    ),
    (
        "left after logging in",
        "Disconnected from user alice 203.0.113.7 port 9",
        Event("other", "alice", "203.0.113.7", 9),
    ),
    (
        "sent off",
        "Disconnecting authenticating user alice 203.0.113.7 port 9: Too many authentication failures [preauth]",
        Event("preauth_disconnect", "alice", "203.0.113.7", 9, what="named"),
    ),
    (
        "sent off, the reason quotes the client and names another address",
        f"Disconnecting authenticating user root 203.0.113.7 port 5: {CHANGED} (x 6.6.6.6 port 22: y,s) [preauth]",
        Event("preauth_disconnect", what="named"),
    ),
    (
        "penalty",
        "drop connection #0 from [10.88.0.1]:51234 on [10.88.0.44]:22 penalty: failed authentication",
        Event("other", address="10.88.0.1", port=51234, what="penalty"),
    ),
    (
        "too many unauthenticated connections",
        "drop connection #12 from [2001:db8::5]:51234 on [2001:db8::1]:22 past MaxStartups",
        Event("other", address="2001:db8::5", port=51234),
    ),
    (
        "denied by policy",
        "User blocked from 10.88.0.1 not allowed because listed in DenyUsers",
        Event("other", "blocked", "10.88.0.1"),
    ),
    (
        "negotiation failed; the offer is the client's text",
        "Unable to negotiate with 10.88.0.1 port 9: no matching key exchange method found. Their offer: x from 6.6.6.6",
        Event("other", None, "10.88.0.1", 9),
    ),
    ("PAM says it once more", "PAM 5 more authentication failures; rhost=10.88.0.1  user=alice", Event("other")),
    ("nothing sshd says", "Accepting the inevitable", None),
    ("a prefix is not enough", "xFailed password for root from 203.0.113.7 port 9 ssh2", None),
    ("nothing", "", None),
    ("a newline never stands in a message", "Failed password for root from 203.0.113.7 port 9 ssh2\nx", None),
)


@pytest.mark.weakness(5)
@pytest.mark.weakness(6)
@pytest.mark.parametrize(("message", "expected"), [case[1:] for case in TABLE], ids=[case[0] for case in TABLE])
def test_parse(message: str, expected: Optional[Event]) -> None:
    assert parse(message.encode()) == expected


def test_a_name_that_is_not_text_is_escaped() -> None:
    event = parse(b"Failed password for invalid user \xff\x1b[31m from 203.0.113.7 port 9 ssh2")
    assert event == Event("failed", "\\xff\\x1b[31m", "203.0.113.7", 9, PW, attempts=1)
