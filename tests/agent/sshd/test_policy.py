# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom sshd's settings let in, and by what; where that is uncertain nothing is called forbidden."""

from __future__ import annotations

from typing import Optional

import pytest
from vps_sentry.sshd.match import Who
from vps_sentry.sshd.policy import Policy
from vps_sentry.sshd.syntax import settings

ROOT = Who("root", "203.0.113.7", 0, frozenset({"root"}))
ALICE = Who("alice", "203.0.113.7", 1000, frozenset({"alice", "staff"}))
STRANGER = Who("ldap", "203.0.113.7")


def policy(text: str) -> Policy:
    return Policy(tuple(settings("sshd_config", text.encode(), include=lambda wanted: [])))


PROHIBITED = "PermitRootLogin prohibit-password"
FORBIDDEN = (
    pytest.param("", ROOT, "password", PROHIBITED, id="root by password, by default"),
    pytest.param("", ROOT, "keyboard-interactive/pam", PROHIBITED, id="nor by PAM"),
    pytest.param("", ROOT, "publickey", None, id="by key"),
    pytest.param("", ALICE, "password", None, id="somebody else by password"),
    pytest.param("PermitRootLogin without-password", ROOT, "password", "without-password", id="the old word"),
    pytest.param("PermitRootLogin yes", ROOT, "password", None, id="root is let in"),
    pytest.param("PermitRootLogin no", ROOT, "publickey", "PermitRootLogin no", id="root is kept out"),
    pytest.param("PermitRootLogin no", Who("toor", None, 0), "publickey", "PermitRootLogin no", id="a second uid 0"),
    pytest.param("PermitRootLogin no", ALICE, "publickey", None, id="alice is not root"),
    pytest.param("PermitRootLogin forced-commands-only", ROOT, "publickey", None, id="the key may carry a command"),
    pytest.param("PermitRootLogin forced-commands-only", ROOT, "password", "forced", id="a password cannot"),
    pytest.param("PermitRootLogin no\nPermitRootLogin yes", ROOT, "publickey", "no", id="the first value wins"),
    pytest.param("PasswordAuthentication no", ALICE, "password", "PasswordAuthentication no", id="no passwords"),
    pytest.param("PasswordAuthentication no", ALICE, "keyboard-interactive/pam", None, id="but PAM asks for one"),
    pytest.param(
        "KbdInteractiveAuthentication no", ALICE, "keyboard-interactive/pam", "KbdInteractive", id="nor by PAM then"
    ),
    pytest.param("ChallengeResponseAuthentication no", ALICE, "keyboard-interactive/pam", "Kbd", id="the old name"),
    pytest.param(
        "ChallengeResponseAuthentication no\nKbdInteractiveAuthentication yes",
        ALICE,
        "keyboard-interactive/pam",
        None,
        id="before OpenSSH 8.7 either was enough",
    ),
    pytest.param("PubkeyAuthentication no", ALICE, "publickey", "PubkeyAuthentication no", id="no keys"),
    pytest.param("", ALICE, "hostbased", "HostbasedAuthentication no", id="off by default"),
    pytest.param("", ALICE, "none", "PermitEmptyPasswords no", id="no password at all"),
    pytest.param("", ALICE, "something-new", None, id="a method nobody knows"),
    pytest.param("AllowUsers bob carol", ALICE, "publickey", "AllowUsers does not name alice", id="not named"),
    pytest.param("AllowUsers bob\nAllowUsers al*", ALICE, "publickey", None, id="lists add up, patterns count"),
    pytest.param("AllowUsers alice@203.0.113.*", ALICE, "publickey", None, id="from there"),
    pytest.param("AllowUsers alice@203.0.113.0/24", ALICE, "publickey", None, id="from that network"),
    pytest.param("AllowUsers alice@10.0.0.0/8", ALICE, "publickey", "AllowUsers", id="from elsewhere"),
    pytest.param("AllowUsers alice@any", ALICE, "publickey", None, id="a host name needs a resolver: uncertain"),
    pytest.param("AllowUsers alice@office.example", ALICE, "publickey", None, id="another one"),
    pytest.param("AllowUsers alice@10.0.0.1", ALICE._replace(address=None), "publickey", None, id="address unknown"),
    pytest.param("DenyUsers al?ce", ALICE, "publickey", "DenyUsers names alice", id="denied"),
    pytest.param("DenyUsers alice@office.example", ALICE, "publickey", None, id="perhaps denied"),
    pytest.param("AllowUsers alice\nDenyUsers alice", ALICE, "publickey", "DenyUsers", id="denied comes first"),
    pytest.param("AllowUsers [a]lice", ALICE, "publickey", "AllowUsers", id="a bracket is a bracket"),
    pytest.param("AllowGroups wheel", ALICE, "publickey", "AllowGroups does not name alice", id="in no such group"),
    pytest.param("AllowGroups st*", ALICE, "publickey", None, id="in that group"),
    pytest.param("DenyGroups staff", ALICE, "publickey", "DenyGroups names alice", id="group denied"),
    pytest.param("AllowGroups wheel", STRANGER, "publickey", None, id="groups that come from elsewhere"),
    pytest.param("PermitRootLogin no", STRANGER, "publickey", None, id="a uid that comes from elsewhere"),
    pytest.param(
        "AuthenticationMethods publickey,password", ALICE, "publickey", "AuthenticationMethods", id="a key is not all"
    ),
    pytest.param("AuthenticationMethods publickey,password", ALICE, "password", None, id="the last of the chain"),
    pytest.param(
        "AuthenticationMethods publickey,keyboard-interactive:pam password",
        ALICE,
        "keyboard-interactive/pam",
        None,
        id="one of two chains",
    ),
    pytest.param("AuthenticationMethods any", ALICE, "publickey", None, id="any"),
    pytest.param(
        "PermitRootLogin no\nMatch Address 203.0.113.0/24\nPermitRootLogin yes",
        ROOT,
        "password",
        None,
        id="a block that matches counts more",
    ),
    pytest.param(
        "PermitRootLogin no\nMatch Address 203.0.113.0/24,!203.0.113.7\nPermitRootLogin yes",
        ROOT,
        "password",
        "no",
        id="a block that excludes",
    ),
    pytest.param(
        "PermitRootLogin no\nMatch Host trusted.example\nPermitRootLogin yes",
        ROOT,
        "publickey",
        None,
        id="a block that may match: uncertain",
    ),
    pytest.param(
        "PermitRootLogin no\nMatch LocalPort 2222 User bob\nPermitRootLogin yes",
        ROOT,
        "publickey",
        "no",
        id="one criterion that fails is enough",
    ),
    pytest.param("Match User alice\nAllowUsers bob", ALICE, "publickey", "AllowUsers", id="a list in a block"),
    pytest.param("Match Group staff\nPasswordAuthentication no", ALICE, "password", "Password", id="by group"),
    pytest.param("Match Group *,!staff\nPasswordAuthentication no", ALICE, "password", None, id="not that group"),
    pytest.param("Match all\nPasswordAuthentication no", ALICE, "password", "Password", id="everybody"),
    pytest.param('Match Exec "/bin/true"\nPasswordAuthentication no', ALICE, "password", None, id="never run"),
)


