# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's packages on a running machine, from where tests/containers/build-image has them too."""

from __future__ import annotations

from .engine import LabError
from .lab import wait_for
from .machine import Machine

_APT = "apt-get -qq -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-unsafe-io -o Dpkg::Use-Pty=0 --yes"
_HINT = (
    "these tests install packages on machines as tests/containers/build-image does for images: from a container, "
    "deb.debian.org must be reachable; try: podman run --rm localhost/vps-sentry-test:bookworm apt-get update"
)


SECONDS = 1500


def install(machine: Machine, *names: str) -> None:
    """Install packages and what they need. Raises LabError saying what apt said and what to do."""
    _apt(machine, f"{_APT} --no-install-recommends install {' '.join(names)}")


def upgrade(machine: Machine, *, old: str, new: str) -> None:
    """Upgrade a whole machine from one Debian release to the next. Raises LabError like ``install``."""
    places = "/etc/apt/sources.list $(find /etc/apt/sources.list.d -type f)"
    machine.run(["sh", "-euc", f"sed -i s/{old}/{new}/g {places}"])
    _apt(machine, f"{_APT} --auto-remove dist-upgrade")


def _apt(machine: Machine, command: str) -> None:
    """As a service of its own, since on a busy machine it may take longer than one command of the laboratory may."""
    script = f"export DEBIAN_FRONTEND=noninteractive; exec >/root/apt.log 2>&1; apt-get -qq update; {command}"
    words = ["systemd-run", "--quiet", "--unit=apt", "--property=Type=oneshot", "--remain-after-exit", "--no-block"]
    machine.run([*words, "sh", "-euc", script])
    asked = ["systemctl", "show", "--property=ActiveState", "--value", "apt.service"]
    states = ("active", "failed")
    state = wait_for(
        lambda: next((word for word in states if word == machine.run(asked, check=False).stdout.strip()), None),
        seconds=SECONDS,
        what=f"apt-get on {machine.name}; look at its /root/apt.log",
        every=1,
    )
    machine.run(["sh", "-c", "systemctl stop apt.service; systemctl reset-failed apt.service"], check=False)
    if state == "failed":
        raise LabError(f"{command} failed: {machine.read('/root/apt.log')[-2000:].strip()}; {_HINT}")
