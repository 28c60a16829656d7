# SPDX-License-Identifier: GPL-3.0-or-later
"""The self-test on its own: each step can fail and says what to do, the real state stays byte by byte."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
from support.receiver import Answer, make_certificate, serving
from support.runs import World
from vps_sentry import config
from vps_sentry.checks import discover
from vps_sentry.cli import main
from vps_sentry.config import Accept, default
from vps_sentry.errors import ConfigError
from vps_sentry.host import Host
from vps_sentry.selftest import Trial, machine, steps
from vps_sentry.selftest.step import Step
from vps_sentry.setup import Setup
from vps_sentry.sinks import Routes, Transport, webhook


def _no_routes() -> Routes:
    raise ConfigError("no sink is configured")


def setup_of(world: World, **changes: Any) -> Setup:
    """The whole machine, because that is where the trial's own file lies."""
    return replace(world.setup(), **{"checks": discover(), "config": default(), "host": Host("/"), **changes})


def found(setup: Setup, *, with_network: bool = False, routes: Any = _no_routes) -> Dict[str, Step]:
    return {each.name: each for each in steps(Trial(setup, routes, with_network))}


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> World:
    world = World(tmp_path, items={"a": {"n": 1}})
    (tmp_path / "root" / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    return world


def test_without_a_sink_delivery_fails(world: World) -> None:
    step = found(setup_of(world), with_network=True)["delivery"]

    assert ("FAIL", True) == (step.verdict, "missing-config" in step.reason)


def test_without_the_network_delivery_is_skipped_with_the_way_to_do_it(world: World) -> None:
    step = found(setup_of(world))["delivery"]

    assert ("skip", True) == (step.verdict, "--with-network" in step.reason)


DELIVERIES = [
    pytest.param([Answer(204)], "ok", id="every 2xx"),
    pytest.param([Answer(500)], "FAIL", id="refused"),
    pytest.param([Answer(302, {"Location": "/x"})], "FAIL", id="redirected"),
    pytest.param([Answer(404)], "FAIL", id="unknown"),
]


@pytest.mark.parametrize(("answers", "verdict"), DELIVERIES)
def test_delivery_is_what_the_sink_says(world: World, tmp_path: Path, *, answers: List[Answer], verdict: str) -> None:
    certificate = make_certificate(tmp_path / "authority")
    with serving(certificate) as server:
        server.answers = list(answers)
        transport = Transport(read_secret=str, now=lambda: world.now, ca_bundle=str(certificate.ca), deadline=5)
        ways = Routes({"webhook": webhook.Options(url=server.url())}, transport)
        step = found(setup_of(world), with_network=True, routes=lambda: ways)["delivery"]
        bodies = [json.loads(request.body) for request in server.requests]

    assert (verdict, "s3cret-token" in step.reason) == (step.verdict, False)
    assert [True] == [body["test"] for body in bodies]
    assert bodies[0]["alerts"][0]["title"].startswith("TEST message")


def test_a_log_that_cannot_be_read_fails_with_the_reason(world: World) -> None:
    settings = default()
    options = replace(settings.checks["ssh_auth"], sources=("/var/log/none",))
    settings = replace(settings, checks={**settings.checks, "ssh_auth": options})
    step = found(setup_of(world, config=settings))["log source"]

    assert ("FAIL", True) == (step.verdict, "no log of sshd can be read" in step.reason)


def files_of(folder: Path) -> Dict[str, Tuple[bytes, int]]:
    """Every file of the real state, its content and when it was written; the trial's own folder left out."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] != "test"
    }


def test_the_real_state_stays_byte_by_byte(world: World) -> None:
    world.accept()
    world.items["a"] = {"n": 2}
    world.run()
    before = files_of(world.path / "state")
    first, second = found(setup_of(world)), found(setup_of(world))

    assert {"baseline.json", "alerts.json", "cursors.json", "last.json", "heartbeat"} <= set(before)
    assert any(name.startswith("outbox/") for name in before)
    assert before == files_of(world.path / "state")
    for step in ("baseline untouched", "a changed file", "test-only"):
        assert "ok" == first[step].verdict == second[step].verdict


def test_it_works_without_a_baseline_and_in_signed_mode(world: World) -> None:
    for settings in (default(), replace(default(), accept=Accept("fleet"))):
        told = found(setup_of(world, config=settings))
        assert ["ok"] * 3 == [told[name].verdict for name in ("a changed file", "test-only", "baseline untouched")]


def test_what_an_earlier_trial_left_damaged_does_not_matter(world: World) -> None:
    found(setup_of(world))
    (world.path / "state/test/state/baseline.json").write_text("torn")
    (world.path / "state/test/state/cursors.json").unlink()

    assert "ok" == found(setup_of(world))["a changed file"].verdict


def test_a_trial_that_cannot_write_says_so_and_goes_on(world: World) -> None:
    (world.path / "state/test/state").symlink_to("/proc")
    told = found(setup_of(world))

    assert "FAIL" == told["a changed file"].verdict
    assert "baseline untouched" in told


def test_a_bad_configuration_fails_its_step_leaves_the_good_one_and_exits_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state, path = tmp_path / "state", tmp_path / "c.json"
    place = ["--config", str(path), "--state-dir", str(state)]
    (state / "outbox").mkdir(parents=True)
    (state / "config.last-good").write_text("{}")
    path.write_text('{"chekcs": {}}')
    code = main(["selftest", *place])
    told = capsys.readouterr().out.splitlines()

    assert (2, "{}") == (code, (state / "config.last-good").read_text())
    assert [line for line in told if line.startswith("FAIL  configuration: ")]
    assert all(line[:6] in ("ok    ", "FAIL  ", "skip  ") for line in told), told
    assert [line for line in told if line.startswith("ok    a changed file")]


@dataclass
class Scripted:
    """A host whose programs answer what the test wants; ``answers`` by the words of the command."""

    answers: Dict[str, Tuple[int, str]] = field(default_factory=dict)

    def command(self, argv: List[str], *, seconds: float = 20.0) -> Tuple[int, str]:
        words = " ".join(argv)
        for part, answer in {**self.answers, **GOOD}.items():
            if part in words:
                return self.answers.get(part, answer)
        raise AssertionError(words)


def shown(unit: str, program: str, **changes: str) -> str:
    plain = {
        "LoadState": "loaded",
        "NeedDaemonReload": "no",
        "Wants": "system.slice vps-sentry-ship.service",
        "ExecStart": f"{{ path={program} ; argv[]={program} --format text ; ignore_errors=no }}",
    }
    return "\n".join(f"{key}={value}" for key, value in {**plain, **changes}.items())


AGENT, SHIP = "vps-sentry.service", "vps-sentry-ship.service"
SHOW_AGENT, SHOW_SHIP = f"NeedDaemonReload {AGENT}", f"NeedDaemonReload {SHIP}"
GOOD = {
    "systemd-analyze verify": (0, ""),
    "is-enabled vps-sentry.timer": (0, "enabled\n"),
    "is-active vps-sentry.timer": (0, "active\n"),
    SHOW_AGENT: (0, shown(AGENT, "/usr/local/bin/vps-sentry")),
    SHOW_SHIP: (0, shown(SHIP, "/usr/local/bin/vps-sentry-ship")),
}
FAILURES = [
    ("all is well", {}, "", ""),
    ("a line systemd does not know", {"systemd-analyze verify": (0, f"/x/{AGENT}:9: Unknown key")}, "units", "Unknown"),
    ("a unit is missing", {"systemd-analyze verify": (1, "vps-sentry.timer: No such file")}, "units", "No such file"),
    ("systemd hangs", {"systemd-analyze verify": (124, "systemd-analyze took longer")}, "units", "took longer"),
    ("another unit is at fault", {"systemd-analyze verify": (1, "/x/nginx.service:3: bad")}, "", ""),
    ("the timer is disabled", {"is-enabled": (1, "disabled\n")}, "timer", "systemctl enable --now vps-sentry.timer"),
    ("the timer is stopped", {"is-active": (3, "inactive\n")}, "timer", "it is enabled and inactive"),
    ("the timer is masked", {"is-enabled": (1, "masked\n")}, "timer", "systemctl unmask vps-sentry.timer"),
    ("masked until the next boot", {"is-enabled": (1, "masked-runtime\n")}, "timer", "systemctl unmask"),
    ("enabled until the next boot", {"is-enabled": (0, "enabled-runtime\n")}, "timer", "it is enabled-runtime"),
    ("ship.conf is gone", {SHOW_AGENT: (0, shown(AGENT, "/usr/local/bin/vps-sentry", Wants="x"))},
     "shipping after each run", f"systemctl cat {AGENT}"),
    ("only a name alike", {SHOW_AGENT: (0, shown(AGENT, "/usr/local/bin/vps-sentry", Wants="not-" + SHIP))},
     "shipping after each run", "ship.conf is not in effect"),
    ("a drop-in starts something else", {SHOW_AGENT: (0, shown(AGENT, "/bin/true"))}, "programs", "does not start"),
    ("a program alike", {SHOW_AGENT: (0, shown(AGENT, "/usr/local/bin/vps-sentry-x"))}, "programs", "does not start"),
    ("shipping is masked", {SHOW_SHIP: (0, "LoadState=masked")}, "programs", f"systemctl unmask {SHIP}"),
    ("changed on disk", {SHOW_SHIP: (0, shown(SHIP, "/usr/local/bin/vps-sentry-ship", NeedDaemonReload="yes"))},
     "programs", "systemctl daemon-reload"),
]  # fmt: skip


@pytest.mark.parametrize(("answers", "name", "words"), [c[1:] for c in FAILURES], ids=[c[0] for c in FAILURES])
def test_what_systemd_says(
    answers: Dict[str, Tuple[int, str]], name: str, words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(machine, "SYSTEMD_RUNS", str(tmp_path))
    host: Any = Scripted(answers)
    told = list(machine.systemd(host, default()))

    assert ["units", "programs", "timer", "shipping after each run", "credentials"] == [step.name for step in told]
    assert ([name] if name else []) == [step.name for step in told if step.verdict == "FAIL"]
    assert all(words in step.reason for step in told if step.name == name)


def test_without_systemd_or_its_tools_the_steps_are_skipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine, "SYSTEMD_RUNS", str(tmp_path / "none"))
    assert ["skip"] == [step.verdict for step in machine.systemd(Host("/"), default())]

    monkeypatch.setattr(machine, "SYSTEMD_RUNS", str(tmp_path))
    host: Any = Scripted({"systemd-analyze verify": (127, "systemd-analyze is not installed")})
    assert "skip" == next(machine.systemd(host, default())).verdict


SENDING = b'{"notify": {"webhook": {"url": "https://h.example/"}}}'
CREDENTIALS = [
    pytest.param(SENDING, (0, ""), "ok", "hands secrets", id="they arrive"),
    pytest.param(SENDING, (1, ""), "FAIL", "mount --make-rshared /", id="a container without shared mounts"),
    pytest.param(SENDING, (243, ""), "FAIL", "mounts are not shared", id="the same, said by systemd"),
    pytest.param(
        SENDING, (1, "Failed to start transient service unit: refused"), "skip", "refused", id="no way to try"
    ),
    pytest.param(SENDING, (127, "systemd-run is not installed"), "skip", "not installed", id="nothing to try it with"),
    pytest.param(b"{}", (1, ""), "skip", "nothing is sent", id="nobody needs them: a controller reads, or nobody"),
]


@pytest.mark.parametrize(("configured", "answer", "verdict", "words"), CREDENTIALS)
def test_whether_secrets_reach_a_unit(configured: bytes, answer: Tuple[int, str], *, verdict: str, words: str) -> None:
    host: Any = Scripted({"SetCredential": answer})
    told = machine.credentials_reach(host, config.parse(configured))

    assert (verdict, words in told.reason) == (told.verdict, True), told


WRAPPERS = [
    pytest.param(lambda path: path.unlink(), id="missing"),
    pytest.param(lambda path: path.chmod(0o644), id="not executable"),
    pytest.param(lambda path: path.chmod(0o775), id="others may write it"),
    pytest.param(lambda path: os.chown(path, 65534, 0), id="somebody's own"),
]


@pytest.mark.skipif(os.geteuid() != 0, reason="root's own files need root")
@pytest.mark.parametrize("harm", WRAPPERS)
def test_wrappers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: Any) -> None:
    path = tmp_path / "vps-sentry"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    monkeypatch.setattr(machine, "COMMANDS", (str(path),))
    assert "ok" == machine.commands().verdict
    harm(path)

    assert ("FAIL", True) == (machine.commands().verdict, "scripts/install.sh" in machine.commands().reason)


def test_secrets() -> None:
    assert "ok" == machine.secrets(default()).verdict
    notify = {"webhook": {"url": "https://h.example/x", "secret_file": "/etc/vps-sentry.d/none-of-that-name"}}
    step = machine.secrets(config.parse(json.dumps({"notify": notify}).encode()))
    assert ("FAIL", True) == (step.verdict, "none-of-that-name does not exist (notify.webhook" in step.reason)
