# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures: real keys, real ``ssh-keygen``; who signed what, and what counts as nobody."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.orders import Signer
from vps_sentry import signatures
from vps_sentry.core.order import NAMESPACE
from vps_sentry.errors import ConfigError
from vps_sentry.host import Host

MESSAGE = b'{"fleet_id":"acme"}'


def who(text: str, signers: str, *, message: bytes = MESSAGE) -> tuple[str, ...]:
    return signatures.signers_of(Host(), text, message=message, signers=signers.encode(), namespace=NAMESPACE)


@pytest.fixture(name="anna")
def _anna(tmp_path: Path) -> Signer:
    return Signer.make(tmp_path, "anna@example.org")


@pytest.fixture(name="bert")
def _bert(tmp_path: Path) -> Signer:
    return Signer.make(tmp_path, "bert@example.org")


def test_a_good_signature_names_its_signer(anna: Signer, bert: Signer) -> None:
    assert ("anna@example.org",) == who(anna.sign(MESSAGE), bert.allowed() + anna.allowed())


def test_two_signatures_name_both_and_the_same_twice_one(anna: Signer, bert: Signer) -> None:
    allowed = anna.allowed() + bert.allowed()

    assert ("anna@example.org", "bert@example.org") == who(bert.sign(MESSAGE) + anna.sign(MESSAGE), allowed)
    assert ("anna@example.org",) == who(anna.sign(MESSAGE) * 3, allowed)


def test_what_counts_as_nobody(anna: Signer, bert: Signer) -> None:
    allowed = anna.allowed()
    good = anna.sign(MESSAGE)

    assert () == who(bert.sign(MESSAGE), allowed), "a key that is not allowed"
    assert () == who(good, allowed, message=MESSAGE + b" "), "other bytes"
    assert () == who(anna.sign(MESSAGE, namespace="file"), allowed), "another namespace"
    assert () == who(good, anna.allowed('namespaces="git"')), "allowed for something else only"
    assert () == who("", allowed), "no signature at all"
    assert () == who(good.replace("\n", "\nA", 2), allowed), "a damaged one"
    assert () == who("-----BEGIN SSH SIGNATURE-----\n" + "A" * 100_000, allowed), "a huge one"
    assert () == who(good, ""), "nobody is allowed"
    assert () == who(good, "garbage\n\0\n"), "a signers file that is none"


def test_a_principal_that_looks_like_an_option_is_only_a_name(tmp_path: Path) -> None:
    signer = Signer.make(tmp_path, "x")
    key = signer.allowed().partition(" ")[2]

    assert ("-O",) == who(signer.sign(MESSAGE), f"-O {key}")


def test_a_host_that_cannot_judge_says_so(anna: Signer) -> None:
    class Old(Host):
        def command(self, argv: list[str], *, seconds: float = 20.0, given: bytes = b"") -> tuple[int, str]:
            return 1, "unknown option -- Y\nusage: ssh-keygen"

    with pytest.raises(ConfigError, match=r"OpenSSH 8\.2 or newer"):
        signatures.signers_of(Old(), anna.sign(MESSAGE), message=MESSAGE, signers=b"", namespace=NAMESPACE)
