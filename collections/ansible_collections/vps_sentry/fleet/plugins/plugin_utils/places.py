# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the store lies: its URL, what may stand in it, and a name for it that is safe to print."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping, Optional

from ._libraries import sa

SQLITE, POSTGRESQL = "sqlite", "postgresql+psycopg"
_NO = ("", "0", "false")
_HERE = ("", "localhost", "127.0.0.1", "::1")


class StoreError(Exception):
    """The store cannot be used. The message names it and says what to do."""


@dataclass(frozen=True)
class Place:
    """One store. ``path`` is its file; None for a database server."""

    url: sa.URL
    path: Optional[Path]

    def __str__(self) -> str:
        return str(self.path) if self.path else self.url.set(password=None, query={}).render_as_string()


def locate(url: Optional[str], *, environ: Mapping[str, str]) -> Place:
    """The place a store URL means; without one ``VPS_SENTRY_STORE_FILE`` or the user's data directory decides.

    Where ``CI`` is set, only the file does: a runner's home is gone with it, and each job would meet all hosts anew.
    """
    if url is None and "VPS_SENTRY_STORE_FILE" in environ:
        return _place(_secret(Path(environ["VPS_SENTRY_STORE_FILE"])))
    if url is None and environ.get("CI", "").lower() not in _NO:
        raise StoreError(
            "CI is set in the environment, so the store must be named, or the next job would not find it: --store URL, "
            "for a playbook -e vps_sentry_store=URL, or its URL in a file of mode 0600 that VPS_SENTRY_STORE_FILE names"
        )
    if url is None:
        return _file(Path(_data(environ), "vps-sentry", "fleet.sqlite"))
    if _parsed(url).password is not None or "password" in _parsed(url).query:
        raise StoreError(
            "a password in the store's URL is visible to everybody on this machine: "
            "write the URL into a file of mode 0600 and name that in VPS_SENTRY_STORE_FILE"
        )
    return _place(url)


def _data(environ: Mapping[str, str]) -> str:
    home = environ.get("HOME", os.path.expanduser("~"))
    return environ.get("XDG_DATA_HOME") or os.path.join(home, ".local/share")


def _parsed(url: str) -> sa.URL:
    try:
        return sa.make_url(url)
    except sa.exc.ArgumentError as exc:
        raise StoreError("the store is named by a URL, for a file sqlite:////var/lib/fleet.sqlite") from exc


def _place(url: str) -> Place:
    parsed = _parsed(url)
    if parsed.drivername == POSTGRESQL:
        return _server(parsed)
    if parsed.drivername == SQLITE and parsed.database:
        return _file(Path(parsed.database))
    shown = parsed.set(password=None, query={}).render_as_string()
    raise StoreError(f"store {shown}: a store is sqlite:////PATH or {POSTGRESQL}://USER@HOST/DATABASE")


def _file(path: Path) -> Place:
    absolute = path.absolute()
    return Place(sa.URL.create(SQLITE, database=str(absolute)), absolute)


def _server(url: sa.URL) -> Place:
    place = Place(url, None)
    host = url.query.get("host", url.host or "")
    if not isinstance(host, str):
        raise StoreError(f"store {place}: name one host")
    if host not in _HERE and not host.startswith("/") and url.query.get("sslmode") != "verify-full":
        raise StoreError(
            f"store {place}: the database is on another machine, so the URL must end in ?sslmode=verify-full "
            "(and name the authority with &sslrootcert=FILE)"
        )
    return place


def _secret(path: Path) -> str:
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise StoreError(f"{path} may be read by others: chmod 600 {path}")
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeError) as exc:
        raise StoreError(f"cannot read VPS_SENTRY_STORE_FILE {path}: {exc}") from exc