@pytest.mark.parametrize(("text", "who", "method", "reason"), FORBIDDEN)
def test_forbids(text: str, who: Who, method: str, reason: Optional[str]) -> None:
    found = policy(text).forbids(who, method)
    if reason is None:
        assert found is None
    else:
        assert found is not None
        assert reason in found


GUESSABLE = (
    pytest.param("", ALICE, True, id="by default"),
    pytest.param("", ROOT, False, id="not root's, by default"),
    pytest.param("PasswordAuthentication no", ALICE, False, id="no passwords, no PAM"),
    pytest.param("PasswordAuthentication no\nUsePAM yes", ALICE, True, id="PAM asks for one"),
    pytest.param("PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM yes", ALICE, False, id="neither"),
    pytest.param("AllowUsers bob", ALICE, False, id="not whom it does not let in"),
    pytest.param("Match User alice\nPasswordAuthentication no", ALICE, False, id="a block"),
)


@pytest.mark.parametrize(("text", "who", "expected"), GUESSABLE)
def test_takes_passwords(text: str, who: Who, expected: bool) -> None:
    assert policy(text).takes_passwords(who) is expected


def test_log_levels_that_hide_logins() -> None:
    text = (
        "LogLevel VERBOSE\nLogLevel QUIET\nMatch User eve\nLogLevel quiet\nMatch Address 10.0.0.0/8\nLogLevel ERROR\n"
    )
    assert policy(text).hiding() == (
        ("QUIET", "sshd_config:4 (Match User eve)"),
        ("ERROR", "sshd_config:6 (Match Address 10.0.0.0/8)"),
    )
    assert policy("LogLevel FATAL").hiding() == (("FATAL", "sshd_config:1"),)
    assert policy("").hiding() == ()
