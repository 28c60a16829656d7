# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole ticks of an installed agent, in a private mount namespace: nothing of the real installation is touched."""

from __future__ import annotations

import json
import os
import subprocess
import time
from functools import partial
from pathlib import Path
from typing import Any, Dict, List

from .rows import BARE, PYTHON, ROOT, Contender, Figures, Measured, Row, SkippedError, by_turns, need_root
from .trees import plant

RUNTIME = "/opt/vps-sentry/venv/bin/vps-sentry"
STATE = "/var/lib/vps-sentry"
CONFIG = "/etc/vps-sentry.json"
PRIVATE = "VPS_SENTRY_BENCH_PRIVATE"
"""Set in the environment once the mounts are nobody else's."""
POINTS = ("/opt", STATE, CONFIG)
"""What is mounted over; where one is missing, scripts/bench makes it and takes it away again."""
_TICK = Contender([RUNTIME, "--format", "text"], environment={"INVOCATION_ID": "0"})
_SHIP = Contender([RUNTIME, "ship"], environment={"INVOCATION_ID": "0"})
_LOG = "Nov 24 10:00:00 host sshd[1]: Accepted publickey for root from 192.0.2.1 port 1 ssh2: ED25519 SHA256:x\n"
_ENTRIES = 1400
_DEFAULT_ENTRIES = 4000
"""The budgets of the default list speak of a server's, about 3,400 entries."""


class Installed:
    """The agent as it is installed, its state and configuration, all of them the bench's own."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._config = scratch / "config.json"
        self._ready = False

    def rows(self) -> List[Row]:
        """The rows that need an installation, cheapest first."""
        small, default = f"quiet tick, {_ENTRIES:,} watched entries", "quiet tick, default watch list"
        return [
            Row("quiet-small", small, 3, partial(self._quiet, defaults=False), rss_mib=14, cheap=True),
            Row("quiet-default", default, 6, partial(self._quiet, defaults=True), rss_mib=24, cheap=True),
            Row("ship-empty", "ship unit with an empty outbox", 2, self._ship, cheap=True),
            Row("moved", "tick in which a file of the default list moved", 15, self._moved, cheap=True),
        ]

    def _quiet(self, *, defaults: bool) -> Measured:
        self.settle(defaults=defaults)
        found = by_turns({"bare": Contender(BARE), "tick": _TICK}, rounds=21)
        if not self._is_quiet():
            raise SkippedError(f"no tick is quiet on this host: {self._troubles()}")
        tick = found["tick"]
        return self._measured(tick, found["bare"])

    def _ship(self) -> Measured:
        self.settle(defaults=False)
        found = by_turns({"bare": Contender(BARE), "ship": _SHIP}, rounds=21)
        return Measured(found["ship"].cpu / found["bare"].cpu, found["ship"].rss, _ms(found["ship"].cpu))

    def _moved(self) -> Measured:
        self.settle(defaults=True)
        move = f"echo $$ >{self._scratch}/small/moves; rm -f {STATE}/outbox/*"
        tick = Contender(_TICK.argv, [["/bin/sh", "-c", move]], _TICK.environment)
        found = by_turns({"bare": Contender(BARE), "tick": tick}, rounds=11)
        return self._measured(found["tick"], found["bare"])

    def settle(self, *, defaults: bool) -> None:
        """Installed, accepted and quiet, watching a few files or the default list."""
        need_root()
        if not self._ready:
            self._install()
        watch: Dict[str, Any] = {"defaults": defaults, "watch": [str(self._scratch / "small")]}
        self._config.write_text(json.dumps({"checks": {"files": watch}}))
        _run([RUNTIME, "--accept-baseline"])
        # Files fresher than the clock's grain are read once more before they count as settled.
        time.sleep(3)
        for _ in range(3):
            subprocess.run(_TICK.argv, env={"INVOCATION_ID": "0"}, capture_output=True, check=False)

    def _install(self) -> None:
        if not os.environ.get(PRIVATE):
            raise SkippedError("this needs mounts of its own: start scripts/bench as root")
        plant(self._scratch / "small", _ENTRIES)
        for point in ("/opt", STATE):
            _run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", point])
        self._config.touch(mode=0o600)
        _run(["mount", "--bind", str(self._config), CONFIG])
        if not subprocess.run(["journalctl", "-q", "-n", "1"], capture_output=True, check=False).stdout:
            _run(["mount", "-t", "tmpfs", "tmpfs", "/var/log"])
            Path("/var/log/auth.log").write_text(_LOG)
        release = str(ROOT / "deploy" / "release.py")
        _run([PYTHON, "-I", release, "build", "--output", str(self._scratch)])
        (archive,) = self._scratch.glob("vps-sentry-*.tar.gz")
        _run([PYTHON, "-I", release, "install", str(archive)])
        self._ready = True

    def _is_quiet(self) -> bool:
        """Whether one of three ticks leaves the report alone: one in twelve, at random, believes no stamp."""
        report = Path(STATE, "last.json")
        for _ in range(3):
            before = report.stat().st_mtime_ns
            subprocess.run(_TICK.argv, env={"INVOCATION_ID": "0"}, capture_output=True, check=False)
            if report.stat().st_mtime_ns == before:
                return True
        return False

    def _troubles(self) -> str:
        checks = _last()["checks"]
        found = [f"{name}: {check['error']}" for name, check in checks.items() if check["status"] == "failed"]
        return "; ".join(found) or "something moves all the time"

    def _measured(self, tick: Figures, bare: Figures) -> Measured:
        items = _last()["checks"]["files"]["items"]
        beyond = f"{items:,} files are watched here" if items > _DEFAULT_ENTRIES else ""
        return Measured(tick.cpu / bare.cpu, tick.rss, f"{items:,} files; {_ms(tick.cpu)}", beyond)


def _last() -> Dict[str, Any]:
    found: Dict[str, Any] = json.loads(Path(STATE, "last.json").read_text())
    return found


def _run(argv: List[str]) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SkippedError(f"{' '.join(argv[:4])} ended {done.returncode}: {done.stderr.strip()[-300:]}")


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
