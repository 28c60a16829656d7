# SPDX-License-Identifier: GPL-3.0-or-later
"""The check ``mounts`` on a machine of its own: real mounts in a namespace in which the test is process 1."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest
from support.tree import ROOT
from vps_sentry.checks import Context, mounts
from vps_sentry.core.model import Change, Value
from vps_sentry.host import Host

# Process 1 of a namespace of its own. Watches argv[1], where a daemon called sshd runs in a mount namespace of its own;
# takes stamp and items, does argv[2], and prints what came of it.
PROGRAM = """
import json, subprocess, sys
sys.path.insert(0, sys.argv[3])
from vps_sentry.checks import Context, mounts
from vps_sentry.host import Host
from vps_sentry.tick import take

watched, act = sys.argv[1:3]
watch = {"watch": [watched + "/etc", watched + "/a b/file"], "exclude": [watched + "/etc/left-out"]}
effective = {"checks": {"files": {"defaults": False, **watch}}}

def look():
    found = mounts.collect(Context(Host(), mounts.Options(), 0, {}, effective=lambda: effective))
    return found.items, mounts.stamps(mounts.Options(), Host(), found.memory)

def quiet():
    try:
        return [take(*stamp).hex() for stamp in stamps]
    except OSError as error:
        return repr(error)

daemon = ["unshare", "-m", "sh", "-c", "printf sshd >/proc/self/comm; echo; read x"]
with subprocess.Popen(daemon, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as sshd:
    sshd.stdout.readline()
    before, stamps = look()
    stamp = quiet()
    assert stamp == quiet()
    environment = {"SSHD": str(sshd.pid), "W": watched, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    subprocess.run(["sh", "-euc", act], cwd=watched, env=environment, check=True)
    moved = quiet() != stamp
    after, _ = look()
    sshd.kill()
new = {key: value for key, value in after.items() if before.get(key) != value}
print(json.dumps({"moved": moved, "new": new, "gone": sorted(set(before) - set(after))}))
"""


def act(place: Path, command: str) -> Dict[str, Any]:
    """What the check says after ``command``; mounts made by it are gone with the namespace."""
    for name in ("etc/ssh", "etc/left-out", "a b/file", "evil", "elsewhere"):
        (place / name).mkdir(parents=True)
    own = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--propagation", "private"]
    argv = [*own, sys.executable, "-c", PROGRAM, str(place), command, str(ROOT / "agent" / "src")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: Dict[str, Any] = json.loads(done.stdout)
    found["new"] = {key.replace(str(place), "W"): value for key, value in found["new"].items()}
    return found


CASES = [
    pytest.param("mount -t tmpfs none etc", ["W/etc"], id="on a watched directory"),
    pytest.param("mount --bind evil etc/ssh", ["W/etc/ssh"], id="inside a watched directory"),
    pytest.param("mount -t tmpfs none .", ["W"], id="above a watched directory"),
    pytest.param("mount -t tmpfs none 'a b'", ["W/a b"], id="above a watched file, a blank in its name"),
    pytest.param("mount -t overlay -o lowerdir=evil:etc none etc", ["W/etc"], id="an overlay"),
]


@pytest.mark.parametrize(("command", "expected"), CASES)
def test_a_mount_over_something_watched_moves_the_stamp_and_is_said(
    command: str, expected: List[str], tmp_path: Path
) -> None:
    """A3: between two quiet ticks; the next one leaves the quiet path."""
    found = act(tmp_path, command)

    assert found["moved"] is True
    assert [key for key in found["new"] if not key.startswith("sshd:")] == expected


def test_a_mount_that_only_sshd_sees_is_said(tmp_path: Path) -> None:
    """A3: in the mount namespace of sshd alone."""
    found = act(tmp_path, 'nsenter -t "$SSHD" -m -- mount --bind "$W/evil" "$W/etc"')

    assert (found["moved"], list(found["new"])) == (True, ["sshd:W/etc"])
    assert found["new"]["sshd:W/etc"]["layers"][0].endswith("/evil")


@pytest.mark.parametrize(
    "command",
    [
        pytest.param("mount -t tmpfs none elsewhere", id="on something else"),
        pytest.param(
            "mount -t tmpfs none elsewhere; mkdir elsewhere/x; mount --bind evil elsewhere/x", id="a container's"
        ),
    ],
)
def test_other_mounts_wake_nobody(command: str, tmp_path: Path) -> None:
    found = act(tmp_path, command)

    assert found == {"moved": False, "new": {}, "gone": []}


def test_a_mount_over_something_left_out_is_no_item(tmp_path: Path) -> None:
    assert act(tmp_path, "mount -t tmpfs none etc/left-out")["new"] == {}


def test_sshd_started_anew_is_looked_at_anew(tmp_path: Path) -> None:
    """Killed and gone: under load a killed process shows its namespace for a while yet."""
    kill = 'kill -9 "$SSHD"; while readlink "/proc/$SSHD/ns/mnt"; do :; done >/dev/null 2>&1'
    assert act(tmp_path, kill)["moved"] is True


def change(key: str, before: Value, after: Value) -> Change:
    kind = "added" if not before else "removed" if not after else "changed"
    return Change(kind, "mounts", key, before or None, after or None)  # type: ignore[arg-type]


DISK: Value = {"layers": ["ext4 /"], "flags": []}
TWO: Value = {"layers": ["ext4 /", "tmpfs / from none"], "flags": []}
FIXED: Value = {"layers": ["ext4 /"], "flags": ["ro"]}
RATINGS = [
    pytest.param(
        change("/usr/bin", {}, DISK),
        ("watched_path_covered", "critical", "a mount covers or holds something watched: /usr/bin"),
        id="appears",
    ),
    pytest.param(
        change("/usr", DISK, TWO),
        ("watched_path_covered", "critical", "a mount covers or holds something watched: /usr"),
        id="another on top",
    ),
    pytest.param(
        change("sshd:/etc", {}, {"layers": ["ext4 /tmp/x"]}),
        ("watched_path_covered", "critical", "a mount covers or holds something watched: /etc, as sshd sees it"),
        id="for sshd alone",
    ),
    pytest.param(
        change("/usr", FIXED, DISK), ("mount_changed", "warning", "flags of the mount on /usr changed"), id="remounted"
    ),
    pytest.param(
        change("/home/a:b", DISK, {}), ("mount_gone", "info", "nothing is mounted on /home/a:b any more"), id="gone"
    ),
]


@pytest.mark.parametrize(("moved", "expected"), RATINGS)
def test_how_bad_it_is(moved: Change, expected: tuple[str, str, str]) -> None:
    rating = mounts.rate(moved, mounts.Options())

    assert (rating.code, rating.severity, rating.title) == expected


def test_without_memory_there_is_no_stamp_to_trust() -> None:
    with pytest.raises(KeyError):
        mounts.stamps(mounts.Options(), Host(), {})


def test_every_field_is_described() -> None:
    found = mounts.collect(Context(Host(), mounts.Options(), 0, {}))

    assert {name for value in found.items.values() for name in value} <= set(mounts.COLUMNS)
    assert found.items["/"]["layers"]
