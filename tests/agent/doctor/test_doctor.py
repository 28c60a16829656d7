# SPDX-License-Identifier: GPL-3.0-or-later
"""``doctor``: what is wrong is named with its remedy, and what is right is not called wrong."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import pytest
from support.installed import MAIN, installed, other_python
from support.runs import World
from vps_sentry import config
from vps_sentry.doctor import Advice, Patient, agent, diagnose
from vps_sentry.host import Host

TIMER = "ActiveState=active\nUnitFileState=enabled\nNextElapseUSecRealtime=soon\n"
UNIT = "ProtectSystem=strict\nNoNewPrivileges=yes\n"
CREDENTIAL = "--property=SetCredential=probe:x"
GOOD = {"timedatectl": (0, "yes\n"), "systemctl": (0, TIMER + UNIT), "systemd-run": (1, ""), CREDENTIAL: (0, "")}


class Scripted(Host):
    """A host whose programs say what the test wants."""

    def __init__(self, said: Dict[str, Tuple[int, str]]) -> None:
        super().__init__()
        self._said = said

    def command(self, argv: List[str], *, seconds: float = 20.0, given: bytes = b"") -> Tuple[int, str]:
        return self._said[CREDENTIAL if CREDENTIAL in argv else argv[0]]


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> World:
    world = World(tmp_path, items={"a": {"n": 1}}, sinks={})
    world.now = int(time.time()) - 300
    world.accept()
    return world


def patient(world: World, **changes: Any) -> Patient:
    found = config.parse(b'{"notify": {"heartbeat": {"url": "https://beat.example/x"}, "mode": "controller"}}')
    plain = Patient(
        Scripted(GOOD), world.store, str(world.path), "/etc/x.json", found, "", int(time.time()), os.geteuid()
    )
    return replace(plain, **changes)


def told(found: Patient) -> Dict[str, Advice]:
    return {advice.name: advice for advice in diagnose(found)}


def test_what_is_right_is_not_called_wrong(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vps_sentry.doctor.system.SYSTEMD_RUNS", "/")

    assert [] == [advice for advice in diagnose(patient(world)) if advice.verdict in ("FAIL", "warn")]


def _old(world: World) -> Any:
    os.utime(world.path / "state/heartbeat", (time.time() - 3600, time.time() - 3600))


def _ahead(world: World) -> Any:
    os.utime(world.path / "state/heartbeat", (time.time() + 9999, time.time() + 9999))


def _lose(world: World) -> Any:
    (world.path / "state/baseline.json").unlink()


def _fail(world: World) -> Any:
    world.failing = "the log is gone"
    world.run()


def _stuck(world: World) -> Any:
    world.sinks = World(world.path).sinks
    world.now = int(time.time()) - 7200
    world.items["a"] = {"n": 9}
    world.run(after=0)


def _never(world: World) -> Any:
    (world.path / "state/heartbeat").unlink()


STATES = [
    pytest.param(_old, "last run", "FAIL", "journalctl -u vps-sentry", id="ticks missed"),
    pytest.param(_ahead, "last run", "FAIL", "the clock went back", id="a clock that went back"),
    pytest.param(_never, "last run", "FAIL", "take one with", id="never run"),
    pytest.param(_lose, "baseline", "FAIL", "restore it from history/", id="a lost baseline"),
    pytest.param(_fail, "check things", "FAIL", "the log is gone", id="a check that fails"),
    pytest.param(_stuck, "shipping", "FAIL", "journalctl -u vps-sentry-ship", id="messages that wait"),
]


@pytest.mark.parametrize(("harm", "name", "verdict", "words"), STATES)
def test_what_is_wrong_is_named_with_its_remedy(
    world: World, harm: Callable[[World], Any], name: str, verdict: str, words: str
) -> None:
    harm(world)
    advice = told(patient(world))[name]

    assert verdict == advice.verdict
    assert words in advice.text


SYSTEMS = [
    pytest.param("timedatectl", (0, "no\n"), "clock", "warn", "set-ntp true", id="not synchronised"),
    pytest.param("timedatectl", (1, "no bus"), "clock", "skip", "not known", id="no answer about the clock"),
    pytest.param("systemctl", (0, "ActiveState=inactive\n"), "timer", "FAIL", "enable --now", id="the timer stopped"),
    pytest.param("systemctl", (0, ""), "sandbox", "FAIL", "not as shipped", id="another unit"),
    pytest.param("systemd-run", (0, ""), "sandbox", "warn", "no effect", id="a sandbox without effect"),
    pytest.param("systemd-run", (1, "Failed to start transient"), "sandbox", "skip", "not be tried", id="not tried"),
    pytest.param(CREDENTIAL, (1, ""), "credentials", "FAIL", "mount --make-rshared /", id="mounts are not shared"),
]


@pytest.mark.parametrize(("program", "answer", "name", "verdict", "words"), SYSTEMS)
def test_what_systemd_says(
    world: World, program: str, answer: Tuple[int, str], name: str, verdict: str, words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("vps_sentry.doctor.system.SYSTEMD_RUNS", "/")
    advice = told(patient(world, host=Scripted({**GOOD, program: answer})))[name]

    assert verdict == advice.verdict
    assert words in advice.text


CONFIGS = [
    pytest.param(b"{}", "silence", "warn", "nobody would notice if this host fell silent", id="nobody would notice"),
    pytest.param(b"{}", "alerts", "warn", "nobody is told", id="nobody is told"),
    pytest.param(b'{"accept": {"fleet_id": "f"}}', "silence", "ok", "a controller", id="a controller collects"),
    pytest.param(
        b'{"notify": {"heartbeat": {"url": "https://b.example/x"}}}',
        "silence",
        "ok",
        "heartbeat",
        id="a dead man's switch",
    ),
    pytest.param(
        b'{"hook": "https://discord.com/api/webhooks/123456/abcDEF-_9"}',
        "configuration",
        "warn",
        "move",
        id="a warning",
    ),
]


@pytest.mark.parametrize(("data", "name", "verdict", "words"), CONFIGS)
def test_what_the_configuration_means(world: World, data: bytes, name: str, verdict: str, words: str) -> None:
    advice = told(patient(world, config=config.parse(data), user=1))[name]

    assert verdict == advice.verdict
    assert words in advice.text


def test_a_configuration_nobody_can_use(world: World) -> None:
    found = told(patient(world, config=None, config_problem="x.json: checks.prots: unknown key"))

    assert ("FAIL", True) == (found["configuration"].verdict, "unknown key" in found["configuration"].text)
    assert "silence" not in found


def test_a_full_disk(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vps_sentry.doctor.system.SMALLEST_FREE", 1 << 62)

    assert "make room" in told(patient(world))["disk space"].text


def test_no_state_directory(world: World) -> None:
    found = told(patient(world, store=type(world.store)(str(world.path / "nowhere"))))

    assert "FAIL" == found["state directory"].verdict


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a file away")
def test_a_secret_that_others_may_read(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secrets" / "hmac"
    secret.parent.mkdir()
    monkeypatch.setattr("vps_sentry.doctor.agent.SECRETS", str(secret.parent))
    secret.write_text("s")
    secret.chmod(0o644)

    assert "chmod 600" in told(patient(world))["secrets"].text
    secret.chmod(0o600)
    assert "ok" == told(patient(world))["secrets"].verdict


def test_fix_compiles_for_this_python_and_only_what_the_manifest_vouches_for(world: World, tmp_path: Path) -> None:
    place = installed(tmp_path / "releases")
    other_python(place)
    sick = patient(world, package=str(place / "lib/vps_sentry"))
    assert "warn" == told(sick)["bytecode"].verdict

    assert Advice("ok", "fix", "bytecode of 2 files made anew") == agent.fix(sick)
    assert "ok" == told(sick)["bytecode"].verdict
    (place / MAIN).write_text("evil = 1")
    assert ("FAIL", "FAIL") == (agent.fix(sick).verdict, told(sick)["own files"].verdict)
