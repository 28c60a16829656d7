# SPDX-License-Identifier: GPL-3.0-or-later
"""A week of a public server at which the whole Internet knocks: nothing is shipped, and then something is.

Real checks of files and of sshd's log over a disk, one scripted check in the place of the ports; ten minutes a tick.
The host is up for a quarter of each day, so that it boots seven times.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, List

import pytest
from support.runs import MACHINE, NOW, World, shipped
from vps_sentry import outbox
from vps_sentry.accept import Request
from vps_sentry.checks import discover
from vps_sentry.checks.files import Options as FileOptions
from vps_sentry.config import Config, Notify
from vps_sentry.core.clock import rfc3339
from vps_sentry.pipeline import run_once
from vps_sentry.report import Report
from vps_sentry.setup import Setup
from vps_sentry.sshlog.options import Options as LoginOptions

TICK, HOUR, DAY = 600, 3600, 86400
UP = 6 * HOUR
FAILURES = 2000
"""An hour."""
LOG = "var/log/auth.log"


@dataclass
class Server:
    """A disk, what listens on it, and the hour it is."""

    root: Path
    world: World
    now: int = NOW
    uptime: int = 90 * DAY

    def setup(self) -> Setup:
        checks = {name: replace(discover()[name], live=False) for name in ("files", "ssh_auth")}
        options: Dict[str, Any] = {"ssh_auth": LoginOptions(sources=(f"/{LOG}",)), "files": FileOptions()}
        plain = self.world.setup()
        return replace(
            plain,
            checks={**plain.checks, **checks},
            config=Config({**plain.config.checks, **options}, Notify(sinks=self.world.sinks)),
            now=self.now,
            uptime=self.uptime,
        )

    def tick(self) -> Report:
        """Ten minutes of knocking, then one run of the timer."""
        with (self.root / LOG).open("a") as log:
            for number in range(FAILURES * TICK // HOUR):
                moment = rfc3339(self.now + number * TICK * HOUR // (FAILURES * TICK)).replace("Z", "+00:00")
                who = ("root", "invalid user admin", "alice", "invalid user x")[number % 4]
                where = f"203.0.{(number * 7 + self.now) % 256}.{number % 250 + 1}"
                log.write(
                    f"{moment} vps sshd[{number + 1}]: Failed password for {who} from {where} port {number + 1} ssh2\n"
                )
        self.now += TICK
        self.uptime += TICK
        return run_once(self.setup()).report

    def rotate(self) -> None:
        (self.root / f"{LOG}.1").unlink(missing_ok=True)
        (self.root / LOG).rename(self.root / f"{LOG}.1")
        (self.root / LOG).touch()

    def renew(self, number: int) -> None:
        """As certbot does: a new file in the archive, and the link turned to it."""
        for name in ("cert", "privkey"):
            archive = self.root / f"etc/letsencrypt/archive/x/{name}{number}.pem"
            archive.parent.mkdir(parents=True, exist_ok=True)
            archive.write_text(f"{name} {number}")
            link = self.root / f"etc/letsencrypt/live/x/{name}.pem"
            link.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            link.symlink_to(f"../../archive/x/{name}{number}.pem")

    def reboot(self) -> None:
        """One service is late; what boots writes does not matter to anybody."""
        self.uptime = 60 - TICK
        (self.root / "etc/mtab").write_text(str(self.now))
        self.world.items.pop("tcp:443")
        self.world.move()

    def started(self) -> None:
        """The service that was late is there."""
        if "tcp:443" not in self.world.items:
            self.world.items["tcp:443"] = {"n": 1}
            self.world.move()


@pytest.fixture(name="server")
def _server(tmp_path: Path) -> Server:
    world = World(tmp_path, items={"tcp:22": {"n": 1}, "tcp:443": {"n": 1}}, settles=True, scheduled=True)
    root = tmp_path / "root"
    for name, text in {
        "etc/passwd": "root:x:0:0:root:/root:/bin/bash\nalice:x:1000:1000::/home/alice:/bin/bash\n",
        "etc/ssh/sshd_config": "PasswordAuthentication yes\n",
        LOG: "",
        "etc/machine-id": MACHINE + "\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    for name in ("proc", "run/systemd/sessions"):
        (root / name).mkdir(parents=True)
    server = Server(root, world)
    server.renew(1)
    run_once(server.setup(), Request(by="anna", reason="a new server"))
    for name in world.store.names("outbox"):
        world.store.remove(f"outbox/{name}")
    return server


def told(server: Server) -> List[outbox.Entry]:
    return shipped(server.world)


@pytest.mark.weakness(12)
def test_a_quiet_week(server: Server) -> None:
    for day in range(7):
        server.reboot()
        for moment in range(0, UP, TICK):
            if moment == 3 * HOUR:
                server.rotate()
            if (day, moment) == (2, 4 * HOUR):
                server.renew(2)
            report = server.tick()
            server.started()
            assert [] == [(alert.code, alert.title) for entry in told(server) for alert in entry.alerts], (day, moment)
            assert 0 == report.exit_code, [(alert.severity, alert.title) for alert in report.alerts]
        server.now += DAY - UP
    # It did look: the knocking is on record, where whoever asks finds it.
    assert "ssh_failure_burst" in {alert.code for alert in report.alerts}

    server.reboot()
    (server.root / "etc/cron.d").mkdir()
    (server.root / "etc/cron.d/persist").write_text("* * * * * root /tmp/x\n")
    server.tick()
    assert ["/etc/cron.d", "/etc/cron.d/persist"] == [alert.key for entry in told(server) for alert in entry.alerts]
