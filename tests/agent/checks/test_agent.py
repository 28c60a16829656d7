# SPDX-License-Identifier: GPL-3.0-or-later
"""The watch on the watcher: a release as installed, tampered with, upgraded, and run by another Python."""

from __future__ import annotations

import hashlib
import marshal
import os
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import pytest
from support.installed import MAIN, installed, other_python
from vps_sentry import release
from vps_sentry.checks.agent import CHECK, Options, look
from vps_sentry.host import Host
from vps_sentry.tick import take

NOW = 1_764_000_000


def seen(place: Path, memory: Any = None, *, after: int = 0) -> Tuple[List[Tuple[str, str]], Dict[str, Any]]:
    """Code and severity of each signal, and what is remembered."""
    found = look(place, memory or {}, now=NOW + after)
    return [(signal.code, signal.severity) for signal in found.signals], dict(found.memory or {})


def detail(place: Path, memory: Any) -> str:
    (found,) = (signal for signal in look(place, memory, now=NOW).signals if signal.code == "agent_modified")
    return found.detail


def cached(place: Path) -> Path:
    return Path(cache_from_source(str(place / MAIN)))


def poison(place: Path) -> None:
    """Bytecode that says it was made of the very source that lies beside it."""
    evil = marshal.dumps(compile("VALUE = 666", "x", "exec"))
    cached(place).write_bytes(cached(place).read_bytes()[:16] + evil)


def test_as_installed_there_is_nothing_to_say(tmp_path: Path) -> None:
    place = installed(tmp_path)
    signals, memory = seen(place)

    assert [] == signals
    assert [] == seen(place, memory)[0]


TAMPERED = [
    pytest.param(lambda place: (place / MAIN).write_text("VALUE = 2\n"), f"different {MAIN}", id="a source edited"),
    pytest.param(lambda place: (place / MAIN).unlink(), f"missing {MAIN}", id="a source removed"),
    pytest.param(lambda place: (place / MAIN).chmod(0o666), f"different {MAIN}", id="opened to others"),
    pytest.param(
        lambda place: (place / "lib/json.py").write_text(""), "extra lib/json.py", id="a module to be found first"
    ),
    pytest.param(lambda place: (place / "lib/x").symlink_to("/tmp"), "extra lib/x", id="a link to a folder"),
    pytest.param(
        lambda place: (place / "lib/__pycache__").mkdir() or (place / "lib/__pycache__/json.cpython-39.pyc").touch(),
        "extra lib/__pycache__/json.cpython-39.pyc",
        id="bytecode of no source",
    ),
    pytest.param(lambda place: (place / "MANIFEST").write_text(""), "different MANIFEST", id="the MANIFEST emptied"),
    pytest.param(
        lambda place: (place / "MANIFEST").unlink() or os.mkfifo(place / "MANIFEST"),  # type: ignore[func-returns-value]
        "different MANIFEST",
        id="a FIFO in its place: nobody waits for it",
    ),
    pytest.param(poison, f"different bytecode of {MAIN}", id="bytecode poisoned, its header right"),
]


@pytest.mark.weakness(17)
@pytest.mark.parametrize(("act", "line"), TAMPERED)
@pytest.mark.parametrize("known", [True, False], ids=["looked at before", "at the first look"])
def test_tampering_is_critical_and_named(tmp_path: Path, act: Callable[[Path], Any], line: str, known: bool) -> None:
    place = installed(tmp_path)
    memory = seen(place)[1] if known else {}
    act(place)

    assert ("agent_modified", "critical") in seen(place, memory)[0]
    assert line in detail(place, memory)


def test_it_stands_until_somebody_mends_it(tmp_path: Path) -> None:
    """Also when the memory of it is that of the look that found it."""
    place = installed(tmp_path)
    memory = seen(place)[1]
    poison(place)
    for _ in range(3):
        signals, memory = seen(place, memory)
        assert [("agent_modified", "critical")] == signals
    cached(place).unlink()
    release.recompile(place)

    assert [] == seen(place, memory)[0]


def test_another_release_is_one_piece_of_information(tmp_path: Path) -> None:
    memory = seen(installed(tmp_path, "1.0"))[1]
    signals, memory = seen(installed(tmp_path, "1.1"), memory)

    assert [("agent_upgraded", "info")] == signals
    assert [] == seen(installed(tmp_path, "1.1"), memory)[0]


