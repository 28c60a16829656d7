# SPDX-License-Identifier: GPL-3.0-or-later
"""``vps-sentry-selftest`` on a real host: every way in which an installation can fail is made, seen, and mended."""

from __future__ import annotations

import json
from typing import Dict

import pytest
from support.receiver import Answer, Receiver
from support.watched import STATE, Watched

pytestmark = pytest.mark.container

REAL = "baseline.json alerts.json cursors.json logins.json last.json config.last-good outbox acks history"


def selftest(host: Watched, *words: str, code: int) -> Dict[str, str]:
    """Each step's verdict and reason by its name; the real state must be byte by byte what it was."""
    before = _real(host)
    done = host.machine.run(["vps-sentry-selftest", *words], check=False)
    assert before == _real(host)
    assert code == done.returncode, done.stdout + done.stderr
    told = {}
    for line in done.stdout.splitlines():
        assert line[:6] in ("ok    ", "FAIL  ", "skip  "), line
        name, _, reason = line[6:].partition(": ")
        told[name] = f"{line[:4].strip()}: {reason}"
    return told


def _real(host: Watched) -> str:
    script = f"cd {STATE}; find {REAL} -type f 2>/dev/null | sort | xargs sha256sum; ls -l --time-style=full-iso {REAL}"
    return host.machine.run(["sh", "-c", script], check=False).stdout


def failed(told: Dict[str, str]) -> Dict[str, str]:
    return {name: reason for name, reason in told.items() if reason.startswith("FAIL")}


TIMER = "/run/systemd/system/vps-sentry.timer.d/test.conf"


def fire(host: Watched, when: str) -> None:
    """Let the timer run, at other moments than its own."""
    host.machine.write(TIMER, f"[Timer]\nOnCalendar=\nOnCalendar={when}\nRandomizedDelaySec=0\nPersistent=no\n")
    host.machine.run(["systemctl", "daemon-reload"])
    host.machine.run(["systemctl", "restart", "vps-sentry.timer"])


def test_without_a_baseline(host: Watched) -> None:
    # Active, but not while the real state is compared byte by byte.
    fire(host, "2099-01-01")
    told = selftest(host, "--with-network", code=0)

    assert {name for name, reason in told.items() if reason.startswith("ok")} == set(told)
    assert "there is none" in told["baseline untouched"]
    assert ("info", "open", "selftest", "selftest") in host.heard()
    assert told["delivery"].startswith("ok: sent ")


DROP_IN = "/etc/systemd/system/vps-sentry.service.d/zz.conf"
RELOAD = "systemctl daemon-reload"
UNITS = "/etc/systemd/system"
BROKEN = [
    pytest.param(
        "mv /usr/local/bin/vps-sentry-ship /root/kept",
        "mv /root/kept /usr/local/bin/vps-sentry-ship",
        ("commands", "/usr/local/bin/vps-sentry-ship: missing"),
        id="a wrapper is missing",
    ),
    pytest.param(
        "systemctl stop vps-sentry.timer",
        "systemctl start vps-sentry.timer",
        ("timer", "it is enabled and inactive; run: systemctl enable --now"),
        id="the timer is stopped",
    ),
    pytest.param(
        "systemctl disable -q vps-sentry.timer",
        "systemctl enable -q vps-sentry.timer",
        ("timer", "it is disabled and active; run: systemctl enable --now"),
        id="the timer is disabled",
    ),
    pytest.param(
        f"mv {UNITS}/vps-sentry.timer /root/kept; ln -s /dev/null {UNITS}/vps-sentry.timer; {RELOAD}",
        f"mv /root/kept {UNITS}/vps-sentry.timer; {RELOAD}; systemctl restart vps-sentry.timer",
        ("timer", "systemctl unmask vps-sentry.timer"),
        id="the timer is masked",
    ),
    pytest.param(
        f"mv {UNITS}/vps-sentry.service.d/ship.conf /root/kept; {RELOAD}",
        f"mv /root/kept {UNITS}/vps-sentry.service.d/ship.conf; {RELOAD}",
        ("shipping after each run", "ship.conf is not in effect"),
        id="the drop-in is gone",
    ),
    pytest.param(
        f"printf '[Service]\\nExecStart=\\nExecStart=/bin/true\\n' >{DROP_IN}; {RELOAD}",
        f"rm {DROP_IN}; {RELOAD}",
        ("programs", "vps-sentry.service does not start /usr/local/bin/vps-sentry; look with: systemctl cat"),
        id="a drop-in replaces what is started",
    ),
    pytest.param(
        f"mv {UNITS}/vps-sentry-ship.service /root/kept; ln -s /dev/null {UNITS}/vps-sentry-ship.service; {RELOAD}",
        f"rm {UNITS}/vps-sentry-ship.service; mv /root/kept {UNITS}/vps-sentry-ship.service; {RELOAD}",
        ("programs", "vps-sentry-ship.service is masked; run: systemctl unmask"),
        id="shipping is masked",
    ),
    pytest.param(
        "mount --make-rprivate /",
        "mount --make-rshared /",
        ("credentials", "mounts are not shared (a container?)"),
        id="mounts are not shared, as in some containers",
    ),
    pytest.param(
        f"echo Nonsense=1 >>{UNITS}/vps-sentry-ship.service; {RELOAD}",
        f"sed -i '$d' {UNITS}/vps-sentry-ship.service; {RELOAD}",
        ("units", "Nonsense"),
        id="a line systemd does not know",
    ),
]


