# SPDX-License-Identifier: GPL-3.0-or-later
"""The units: what docs/contracts.md section 8 fixes, what sight forbids, and systemd's own judgement of them."""

from __future__ import annotations

import shutil
import subprocess
from typing import Dict, List

import pytest
from support.sandbox import sandbox
from support.tree import ROOT

UNITS = ROOT / "deploy/systemd"


def settings(name: str) -> Dict[str, List[str]]:
    """``Section.Key`` of a unit file to its values, in order."""
    found: Dict[str, List[str]] = {}
    section = ""
    for line in (UNITS / name).read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(f"{section}.{key}", []).append(value)
    return found


AGENT = "vps-sentry.service"
SHIP = "vps-sentry-ship.service"
FACTS = [
    (AGENT, "Service.Type", ["oneshot"]),
    (AGENT, "Service.ExecStart", ["/usr/local/bin/vps-sentry --format text"]),
    (AGENT, "Service.SuccessExitStatus", ["3 4"]),
    (AGENT, "Service.TimeoutStartSec", ["120"]),
    (AGENT, "Service.MemoryMax", ["320M"]),
    (AGENT, "Service.TasksMax", ["16"]),
    (AGENT, "Service.CPUQuota", ["50%"]),
    (AGENT, "Service.StateDirectory", ["vps-sentry"]),
    (AGENT, "Service.StateDirectoryMode", ["0711"]),
    (AGENT, "Service.CapabilityBoundingSet", ["CAP_DAC_READ_SEARCH CAP_SYS_PTRACE"]),
    (AGENT, "Service.RestrictAddressFamilies", ["AF_UNIX AF_NETLINK"]),
    ("vps-sentry.timer", "Timer.OnCalendar", ["*:0/5"]),
    ("vps-sentry.timer", "Timer.AccuracySec", ["5s"]),
    ("vps-sentry.timer", "Timer.RandomizedDelaySec", ["30s"]),
    ("vps-sentry.timer", "Timer.FixedRandomDelay", ["yes"]),
    ("vps-sentry.timer", "Timer.Persistent", ["yes"]),
    ("vps-sentry.timer", "Install.WantedBy", ["timers.target"]),
    ("vps-sentry.service.d/ship.conf", "Unit.Wants", [SHIP]),
    (SHIP, "Unit.After", ["vps-sentry.service network-online.target"]),
    (SHIP, "Service.Type", ["oneshot"]),
    (SHIP, "Service.ExecStart", ["/usr/local/bin/vps-sentry-ship"]),
    (SHIP, "Service.User", ["vps-sentry-ship"]),
    (SHIP, "Service.CapabilityBoundingSet", [""]),
    (SHIP, "Service.ReadWritePaths", ["-/var/lib/vps-sentry/acks"]),
    (SHIP, "Service.SuccessExitStatus", ["4"]),
]


@pytest.mark.parametrize(("unit", "key", "expected"), FACTS, ids=[f"{unit} {key}" for unit, key, _ in FACTS])
def test_what_is_fixed(unit: str, key: str, expected: List[str]) -> None:
    assert settings(unit)[key] == expected


BLINDING = [
    ("InaccessiblePaths", "a watched file would be absent"),
    ("PrivateDevices", "another /dev"),
    ("PrivateNetwork", "no listeners of the host"),
    ("PrivateTmp", "another /tmp"),
    ("PrivateUsers", "every owner would be nobody"),
    ("ProcSubset", "no mounts, sockets, modules"),
    ("ProtectKernelModules", "no /usr/lib/modules"),
    ("ProtectProc", "no processes of others"),
    ("RootDirectory", "another host"),
    ("TemporaryFileSystem", "a watched directory would be empty"),
    ("User", "unreadable files"),
]


@pytest.mark.weakness(17)
@pytest.mark.parametrize("directive", [name for name, _ in BLINDING], ids=[f"{n}: {why}" for n, why in BLINDING])
def test_the_agent_sees_what_is_there(directive: str) -> None:
    assert f"Service.{directive}" not in settings(AGENT)


def test_homes_are_read_not_hidden() -> None:
    assert settings(AGENT)["Service.ProtectHome"] == ["read-only"]


def test_a_missing_secret_does_not_stop_shipping() -> None:
    ship = settings(SHIP)
    loaded = dict(value.split(":", 1) for value in ship["Service.LoadCredential"])
    fallback = dict(value.split(":", 1) for value in ship["Service.SetCredential"])

    configurations = {
        "vps-sentry.json": "/etc/vps-sentry.json",
        "config.last-good": "/var/lib/vps-sentry/config.last-good",
        "config.accepted": "/var/lib/vps-sentry/config.accepted",
    }
    secrets = {name: path for name, path in loaded.items() if name not in configurations}
    assert loaded == {**configurations, **secrets}
    assert secrets == {name: f"/etc/vps-sentry.d/{name}" for name in secrets}
    assert {"hmac", "discord-webhook", "slack-webhook", "smtp-password", "ntfy-token"} <= set(secrets)
    assert fallback == {**dict.fromkeys(configurations, "{}"), **dict.fromkeys(secrets, "\\n")}


def test_the_user_is_nobody() -> None:
    lines = (ROOT / "deploy/sysusers.d/vps-sentry.conf").read_text().splitlines()

    assert [line for line in lines if not line.startswith("#")] == [
        'u vps-sentry-ship - "vps-sentry ships alerts" / /usr/sbin/nologin'
    ]


@pytest.fixture(scope="module")
def analyze() -> str:
    """The command ``systemd-analyze``."""
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("systemd-analyze is not installed")
    return found


@pytest.mark.parametrize(("unit", "threshold"), [(AGENT, 25), (SHIP, 20)])
def test_exposure_as_systemd_counts_it(analyze: str, unit: str, threshold: int) -> None:
    command = [analyze, "security", "--no-pager", "--offline=true", f"--threshold={threshold}", str(UNITS / unit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("unit", [AGENT, SHIP, "vps-sentry.timer"])
def test_systemd_understands_every_line(analyze: str, unit: str) -> None:
    done = sandbox(f"cp -r {UNITS} /opt/units; {analyze} verify --man=no /opt/units/{unit}")

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_line_systemd_does_not_know_is_seen(analyze: str) -> None:
    done = sandbox(
        f"cp -r {UNITS} /opt/units; echo Nonsense=1 >>/opt/units/{AGENT}; {analyze} verify /opt/units/{AGENT}"
    )

    assert "Nonsense" in done.stderr