def test_another_python_runs_it_from_source_until_it_is_compiled_anew(tmp_path: Path) -> None:
    place = installed(tmp_path)
    memory = seen(place)[1]
    other_python(place)
    signals, memory = seen(place, memory)
    assert [("runtime_changed", "info")] == signals

    assert 2 == release.recompile(place)
    assert [] == seen(place, memory)[0]
    assert [] == [path.name for path in place.rglob("*.pyc") if "cpython-38" in path.name]
    assert 0 == release.recompile(place)


def replaced(place: Path) -> None:
    """As editors and package managers write."""
    fresh = place / "lib/new"
    fresh.write_text("VALUE = 3\n")
    fresh.replace(place / MAIN)


def overwritten(place: Path) -> None:
    (place / MAIN).write_text("VALUE = 3\n")


def uncompiled(place: Path) -> None:
    cached(place).unlink()


@pytest.mark.parametrize("act", [other_python, replaced, overwritten, poison, uncompiled])
def test_whatever_moves_wakes_the_tick(
    tmp_path: Path, act: Callable[[Path], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = installed(tmp_path)
    monkeypatch.setattr("vps_sentry.release.PACKAGE", str(place / "lib/vps_sentry"))
    stamps = CHECK.stamps(Options(), Host(), {"ground": {"process": {}, "python": {}}})
    before = [take(kind, arguments) for kind, arguments in stamps]
    act(place)

    assert before != [take(kind, arguments) for kind, arguments in stamps]


def test_it_cannot_be_turned_off() -> None:
    assert CHECK.validate is not None
    with pytest.raises(ValueError, match="cannot be disabled"):
        CHECK.validate(Options(enabled=False))


UNIT = "/etc/systemd/system/vps-sentry.service"
EXEC = "[Service]\nExecStart=/usr/local/bin/vps-sentry\n"


def recorded(top: Path, text: str = EXEC) -> Path:
    """A host whose installation recorded one unit; the unit's place."""
    place = top / UNIT.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    place.chmod(0o644)
    record = top / release.RECORD.lstrip("/")
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(f"{hashlib.sha256(text.encode()).hexdigest()}  {UNIT}\n")
    return place


def said(place: Path, top: Path, memory: Any = None) -> Tuple[List[str], Dict[str, Any]]:
    found = look(place, memory or {}, now=NOW, top=str(top))
    return [f"{signal.code}: {signal.detail}" for signal in found.signals], dict(found.memory or {})


OUTSIDE = [
    pytest.param(lambda unit: unit.write_text("[Service]\nExecStart=/bin/true\n"), f"different {UNIT}", id="edited"),
    pytest.param(lambda unit: unit.unlink(), f"missing {UNIT}", id="removed"),
    pytest.param(lambda unit: unit.chmod(0o666), f"different {UNIT}", id="opened to others"),
    pytest.param(lambda unit: (unit.unlink(), unit.symlink_to("/dev/null")), f"different {UNIT}", id="masked"),
]


@pytest.mark.parametrize(("tamper", "line"), OUTSIDE)
def test_a_unit_that_is_not_what_was_installed_is_critical(
    tamper: Callable[[Path], Any], line: str, tmp_path: Path
) -> None:
    place = installed(tmp_path)
    tamper(recorded(tmp_path))

    ((told,), _) = said(place, tmp_path)
    assert told.startswith(f"agent_modified: {line}")


def test_an_upgrade_that_brings_other_units_is_one_piece_of_information(tmp_path: Path) -> None:
    recorded(tmp_path)
    _, memory = said(installed(tmp_path), tmp_path)
    recorded(tmp_path, EXEC + "Nice=5\n")

    (told,) = said(installed(tmp_path, "1.1"), tmp_path, memory)[0]
    assert told.startswith("agent_upgraded: ")


def test_units_installed_anew_without_a_release_are_told(tmp_path: Path) -> None:
    """Whoever edits a unit and the record of it in one go is not silent."""
    place = installed(tmp_path)
    recorded(tmp_path)
    _, memory = said(place, tmp_path)
    recorded(tmp_path, "[Service]\nExecStart=/bin/true\n")

    (told,) = said(place, tmp_path, memory)[0]
    assert told.startswith("agent_reinstalled: ")


def test_a_record_takes_nothing_but_the_agents_own_places_from_the_watch_on_files() -> None:
    record = b"".join(b"00  %s\n" % path for path in (b"/etc/passwd", b"/etc/systemd/system/vps-sentry/../x.service"))

    assert {} == release.recorded(record + b"\xff\xfe\n/etc/shadow")
    assert {UNIT: "00"} == release.recorded(b"00  " + UNIT.encode() + b"\n")