@pytest.mark.parametrize(("harm", "mend", "expected"), BROKEN)
def test_what_is_broken_is_named(host: Watched, harm: str, mend: str, *, expected: tuple[str, str]) -> None:
    name, words = expected
    host.machine.run(["sh", "-euc", harm])
    try:
        told = selftest(host, code=4)
    finally:
        host.machine.run(["sh", "-euc", mend])

    assert words in failed(told)[name], told
    assert failed(selftest(host, code=0)) == {}


def test_a_bad_configuration_is_named_and_exits_2(host: Watched) -> None:
    good = host.machine.read("/etc/vps-sentry.json")
    host.machine.write("/etc/vps-sentry.json", '{"chekcs": {}}', mode=0o600)
    told = selftest(host, code=2)
    host.machine.write("/etc/vps-sentry.json", good, mode=0o600)

    assert "chekcs: unknown key" in failed(told)["configuration"]


CONFIGURED = [
    pytest.param({"checks": {"ssh_auth": {"sources": ["/var/log/none"]}}}, "log source", "no log of sshd", id="no log"),
    pytest.param({"notify": {}}, "delivery", "missing-config", id="no sink is a failure, not a success"),
    pytest.param(
        {"notify": {"webhook": {"url": "https://h.example/", "secret_file": "/etc/vps-sentry.d/mine"}}},
        "secrets",
        "/etc/vps-sentry.d/mine is not handed to vps-sentry-ship.service",
        id="a secret nobody hands over",
    ),
]


@pytest.mark.parametrize(("settings", "name", "words"), CONFIGURED)
def test_a_configuration_that_cannot_work_is_named(host: Watched, settings: object, name: str, *, words: str) -> None:
    good = host.machine.read("/etc/vps-sentry.json")
    document = {**json.loads(good), **(settings if isinstance(settings, dict) else {})}
    host.machine.write("/etc/vps-sentry.json", json.dumps(document), mode=0o600)
    told = selftest(host, "--with-network", code=4)
    host.machine.write("/etc/vps-sentry.json", good, mode=0o600)

    assert words in failed(told)[name], told


def test_a_sink_that_refuses_is_named(host: Watched, receiver: Receiver) -> None:
    receiver.answers = [Answer(500)]
    told = selftest(host, "--with-network", code=4)
    receiver.answers = [Answer()]
    host.heard()

    assert "answered 500" in failed(told)["delivery"]
    assert "s3cret-token" not in told["delivery"]


def test_while_real_runs_come_and_go(host: Watched) -> None:
    fire(host, "*:*:0/2")
    for _ in range(3):
        done = host.machine.run(["vps-sentry-selftest"], check=False)
        assert (done.returncode, "FAIL" in done.stdout) == (0, False), done.stdout
    fire(host, "2099-01-01")
    host.machine.run(["systemctl", "stop", "vps-sentry.service"])


def test_in_signed_mode_and_with_a_baseline(host: Watched) -> None:
    host.accept()
    good = host.machine.read("/etc/vps-sentry.json")
    host.machine.run(["sh", "-euc", "mkdir -p /etc/vps-sentry.d; touch /etc/vps-sentry.d/allowed_signers"])
    signed = {**json.loads(good), "accept": {"fleet_id": "f", "allowed_signers": "/etc/vps-sentry.d/allowed_signers"}}
    host.machine.write("/etc/vps-sentry.json", json.dumps(signed), mode=0o600)
    told = selftest(host, code=0)
    host.machine.write("/etc/vps-sentry.json", good, mode=0o600)

    assert failed(told) == {}
    assert told["baseline untouched"].startswith("ok: sha256:")
