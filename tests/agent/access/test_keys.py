# SPDX-License-Identifier: GPL-3.0-or-later
"""authorized_keys(5): which lines let somebody in, with what, and which are never shown."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Tuple

import pytest
from support.ssh_keys import BLOB, FINGERPRINT, KEY
from vps_sentry.access.keys import parse

LINES = [
    pytest.param(KEY, (), "", id="bare"),
    pytest.param(f"{KEY} me@home, at night", (), "me@home, at night", id="a comment with blanks"),
    pytest.param(f"\t {KEY}\r", (), "", id="blanks around"),
    pytest.param(f"restrict,pty {KEY}", ("restrict", "pty"), "", id="options"),
    pytest.param(
        f'command="a \\"b\\", c",from="10.0.0.0/8,!10.0.0.1" {KEY} x',
        ('command="a \\x5c"b\\x5c", c"', 'from="10.0.0.0/8,!10.0.0.1"'),
        "x",
        id="quotes, commas and blanks within",
    ),
    pytest.param(f'CERT-Authority,Principals="a" {KEY}', ("cert-authority", 'principals="a"'), "", id="any case"),
    pytest.param(f'environment="LD_PRELOAD=/x" {KEY}', ('environment="LD_PRELOAD=/x"',), "", id="environment"),
]


@pytest.mark.parametrize(("line", "options", "comment"), LINES)
def test_a_line_that_lets_somebody_in(line: str, options: Tuple[str, ...], comment: str) -> None:
    (key,), odd, _ = parse(f"# a comment\n\n{line}\n".encode())

    assert (0, "ssh-ed25519", FINGERPRINT) == (odd, key.kind, key.fingerprint)
    assert (options, comment) == (key.options, key.comment)


def test_the_fingerprint_is_the_one_ssh_keygen_shows(tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_text(f"{KEY} x\n")
    shown = subprocess.run(["ssh-keygen", "-lf", tmp_path / "key.pub"], capture_output=True, text=True, check=True)

    assert FINGERPRINT == shown.stdout.split()[1]


NO_KEYS = [
    pytest.param("root:$6$secret:19000::::::", id="a line of shadow: a link led there"),
    pytest.param("ssh-ed25519", id="no key behind the type"),
    pytest.param("ssh-ed25519 !!!!", id="no base64"),
    pytest.param(f"ssh-rsa {BLOB}", id="a key of another type than it says"),
    pytest.param(f'command="x {KEY}', id="a quote that is not closed"),
    pytest.param(f"restrict, {BLOB}", id="no type"),
    pytest.param("\0" * 5000 + "x", id="NUL bytes"),
    pytest.param("a," * 100_000, id="options without end"),
]


@pytest.mark.parametrize("line", NO_KEYS)
def test_what_is_no_key_is_counted_and_not_shown(line: str) -> None:
    found, odd, _ = parse(f"{line}\n{KEY}\n".encode())

    assert (1, 1) == (odd, len(found))
    assert "secret" not in str(found)


def test_a_file_without_end_is_cut_and_that_is_said() -> None:
    many = parse(f"{KEY}\n".encode() * 40_000)
    junk = parse(b"x\n" * 2_000_000)

    assert (1000, True) == (len(many.found), many.more)
    assert (5000, True) == (junk.odd, junk.more)


def test_a_long_option_is_cut_and_still_another_for_every_byte() -> None:
    one, two = (parse(f'command="{"x" * 5000}{end}" {KEY}\n'.encode()).found[0].options[0] for end in "ab")

    assert one != two
    assert len(one) < 300
