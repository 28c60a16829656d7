# SPDX-License-Identifier: GPL-3.0-or-later
"""Podman as the tests use it: as root or through sudo, with the limits this machine allows."""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Mapping, Optional, Sequence, Tuple

CONTAINERS = Path(__file__).resolve().parent.parent / "containers"
SUITE = "bookworm"
SECONDS = 300


class LabError(Exception):
    """A part of the laboratory cannot be used; the message holds what the tool said."""


def run_as_root(
    argv: Sequence[str], *, environment: Optional[Mapping[str, str]] = None, stdin: Optional[str] = None
) -> subprocess.CompletedProcess[str]:
    """Run a command with root's rights. Text is UTF-8 with surrogateescape both ways, so no byte is lost.

    Raises LabError when the command does not exist or takes longer than five minutes.
    """
    added = dict(environment or {})
    if os.geteuid() != 0:
        argv = ["sudo", "-n", "env", *(f"{name}={value}" for name, value in added.items()), *argv]
    try:
        done = subprocess.run(
            argv,
            # Bytes, because text mode would turn every CR LF into LF.
            input=(stdin or "").encode("utf-8", "surrogateescape"),
            capture_output=True,
            check=False,
            env={**os.environ, **added},
            timeout=SECONDS,
        )
    except FileNotFoundError as exc:
        raise LabError(f"{argv[0]} is not installed; ./scripts/test installs it") from exc
    except subprocess.TimeoutExpired as exc:
        raise LabError(f"{shlex.join(argv)} took longer than {SECONDS} s") from exc
    output, errors = (raw.decode("utf-8", "surrogateescape") for raw in (done.stdout, done.stderr))
    return subprocess.CompletedProcess(done.args, done.returncode, output, errors)


@dataclass(frozen=True)
class Engine:
    """Podman with the environment in which containers start on this machine."""

    environment: Mapping[str, str] = field(default_factory=dict)

    within: Tuple[str, ...] = ()
    """A command that starts podman where its clocks are other ones."""

    def run(self, *arguments: str, check: bool = True, stdin: Optional[str] = None) -> subprocess.CompletedProcess[str]:
        """One podman command. With ``check`` a failure raises LabError with podman's own words."""
        done = run_as_root([*self.within, "podman", *arguments], environment=self.environment, stdin=stdin)
        if check and done.returncode != 0:
            raise LabError(f"podman {arguments[0]} ended {done.returncode}: {(done.stderr or done.stdout).strip()}")
        return done


def image(suite: str) -> str:
    """Name of the image that ``build_image`` makes."""
    return f"localhost/vps-sentry-test:{suite}"


def build_image(suite: str, environment: Mapping[str, str]) -> None:
    """Make the image of a Debian release if need be. Raises LabError with everything the build said."""
    built = run_as_root([str(CONTAINERS / "build-image"), suite], environment=environment)
    if built.returncode != 0:
        raise LabError(f"tests/containers/build-image {suite} ended {built.returncode}: {built.stderr.strip()}")


def find_engine(base: Optional[Mapping[str, str]] = None) -> Engine:
    """Make the image if need be and find out how a container starts here, in the environment ``base``.

    Raises LabError with every reason when none starts.
    """
    plain = dict(base or {})
    build_image(SUITE, plain)
    reasons = []
    # Root without CAP_SYS_RESOURCE cannot set podman's own limits; only then are they replaced.
    for environment in (plain, {**plain, "CONTAINERS_CONF": str(CONTAINERS / "ci-containers.conf")}):
        engine = Engine(environment)
        tried = engine.run("run", "--rm", image(SUITE), "true", check=False)
        if tried.returncode == 0:
            return engine
        reasons.append(tried.stderr.strip())
    raise LabError("containers do not start here: " + "; with ci-containers.conf: ".join(reasons))
