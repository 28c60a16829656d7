# SPDX-License-Identifier: GPL-3.0-or-later
"""A PostgreSQL server of the tests' own: on a socket, as an unprivileged user, gone when the tests are."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List, Optional

_SETTINGS = "fsync=off full_page_writes=off shared_buffers=16MB listen_addresses= max_connections=50"


def programs() -> Optional[Path]:
    """Where the newest server's programs lie; None where there is none (Debian: apt-get install postgresql)."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found and _unprivileged() else None


def _unprivileged() -> Optional[List[str]]:
    """What to put before a command, since the server refuses to be root; None when it cannot be done."""
    if os.geteuid() != 0:
        return []
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        return None
    runuser = shutil.which("runuser")
    return [runuser, "-u", "postgres", "--"] if runuser else None


@contextmanager
def server() -> Iterator[str]:
    """The URL of a new server without its database's name: ``URL.format("name")``."""
    place = Path(tempfile.mkdtemp(prefix="vps-sentry-pg-", dir="/tmp"))
    found, before = programs(), _unprivileged()
    assert found is not None
    assert before is not None
    if before:
        shutil.chown(place, "postgres")
    settings = " ".join(f"-c {setting}" for setting in [*_SETTINGS.split(), f"unix_socket_directories={place}"])
    control = [*before, str(found / "pg_ctl"), "-D", str(place / "data"), "-w", "-s"]
    try:
        _run([*before, str(found / "initdb"), "-D", str(place / "data"), "-A", "trust", "-U", "tests", "--no-sync"])
        _run([*control, "-l", str(place / "log"), "-o", settings, "start"])
        yield f"postgresql+psycopg://tests@/{{}}?host={place}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=False, capture_output=True)
        shutil.rmtree(place)


def _run(command: List[str]) -> None:
    # pg_ctl's server would keep a pipe open.
    with tempfile.TemporaryFile() as told:
        done = subprocess.run(command, check=False, stdout=told, stderr=told, cwd="/", timeout=120)
        told.seek(0)
        assert done.returncode == 0, told.read().decode()
