# SPDX-License-Identifier: GPL-3.0-or-later
"""The walk of the quiet path: what it matches, where it stops, what it costs and what it imports."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Iterator, List, Tuple

import pytest
from support.disk import write
from vps_sentry.tick import tree

SOURCE = Path(tree.__file__).parents[2]
HEAVY = {"json", "re", "dataclasses", "typing", "subprocess", "pathlib", "logging", "enum", "functools", "collections"}


def watch(path: Path, *names: Any, limit: int = 1000) -> Any:
    base = os.fsencode(path) + b"/"
    return (base, base, names, tree.MAX_DEPTH, limit, ())


def walked(path: Path, *names: bytes, limit: int = 1000) -> List[Tuple[bytes, Any]]:
    base = os.fsencode(path) + b"/"
    return [
        (directory[len(base) :] + name, found if isinstance(found, int) else "stat")
        for directory, _, entries in tree.walk(watch(path, *names, limit=limit))
        for name, found in entries
    ]


@pytest.mark.parametrize(
    ("component", "expected"),
    [
        pytest.param(b"a.conf", [b"a.conf"], id="literal"),
        pytest.param(b"none", [], id="literal that is not there"),
        pytest.param(None, [b"a.conf", b"ab", b"aab", b".x"], id="anything"),
        pytest.param((b".conf", b"x"), [b"a.conf", b".x"], id="suffixes"),
        pytest.param((b"",), [b"a.conf", b"ab", b"aab", b".x"], id="star alone, dot files too"),
        pytest.param(((b"a", b"b"),), [b"ab", b"aab"], id="prefix and suffix"),
        pytest.param(((b"aab", b"b"),), [], id="prefix and suffix do not overlap"),
        pytest.param(((b"", b"a", b"b"),), [b"ab", b"aab"], id="chunk in the middle"),
        pytest.param(((b"a", b"a", b"a", b""),), [], id="more chunks than the name has"),
        pytest.param(((b"ab",), (b"", b"x")), [b"ab", b".x"], id="alternatives"),
    ],
)
def test_a_component_picks_names(component: Any, expected: List[bytes]) -> None:
    assert tree.pick(component, [b"a.conf", b"ab", b"aab", b".x"]) == expected


@pytest.mark.parametrize(
    ("components", "names", "expected"),
    [
        pytest.param((), [], True, id="nothing matches nothing"),
        pytest.param((), [b"a"], False, id="a name is left"),
        pytest.param((b"a",), [], False, id="a component is left"),
        pytest.param((b"a", b"b"), [b"a", b"b"], True, id="one by one"),
        pytest.param((None,), [], True, id="any depth may be none"),
        pytest.param((None, b"c"), [b"a", b"b", b"c"], True, id="any depth, then a name"),
        pytest.param((None, b"c"), [b"a", b"c", b"b"], False, id="the name is not the last"),
        pytest.param((b"a", None, b"a"), [b"a"], False, id="one name is not two"),
    ],
)
def test_components_reach_a_path(components: Any, names: List[bytes], expected: bool) -> None:
    assert tree.reaches(components, names) is expected


def test_entries_come_in_name_order_with_what_lies_below_them_after(tmp_path: Path) -> None:
    for name in ("w/b/y", "w/b/x", "w/a", "w/c"):
        write(tmp_path / name)

    assert [name for name, _ in walked(tmp_path, b"w")] == [b"w", b"w/a", b"w/b", b"w/c", b"w/b/x", b"w/b/y"]


def test_what_cannot_be_looked_at_is_an_errno(tmp_path: Path) -> None:
    write(tmp_path / "file")

    assert walked(tmp_path, b"none") == [(b"none", errno.ENOENT)]
    assert walked(tmp_path, b"file", b"x") == [(b"file/.", errno.ENOTDIR)]
    assert walked(tmp_path / "none", b"x") == [(b"x", errno.ENOENT)]


def test_a_directory_turned_into_a_link_behind_the_walk_is_not_entered(tmp_path: Path) -> None:
    write(tmp_path / "outside" / "secret")
    (tmp_path / "w" / "d").mkdir(parents=True)
    walk = tree.walk(watch(tmp_path, b"w"))
    seen = [[name for name, _ in next(walk)[2]] for _ in range(2)]

    (tmp_path / "w" / "d").rmdir()
    (tmp_path / "w" / "d").symlink_to("../outside")

    assert seen == [[b"w"], [b"d"]]
    assert [entries for _, _, entries in walk] == [[(b".", errno.ENOTDIR)]]


def test_a_walk_stops_at_its_limit_and_says_so(tmp_path: Path) -> None:
    for number in range(5):
        write(tmp_path / "w" / "d" / str(number))

    assert walked(tmp_path, b"w", limit=7) == [
        (b"w", "stat"),
        (b"w/d", "stat"),
        *((b"w/d/%d" % number, "stat") for number in range(5)),
    ]
    assert walked(tmp_path, b"w", limit=4) == [
        (b"w", "stat"),
        (b"w/d", "stat"),
        (b"w/d/0", "stat"),
        (b"w/d/1", "stat"),
        (b"w", tree.OVERFLOW),
    ]


def test_derived_files_are_left_out_only_where_nobody_but_root_writes(tmp_path: Path) -> None:
    for name in ("roots", "open", "foreign"):
        write(tmp_path / "w" / name / "__pycache__" / "x.pyc")
    (tmp_path / "w" / "open" / "__pycache__").chmod(0o777)
    os.chown(tmp_path / "w" / "foreign" / "__pycache__", 1000, 1000)

    found = [name for name, _ in walked(tmp_path, b"w") if name.endswith(b".pyc")]

    assert found == [b"w/foreign/__pycache__/x.pyc", b"w/open/__pycache__/x.pyc"]


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    write(tmp_path / "w" / "a" / "b" / "c")
    before = os.listdir("/proc/self/fd")

    half: Any = tree.walk(watch(tmp_path, (b"",), b"a"))
    next(half)
    half.close()
    tree.take((watch(tmp_path, b"w"), watch(tmp_path, b"none")))

    assert os.listdir("/proc/self/fd") == before


def test_unsettled_is_never_equal(tmp_path: Path) -> None:
    assert tree.take((), False) == tree.take((), False)
    assert tree.take((), True) != tree.take((), True)


def test_times_beyond_the_year_2262_are_no_way_to_break_the_stamp(tmp_path: Path) -> None:
    path = write(tmp_path / "w" / "a")
    os.utime(path, (2**34 - 1, 2**34 - 1))

    assert len(tree.take((watch(tmp_path, b"w"),))) == 16


def bare(code: str) -> str:
    """Output of ``code`` in the leanest Python there is."""
    setup = f"import sys; sys.path.insert(0, {str(SOURCE)!r}); from vps_sentry.tick import tree\n"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", setup + code], capture_output=True, text=True, check=True)
    return done.stdout


def test_the_walk_imports_next_to_nothing() -> None:
    loaded = bare("print(*(set(sys.modules)))").split()

    assert "vps_sentry.tick.tree" in loaded
    assert set(loaded) & HEAVY == set()


@pytest.fixture
def hundred_thousand() -> Iterator[Path]:
    """100,000 names in memory: a disk would take a minute to make them."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as top:
        for number in range(100):
            folder = os.path.join(top, "w", str(number))
            os.makedirs(folder)
            for name in range(1000):
                os.mknod(os.path.join(folder, str(name)))
        yield Path(top)


@pytest.mark.budget
def test_a_hundred_thousand_entries_fit_in_twenty_mebibytes(hundred_thousand: Path) -> None:
    arguments = (watch(hundred_thousand, b"w", limit=200_000),)
    peak = bare(f"tree.take({arguments!r}); print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])")

    assert int(peak) <= 20 * 1024
