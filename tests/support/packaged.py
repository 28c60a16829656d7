# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs of the checks ``files`` and ``packages`` over a disk with dpkg's database: real store, real pipeline."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Tuple

from vps_sentry import outbox
from vps_sentry.accept import Request
from vps_sentry.checks import Check, files, packages
from vps_sentry.config import Config, Delivery, Notify
from vps_sentry.core.model import Alert
from vps_sentry.packages import index
from vps_sentry.packages.dpkg import Dpkg
from vps_sentry.pipeline import Result, run_once
from vps_sentry.setup import Setup
from vps_sentry.sinks.webhook import Options as WebhookOptions
from vps_sentry.store import Store

from .debian import Debian, md5
from .runs import MACHINE, NOW

TOOL = "/usr/bin/tool"
KEY = "tool:amd64"
OLD = {TOOL: b"program", **{f"/usr/lib/tool/{number}.so": b"one" for number in range(40)}}
NEW = {TOOL: b"new program", **{f"/usr/lib/tool/{number}.so": b"two" for number in range(40)}}
CHECKS: Dict[str, Check] = {"files": files.CHECK, "packages": packages.CHECK}


@dataclass
class Packaged:
    """A Debian below ``path``, looked at by hand. Time stamps on it are older than the look."""

    path: Path
    now: int = NOW + 10**9
    debian: Debian = field(init=False)

    def __post_init__(self) -> None:
        self.debian = Debian(self.path / "root")
        self.debian.disk({"/etc/machine-id": f"{MACHINE}\n".encode()})
        self.store.prepare()

    @property
    def store(self) -> Store:
        return Store(str(self.path / "state"))

    def setup(self) -> Setup:
        watched = files.Options(watch=("/usr/bin", "/usr/lib", "/etc"), defaults=False)
        sinks = {"webhook": WebhookOptions(url="https://hook.example/x")}
        return Setup(
            host=self.debian.host,
            store=self.store,
            config=Config(
                checks={"files": watched, "packages": packages.Options()}, notify=Notify(Delivery(), dict(sinks))
            ),
            checks=CHECKS,
            version="0.0.0",
            now=self.now,
            uptime=self.now - NOW,
        )

    def run(self, *, after: int = 300) -> Result:
        self.now += after
        return run_once(self.setup())

    def accept(self) -> Result:
        self.now += 300
        result = run_once(self.setup(), Request(by="anna", reason="reviewed"))
        for name in self.store.names("outbox"):
            self.store.remove(f"outbox/{name}")
        return result

    def sign(self, *names: str) -> None:
        """As if a signed list of an archive had just these packages as they are installed."""
        kept, slices = index.load(self.store.read("packages.index") or b"")
        known = {package.key: package for package in Dpkg(self.debian.host).packages() if package.name in names}
        said = {key: {**kept.known.get(key, {}), found.version: found.essence} for key, found in known.items()}
        self.store.write("packages.index", index.dump(kept._replace(known={**kept.known, **said}), slices))

    def standing(self) -> List[Tuple[str, str, str, str]]:
        """Code, severity, key and explanation of each alert of a run taken now."""
        return [told(alert) for alert in self.run().report.alerts if alert.state != "resolved"]

    def messages(self) -> List[str]:
        """The titles of what would be sent."""
        names = self.store.names("outbox")
        entries = [outbox.decode_entry(self.store.read(f"outbox/{name}") or b"", name=name) for name in names]
        return [alert.title for entry in entries for alert in entry.alerts]


def told(alert: Alert) -> Tuple[str, str, str, str]:
    return alert.code, alert.severity, alert.key, alert.explanation


def with_tool(path: Path) -> Packaged:
    """The package tool 1.0-1 with 41 files and a configuration file, and bash, both accepted."""
    world = Packaged(path)
    world.debian.install("tool", files=OLD, conffiles={"/etc/tool.conf": b"as brought"})
    world.debian.install("bash", files={"/usr/bin/bash": b"bash"})
    world.accept()
    world.run()
    return world


def upgrade(debian: Debian, version: str = "1.0-2", files: Dict[str, bytes] = NEW) -> None:
    """What ``dpkg -i`` leaves, whoever made the package."""
    debian.install("tool", version, files=files, conffiles={"/etc/tool.conf": b"brought anew"})


def signed_upgrade(world: Packaged) -> List[Alert]:
    """An upgrade by apt, and what stands after the next run."""
    upgrade(world.debian)
    world.sign("tool")
    return [alert for alert in world.run().report.alerts if alert.state != "resolved"]


def replace_digest(debian: Debian, old: bytes, new: bytes) -> None:
    """The list of tool edited, as who replaced a program would."""
    place = debian.info / "tool.md5sums"
    place.write_text(place.read_text().replace(md5(old), md5(new)))
