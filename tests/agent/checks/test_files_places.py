# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the check ``files`` looks: patterns, exclusions, depth, limits, and never outside the root."""

from __future__ import annotations

from pathlib import Path
from typing import List, Tuple

import pytest
from support.disk import Disk, changes, keys, write
from vps_sentry.checks.files import Options
from vps_sentry.watch.defaults import HOME_ENTRIES
from vps_sentry.watch.entries import Watch

TREE = ("w/a", "w/a.log", "w/cache/tmp/x", "w/cache/y", "w/deep/er/z.log", "w/deep/er/z", "v/a", "v/b.conf", "v/c.cnf")


def options(*watch: object, exclude: Tuple[str, ...] = ()) -> Options:
    entries = tuple(entry if isinstance(entry, Watch) else str(entry) for entry in watch)
    return Options(defaults=False, watch=entries, exclude=exclude)


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        pytest.param(options("/w/a"), ["/w/a"], id="one file"),
        pytest.param(options("/none", "/w/a/none"), [], id="what is not there is no item"),
        pytest.param(
            options(Watch("/w", recursive=False)), ["/w", "/w/a", "/w/a.log", "/w/cache", "/w/deep"], id="not recursive"
        ),
        pytest.param(
            options(Watch("/w/deep", depth=1)), ["/w/deep", "/w/deep/er"], id="a depth of one is what lies in it"
        ),
        pytest.param(options("/v/*.conf"), ["/v/b.conf"], id="suffix"),
        pytest.param(options("/v/*.{conf,cnf}"), ["/v/b.conf", "/v/c.cnf"], id="alternatives"),
        pytest.param(options("/v/{a,none}"), ["/v/a"], id="literal alternatives"),
        pytest.param(options("/*/a"), ["/v/a", "/w/a"], id="star in the middle"),
        pytest.param(options("/w*/a"), ["/w/a"], id="star does not cross a slash"),
        pytest.param(options("/w/c*e/*"), ["/w/cache/tmp", "/w/cache/tmp/x", "/w/cache/y"], id="stars twice"),
        pytest.param(
            options(Watch("/w", exclude=("*.log", "cache"))),
            ["/w", "/w/a", "/w/deep", "/w/deep/er", "/w/deep/er/z"],
            id="excluded names at any depth",
        ),
        pytest.param(
            options(Watch("/w", exclude=("cache/*", "/w/deep/**"))),
            ["/w", "/w/a", "/w/a.log", "/w/cache", "/w/deep"],
            id="excluded by path, the directory itself stays",
        ),
        pytest.param(
            options("/w", exclude=("/w/**/z", "*.log", "/w/cache/")),
            ["/w", "/w/a", "/w/deep", "/w/deep/er"],
            id="excluded everywhere",
        ),
        pytest.param(options("/w/a", exclude=("/w",)), ["/w/a"], id="what a watch names itself stays"),
        pytest.param(options("/v", "/v/a", "/v/"), ["/v", "/v/a", "/v/b.conf", "/v/c.cnf"], id="twice counts once"),
        pytest.param(options("/v//./a"), ["/v/a"], id="written untidily"),
    ],
)
def test_what_is_looked_at(chosen: Options, expected: List[str], tmp_path: Path) -> None:
    for name in TREE:
        write(tmp_path / name)

    assert keys(Disk(tmp_path, chosen).look()) == expected


@pytest.mark.parametrize(
    ("chosen", "appears"),
    [
        pytest.param(options("/w/new"), "w/new", id="a file named by a watch"),
        pytest.param(options("/x/y/new"), "x/y/new", id="and the directories above it"),
        pytest.param(options("/w/*.conf"), "w/new.conf", id="a file matched by a pattern"),
        pytest.param(options("/*/deep/new"), "w/deep/new", id="a file below a matched directory"),
        pytest.param(options("/x*/new"), "xx/new", id="a matched directory and the file below it"),
    ],
)
def test_what_appears_later_moves_the_stamp(chosen: Options, appears: str, tmp_path: Path) -> None:
    for name in TREE:
        write(tmp_path / name)
    disk = Disk(tmp_path, chosen)
    before, quiet = disk.look(), disk.quiet()
    stamp = quiet()
    assert (keys(before), quiet()) == ([], stamp)

    write(tmp_path / appears)

    assert quiet() != stamp
    assert changes(before, disk.look(before)) == [("added", f"/{appears}", ())]


def test_what_is_excluded_may_change_without_waking_anybody(tmp_path: Path) -> None:
    log = write(tmp_path / "w" / "a.log")
    disk = Disk(tmp_path, options(Watch("/w", exclude=("*.log",))))
    quiet = disk.quiet()
    stamp = quiet()

    log.write_bytes(b"more")

    assert quiet() == stamp


