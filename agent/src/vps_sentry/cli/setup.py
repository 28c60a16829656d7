# SPDX-License-Identifier: GPL-3.0-or-later
"""Options -> Setup: the only place that reads the clock, the environment and the user."""

from __future__ import annotations

import hashlib
import os
import pwd
import time
from pathlib import Path
from typing import TYPE_CHECKING, Mapping, Optional, Tuple

from .. import __version__, config, stamps, trust
from ..checks import discover
from ..config import ACCEPTED, LAST_GOOD, Config
from ..config import DEFAULT_PATH as CONFIG_PATH
from ..errors import ConfigError, StoreError
from ..host import Host
from ..release import PACKAGE, agent_digest, manifest
from ..setup import Setup
from ..store import DEFAULT_PATH as STATE_PATH
from ..store import Store

if TYPE_CHECKING:
    import argparse

SECRETS = "/etc/vps-sentry.d"


def setup(options: argparse.Namespace, *, trial: bool = False) -> Setup:
    """Everything a run needs. Raises ConfigError, except for a scheduled run: that never stops looking.

    Nor does a ``trial``, which also leaves the last good configuration as it is.
    """
    store = Store(state_directory(options))
    store.prepare()
    # Files whose movement must wake the next tick.
    watched = (options.config, SECRETS, str(manifest(PACKAGE)), "/etc/passwd")
    same = options.scheduled and stamps.footing_stands(store, watched, taken=options.taken)
    settings, error = _config(options, store, trial=trial, same=same)
    host = Host(options.root)
    return Setup(
        host=host,
        store=store,
        config=settings,
        checks=discover(),
        version=__version__,
        now=int(time.time()),
        uptime=int(time.monotonic()),
        agent_digest=digest(),
        former=_former(settings, store),
        config_error=error,
        watched_files=watched,
        full=options.full,
        scheduled=options.scheduled,
        taken=options.taken,
        # The quiet path took no stamp at all: it chose not to believe any, or had none.
        bypass=options.scheduled and not options.taken,
    )


def state_directory(options: argparse.Namespace) -> str:
    """Where state is kept: what is tried on a mounted disk or with another configuration has its own."""
    given = str(options.state_dir)
    # A link in the place of the configuration is no other configuration: it is refused, and that must be told.
    usual = os.path.abspath(options.config) == CONFIG_PATH
    trial = [os.path.realpath(options.root), CONFIG_PATH if usual else os.path.realpath(options.config)]
    if os.path.realpath(given) != STATE_PATH or trial == ["/", CONFIG_PATH]:
        return given
    name = hashlib.sha256(os.fsencode("\0".join(trial))).hexdigest()[:16]
    return os.path.join(given, "trials", name)


def digest() -> Optional[str]:
    """Digest of the release this code runs from, None from a checkout."""
    return agent_digest(PACKAGE)


def load_config(path: str) -> Config:
    """The configuration in ``path``; the defaults when the usual file does not exist. Raises ConfigError."""
    data = _read_config(path)
    return config.default() if data is None else config.parse(data, path=path)


def _read_config(path: str) -> Optional[bytes]:
    data = trust.read(path, user=os.geteuid())
    if data is None and path != CONFIG_PATH:
        raise ConfigError(f"{path} does not exist")
    return data


def _config(options: argparse.Namespace, store: Store, *, trial: bool, same: bool) -> Tuple[Config, str]:
    """The configuration in force, and what is wrong with the one on disk. ``same``: file and release have not moved."""
    try:
        data = _read_config(options.config)
        if data is None:
            _refuse_vanished(options.config, store)
            return config.default(), ""
        parsed = config.parse(data, path=options.config, known=same and store.glance(LAST_GOOD) == data)
    except ConfigError as exc:
        if not options.scheduled and not trial:
            raise
        return _last_good(store), str(exc)
    if not trial and store.glance(LAST_GOOD) != data:
        store.write(LAST_GOOD, data)
    return parsed, ""


def _refuse_vanished(path: str, store: Store) -> None:
    if (store.path / LAST_GOOD).is_file():
        raise ConfigError(f"{path} is gone although one was in force; put it back, or write {{}} into it to go without")


def _last_good(store: Store) -> Config:
    return _kept(store, LAST_GOOD) or config.default()


def _former(settings: Config, store: Store) -> Optional[Config]:
    # Only whom it tells is asked of it, so an option of a check that this release does not know harms nothing.
    accepted = _kept(store, ACCEPTED, known=True)
    return accepted if accepted and accepted.notify != settings.notify else None


def _kept(store: Store, name: str, *, known: bool = False) -> Optional[Config]:
    try:
        data = store.read(name)
        return None if data is None else config.parse(data, path=name, known=known)
    except (ConfigError, StoreError):
        return None


def operator(environment: Mapping[str, str], *, login_uid: str) -> str:
    """Who asks, as far as the host itself can tell: a claim, since root can set both."""
    user = environment.get("SUDO_USER") or environment.get("USER") or _account(os.geteuid())
    number = f", login uid {login_uid}" if login_uid.isdigit() and login_uid != str(2**32 - 1) else ""
    return f"{user[:64]} (claimed{number})"


def _account(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def read_login_uid() -> str:
    """The audit login uid of this process; empty when the kernel keeps none."""
    try:
        return Path("/proc/self/loginuid").read_text(encoding="ascii").strip()
    except OSError:
        return ""
