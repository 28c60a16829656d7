# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's packages on a running machine, from where tests/containers/build-image has them too."""

from __future__ import annotations

from .engine import LabError
from .machine import Machine

_APT = "apt-get -qq -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-unsafe-io -o Dpkg::Use-Pty=0 --yes"
_HINT = (
    "these tests install packages on machines as tests/containers/build-image does for images: from a container, "
    "deb.debian.org must be reachable; try: podman run --rm localhost/vps-sentry-test:bookworm apt-get update"
)


def install(machine: Machine, *packages: str) -> None:
    """Install packages and what they need. Raises LabError saying what apt said and what to do."""
    _apt(machine, f"{_APT} --no-install-recommends install {' '.join(packages)}")


def upgrade(machine: Machine, *, old: str, new: str) -> None:
    """Upgrade a whole machine from one Debian release to the next, as its release notes tell people to.

    Raises LabError like ``install``.
    """
    places = "/etc/apt/sources.list $(find /etc/apt/sources.list.d -type f)"
    machine.run(["sh", "-euc", f"sed -i s/{old}/{new}/g {places}"])
    _apt(machine, f"{_APT} upgrade --without-new-pkgs; {_APT} --auto-remove dist-upgrade")


def _apt(machine: Machine, script: str) -> None:
    command = f"export DEBIAN_FRONTEND=noninteractive; apt-get -qq update; {script}"
    try:
        machine.run(["sh", "-euc", command])
    except LabError as exc:
        raise LabError(f"{exc}; {_HINT}") from exc
