# SPDX-License-Identifier: GPL-3.0-or-later
"""What of an installation lies outside our own files: commands, units, timer, secrets, the log of sshd."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Dict, Iterator

from .. import credentials, memory
from ..checks import Context
from ..config import Config
from ..errors import SentryError
from ..host import Host
from ..setup import Setup
from .step import Step, step

COMMANDS = ("/usr/local/bin/vps-sentry", "/usr/local/bin/vps-sentry-ship", "/usr/local/bin/vps-sentry-selftest")
UNITS = ("vps-sentry.service", "vps-sentry.timer", "vps-sentry-ship.service")
SYSTEMD_RUNS = "/run/systemd/system"
NO_CREDENTIALS = 243
"""How a unit ends that systemd could not give its credentials (systemd.exec(5), EXIT_CREDENTIALS)."""
_ENABLE = "systemctl enable --now vps-sentry.timer"


def commands() -> Step:
    """Whether the wrappers are there and root alone can change them."""
    bad = [path for path in COMMANDS if not _executable(path)]
    problem = f"{', '.join(bad)}: missing or not root's own; run scripts/install.sh again"
    return step("commands", not bad, reason=problem if bad else "installed, root's own")


def _executable(path: str) -> bool:
    try:
        found = os.stat(path)
    except OSError:
        return False
    mode = found.st_mode
    return stat.S_ISREG(mode) and bool(mode & 0o111) and not mode & 0o022 and found.st_uid == 0


def systemd(host: Host, config: Config) -> Iterator[Step]:
    """Whether systemd understands the units, the timer runs, each run is followed by shipping, and secrets arrive."""
    if not Path(SYSTEMD_RUNS).is_dir():
        yield Step("skip", "units", "systemd is not running here, so nothing looks by itself")
        return
    yield _verified(host)
    yield _started(host)
    yield _timer(host)
    yield _shipping(host)
    yield credentials_reach(host, config)


def credentials_reach(host: Host, config: Config) -> Step:
    """Whether what systemd hands to a unit arrives there; tried for real, for it fails without a word.

    It lies in a mount that reaches a unit only where mounts are shared, as systemd makes them at boot, except in a
    container (systemd.exec(5), CREDENTIALS).
    """
    if not config.notify.sinks and not config.notify.delivery.heartbeat:
        return Step("skip", "credentials", "nothing is sent from here")
    look = 'test -e "$CREDENTIALS_DIRECTORY/probe"'
    command = ["systemd-run", "--quiet", "--wait", "--collect", "--property=SetCredential=probe:x", "sh", "-c", look]
    code, said = host.command(command)
    if code == 0:
        return Step("ok", "credentials", "systemd hands secrets to the process that ships")
    if code not in (1, NO_CREDENTIALS) or "ailed to" in said:
        return Step(
            "skip", "credentials", f"it could not be tried: {said.strip()[:200] or f'systemd-run ended {code}'}"
        )
    problem = (
        "what systemd hands over does not reach units: mounts are not shared (a container?), so nothing can be "
        "shipped; run at each boot, before anything else: mount --make-rshared / (docs/operations.md)"
    )
    return Step("FAIL", "credentials", problem)


def _verified(host: Host) -> Step:
    code, said = host.command(["systemd-analyze", "verify", *(f"/etc/systemd/system/{unit}" for unit in UNITS)])
    if code == 127:
        return Step("skip", "units", f"{said}, so systemd's opinion of the units is not known")
    # It also speaks of units that ours depend on; a defect of those is not ours.
    ours = [line for line in said.splitlines() if "vps-sentry" in line]
    if code == 124:
        ours = [said]
    return step("units", not ours, reason="; ".join(ours) or "systemd accepts them")


def _started(host: Host) -> Step:
    """A drop-in may replace what a unit starts."""
    for unit, program in ((UNITS[0], COMMANDS[0]), (UNITS[2], COMMANDS[1])):
        found = _properties(host, unit)
        if found.get("LoadState") != "loaded":
            state = found.get("LoadState") or "unknown"
            return Step("FAIL", "programs", f"{unit} is {state}; run: systemctl unmask {unit}; scripts/install.sh")
        if f"path={program} ;" not in found.get("ExecStart", ""):
            return Step("FAIL", "programs", f"{unit} does not start {program}; look with: systemctl cat {unit}")
        if found.get("NeedDaemonReload") == "yes":
            return Step("FAIL", "programs", f"{unit} has changed on disk; run: systemctl daemon-reload")
    return Step("ok", "programs", "the units start the commands")


def _properties(host: Host, unit: str) -> Dict[str, str]:
    wanted = "--property=LoadState,ExecStart,Wants,NeedDaemonReload"
    _, said = host.command(["systemctl", "show", wanted, unit])
    return {key: value for key, _, value in (line.partition("=") for line in said.splitlines())}


def _timer(host: Host) -> Step:
    _, enabled = host.command(["systemctl", "is-enabled", "vps-sentry.timer"])
    _, active = host.command(["systemctl", "is-active", "vps-sentry.timer"])
    enabled, active = enabled.strip(), active.strip()
    if (enabled, active) == ("enabled", "active"):
        return Step("ok", "timer", "enabled and active")
    masked = enabled.startswith("masked")
    remedy = f"systemctl unmask vps-sentry.timer; scripts/install.sh; {_ENABLE}" if masked else _ENABLE
    return Step("FAIL", "timer", f"it is {enabled or 'unknown'} and {active or 'unknown'}; run: {remedy}")


def _shipping(host: Host) -> Step:
    effective = UNITS[2] in _properties(host, UNITS[0]).get("Wants", "").split()
    problem = f"ship.conf is not in effect: nothing starts {UNITS[2]}; look with: systemctl cat {UNITS[0]}"
    return step("shipping after each run", effective, reason="ship.conf holds" if effective else problem)


def secrets(config: Config) -> Step:
    """Whether every secret that the configuration names exists and is handed to the process that ships."""
    files = credentials.secret_files(config)
    if not files:
        return Step("ok", "secrets", "none lies in a file of its own")
    missing = [f"{path} does not exist ({option})" for option, path in files.items() if not os.path.isfile(path)]
    problems = [*missing, *credentials.not_handed_over(config)]
    return step("secrets", not problems, reason="; ".join(problems) or f"{len(files)} handed over")


def log_source(setup: Setup) -> Step:
    """Which log of sshd the next run will read, looked at without remembering anything."""
    check, known = setup.checks["ssh_auth"], memory.recall(setup.store)
    options = setup.config.checks["ssh_auth"]
    if not options.enabled:
        return Step("skip", "log source", "ssh_auth is disabled by the configuration")
    cursor = known.checks.get("ssh_auth", {})
    try:
        seen = check.collect(Context(setup.host, options, setup.now, cursor, accepted=True))
    except SentryError as exc:
        return Step("FAIL", "log source", str(exc))
    said = str((seen.memory or {}).get("source")) if seen.status == "ok" else seen.error or seen.status
    return step("log source", seen.status == "ok", reason=said)
