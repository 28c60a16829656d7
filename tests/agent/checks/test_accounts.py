# SPDX-License-Identifier: GPL-3.0-or-later
"""The check ``accounts`` and files that are not as they should be; hashes stay where they are."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from support.etc import HASH, Etc
from vps_sentry.checks.accounts import CHECK
from vps_sentry.errors import CollectError

OTHER = HASH.replace("X3DX", "YYYY")


@pytest.fixture(name="etc")
def _etc(tmp_path: Path) -> Etc:
    return Etc(tmp_path, CHECK)


def test_a_copy_of_bash_under_a_name_with_a_blank(etc: Etc) -> None:
    etc.write("usr/sbin/nologin ", "this is bash", mode=0o755)
    etc.append("etc/shells", "/usr/sbin/nologin \n")
    etc.edit("etc/passwd", "/usr/sbin/nologin\n", "/usr/sbin/nologin \n")

    games = etc.look().items["user games"]
    assert ("yes", True) == (games["login"], games["false_face"])


def test_no_hash_leaves_the_file(etc: Etc) -> None:
    """Neither items nor titles hold it, and the memory only a digest under a key of this host."""
    etc.append("etc/shadow", f"{HASH}:x\nbroken{HASH}\n")
    seen = etc.look()
    text = json.dumps([seen.items, seen.memory])

    assert HASH[5:20] not in text
    assert any(key.startswith("line /etc/shadow (") for key in seen.items)
    assert seen.memory is not None
    other = etc.look()
    assert other.memory is not None
    assert seen.memory["passwords"] != other.memory["passwords"], "the key is each host's own"


def test_a_hash_that_is_put_back_is_known_again(etc: Etc) -> None:
    first = etc.look()
    etc.edit("etc/shadow", HASH, OTHER)
    second = etc.look(first.memory or {})
    etc.edit("etc/shadow", OTHER, HASH)

    assert first.items != second.items
    assert first.items == etc.look(second.memory or {}).items


def test_with_its_memory_lost_it_does_not_say_that_nothing_changed(etc: Etc) -> None:
    first = etc.look()
    etc.accepted = first.items
    told = etc.tell(first, etc.look())

    title = "whether the password hash of account deploy changed is not known: the memory of it is lost"
    assert told == [("account_password", "warning", title)]


def test_a_link_in_the_place_of_passwd_is_followed_and_told(etc: Etc) -> None:
    def move(etc: Etc) -> None:
        (etc.root / "etc/passwd").rename(etc.root / "home/deploy/passwd")
        (etc.root / "etc/passwd").symlink_to("/home/deploy/passwd")

    told = etc.do(move)
    assert [("account_file", "critical")] == [said[:2] for said in told]

    # From now on the place it leads to is watched as well.
    assert etc.do(lambda etc: etc.append("home/deploy/passwd", "toor:x:0:0::/:/bin/sh\n"))[0][0] == "account_uid0"


def test_ordinary_life_is_quiet(etc: Etc) -> None:
    """Weakness 9: rewriting a file as it was, and a comment of passwd, tell nothing."""

    def rewrite(etc: Etc) -> None:
        etc.edit("etc/passwd", ":root:/root", ":Charlie &:/root")

    assert etc.do(rewrite) == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\0" * 4096 + "\n", id="NUL bytes"),
        pytest.param("\x1b]0;x\x07:x:1:1::/:/bin/sh\n", id="an escape sequence for a name"),
        pytest.param(":" * 100_000 + "\n", id="nothing but colons"),
        pytest.param("eve:x:99999999999999999999:1::/:/bin/sh\n", id="a uid beyond all bounds"),
        pytest.param("eve:x:-1:1::/:/bin/sh\n", id="a uid below zero"),
        pytest.param("\udcff\udcfe:x:7:7::/\udcff:/bin/sh\n", id="a name that is not UTF-8"),
        pytest.param("a" * 70_000 + ":x:7:7::/:/bin/sh\n", id="an endless name"),
    ],
)
def test_hostile_lines_are_named_and_hide_nobody(etc: Etc, text: str) -> None:
    (etc.root / "etc/passwd").write_bytes(os.fsencode(text) + (etc.root / "etc/passwd").read_bytes())
    found = etc.look().items

    assert {"user root", "user games", "user deploy"} <= set(found)
    assert any(key.startswith("line /etc/passwd") for key in found)
    assert all(len(key) < 200 and key.isprintable() for key in found)


def test_a_fifo_and_an_endless_file_fail_and_never_block(etc: Etc) -> None:
    (etc.root / "etc/passwd").unlink()
    os.mkfifo(etc.root / "etc/passwd")
    with pytest.raises(CollectError, match="not a regular file"):
        etc.look()

    (etc.root / "etc/passwd").unlink()
    with (etc.root / "etc/passwd").open("wb") as handle:
        handle.truncate(10 * 1024 * 1024)
    with pytest.raises(CollectError, match="larger than"):
        etc.look()


def test_thousands_of_accounts_with_one_uid_end_in_time(etc: Etc) -> None:
    """Each names some others of its uid, not all of them: that would be a hundred million names."""
    etc.append("etc/passwd", "".join(f"u{n}:x:2000:2000::/:/bin/sh\n" for n in range(10_000)))
    found = etc.look().items["user u7"]["same_uid"]

    assert isinstance(found, list)
    assert (21, "and 9979 more") == (len(found), found[-1])


def test_a_disk_without_accounts_is_skipped_and_says_so(etc: Etc) -> None:
    (etc.root / "etc/passwd").unlink()
    seen = etc.look()

    assert ("skipped", "there is no /etc/passwd on this disk") == (seen.status, seen.error)


def test_an_unreadable_shadow_leaves_passwords_unknown_not_gone(etc: Etc) -> None:
    (etc.root / "etc/shadow").unlink()
    (etc.root / "etc/shadow").mkdir()
    seen = etc.look()

    assert "password " in seen.blind
    assert "not a regular file" in str(seen.items["/etc/shadow"]["unreadable"])