def test_links_are_resolved_inside_the_root_and_never_followed_out_of_it(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    write(outside / "secret")
    write(root / "usr/lib/x/inside")
    (root / "lib").symlink_to("/usr/lib")
    (root / "evil").symlink_to(outside)
    (root / "w").mkdir()
    (root / "w" / "link").symlink_to(outside)
    (root / "up").symlink_to("../../../../outside")
    disk = Disk(root, options("/lib/x", "/evil/secret", "/evil/*", "/up/secret", "/w", "/*/secret", "/w/*/secret"))

    items = disk.look().items

    assert sorted(items) == ["/lib/x", "/lib/x/inside", "/w", "/w/link"]
    assert items["/w/link"]["target"] == str(outside)


def test_a_circle_of_links_is_said(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")

    items = Disk(tmp_path, options("/a/x")).look().items

    assert items == {"/a/x": {"unreadable": "Too many levels of symbolic links"}}


def test_two_ways_to_one_place_are_one_watch_until_the_link_is_turned(tmp_path: Path) -> None:
    write(tmp_path / "usr/lib/systemd/x")
    write(tmp_path / "evil/systemd/x", b"two")
    (tmp_path / "lib").symlink_to("usr/lib")
    top = str(tmp_path)
    disk = Disk(Path("/"), options(f"{top}/usr/lib/systemd", f"{top}/lib/systemd"))
    before, quiet = disk.look(), disk.quiet()
    stamp = quiet()
    assert (keys(before), quiet()) == ([f"{top}/usr/lib/systemd", f"{top}/usr/lib/systemd/x"], stamp)

    (tmp_path / "lib").unlink()
    (tmp_path / "lib").symlink_to("evil")

    assert quiet() != stamp
    added = [("added", f"{top}/lib/systemd", ()), ("added", f"{top}/lib/systemd/x", ())]
    assert changes(before, disk.look(before)) == added


def test_a_link_above_a_watch_turned_elsewhere_moves_the_stamp(tmp_path: Path) -> None:
    write(tmp_path / "one/x")
    write(tmp_path / "two/x", b"two")
    (tmp_path / "current").symlink_to("one")
    key = f"{tmp_path}/current/x"
    disk = Disk(Path("/"), options(key))
    before, quiet = disk.look(), disk.quiet()
    stamp = quiet()
    assert quiet() == stamp

    (tmp_path / "current").unlink()
    (tmp_path / "current").symlink_to("two")

    assert quiet() != stamp
    assert changes(before, disk.look(before)) == [("changed", key, ("sha256",))]


def test_a_watch_replaces_the_default_on_the_same_path(tmp_path: Path) -> None:
    write(tmp_path / "etc/passwd", b"")
    write(tmp_path / "etc/kept")
    write(tmp_path / "etc/noise.log")
    disk = Disk(tmp_path, Options(watch=(Watch("/etc", exclude=("*.log",)),)))

    assert keys(disk.look()) == ["/etc", "/etc/kept"]


def test_an_exclusion_takes_a_default_away(tmp_path: Path) -> None:
    write(tmp_path / "etc/passwd", b"")
    write(tmp_path / "boot/vmlinuz")

    assert keys(Disk(tmp_path, Options(exclude=("/boot",))).look()) == ["/etc"]


def test_a_certificate_renewal_is_no_change(tmp_path: Path) -> None:
    top = tmp_path / "etc/letsencrypt"
    write(tmp_path / "etc/passwd", b"")
    write(top / "archive/example.org/cert1.pem")
    write(top / "renewal/example.org.conf")
    (top / "live/example.org").mkdir(parents=True)
    link = top / "live/example.org/cert.pem"
    link.symlink_to("../../archive/example.org/cert1.pem")
    disk = Disk(tmp_path, Options())
    before = disk.look()

    write(top / "archive/example.org/cert2.pem")
    link.unlink()
    link.symlink_to("../../archive/example.org/cert2.pem")
    assert changes(before, disk.look(before)) == []

    write(top / "renewal/example.org.conf", b"two")
    write(top / "renewal-hooks/deploy/x")
    assert [key for _, key, _ in changes(before, disk.look(before))] == [
        "/etc/letsencrypt/renewal-hooks",
        "/etc/letsencrypt/renewal-hooks/deploy",
        "/etc/letsencrypt/renewal-hooks/deploy/x",
        "/etc/letsencrypt/renewal/example.org.conf",
    ]


def test_deeper_than_the_deepest_is_said(tmp_path: Path) -> None:
    write(tmp_path.joinpath("w", *["d"] * 41, "x"))

    items = Disk(tmp_path, options("/w")).look().items

    cut = [key for key, value in items.items() if value.get("truncated")]
    assert cut == ["/w" + "/d" * 40]
    assert len(items) == 41


def test_a_home_cannot_outgrow_the_agent(tmp_path: Path) -> None:
    """Its owner may make as many files as the disk holds; what is not looked at is said."""
    write(tmp_path / "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\neve:x:1000:1000::/home/eve:/bin/sh\n")
    for number in range(HOME_ENTRIES + 50):
        write(tmp_path / "home/eve/.ssh" / f"{number:05}", b"")
    seen = Disk(tmp_path, Options(exclude=("/etc/**",))).look()

    assert HOME_ENTRIES >= sum(key.startswith("/home/eve/.ssh/") for key in seen.items)
    assert any(item.get("truncated") for key, item in seen.items.items() if key.startswith("/home/eve"))
    assert any("/home/eve/.ssh/".startswith(prefix) or prefix.startswith("/home/eve") for prefix in seen.blind)
