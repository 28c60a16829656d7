# SPDX-License-Identifier: GPL-3.0-or-later
"""``ship``: the unprivileged process between outbox and sinks."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Optional

from .. import config, trust
from .. import credentials as credentials_room
from ..config import ACCEPTED, LAST_GOOD, Config
from ..errors import ConfigError, ShipError
from ..ship import pulse
from ..ship import ship as ship_outbox
from ..sinks import Routes, Transport
from ..store import DEFAULT_PATH as STATE_PATH

_CONFIG_NAME = "vps-sentry.json"


def ship(options: argparse.Namespace) -> int:
    """One pass over the outbox; exit 0 sent or nothing to send, 2 unusable webhook, 4 retry pending."""

    def ways() -> Routes:
        return routes(options.config, state=options.state_dir)

    pulse(options.state_dir, in_force(options.config), routes=ways, now=_now(), log=_log)
    return ship_outbox(options.state_dir, ways, clock=_now, log=_log)


def in_force(path: str) -> str:
    """Where the configuration lies for this process: under systemd it is a credential of the unit."""
    credentials = os.environ.get("CREDENTIALS_DIRECTORY", "")
    return os.path.join(credentials, _CONFIG_NAME) if credentials else path


def routes(path: str, *, state: str) -> Routes:
    """Where messages go. Under systemd the configuration and the secrets are credentials of the unit.

    Raises ConfigError when there is no usable configuration, ShipError when its webhook is not one.
    """
    credentials = os.environ.get("CREDENTIALS_DIRECTORY", "")
    try:
        found = _usable(credentials, path, state=state)
    except ConfigError as exc:
        if "webhook-parse-failure" in str(exc):
            raise ShipError("webhook-parse-failure", str(exc)) from exc
        raise
    accepted = _kept(credentials, ACCEPTED, state=state)
    elsewhere = accepted.notify.sinks and accepted.notify != found.notify
    former = _routes(accepted, credentials) if elsewhere else None
    return _routes(found, credentials)._replace(former=former, heartbeat=found.notify.delivery.heartbeat)


def trial_routes(path: str) -> Routes:
    """Where the configuration in ``path`` itself sends to, whatever was in force before. Raises ConfigError."""
    found = config.parse(_configuration("", path), path=path)
    _refuse_command(found, path, obeyed=os.path.abspath(path).startswith("/etc/"))
    return _routes(found, "")


def _routes(found: Config, credentials: str) -> Routes:
    transport = Transport(
        read_secret=lambda name: _secret(credentials, name), now=_now, proxy=found.notify.delivery.proxy
    )
    return Routes(found.notify.sinks, transport)


def _usable(credentials: str, path: str, *, state: str) -> Config:
    """The configuration, or the last good one where that knows whom to tell and this one does not.

    A broken or vanished file must not silence the alert about it. One that was emptied on purpose is the last
    good one itself by the time the agent has run, and the agent runs first.
    """
    problem: Optional[ConfigError] = None
    found = config.default()
    try:
        found = config.parse(_configuration(credentials, path), path=path)
    except ConfigError as exc:
        problem = exc
    _refuse_command(found, path, obeyed=bool(credentials) or os.path.abspath(path).startswith("/etc/"))
    if found.notify.sinks or found.notify.delivery.heartbeat:
        return found
    last_good = _kept(credentials, LAST_GOOD, state=state)
    if last_good.notify.sinks:
        _log(f"vps-sentry-ship: the last good configuration is used: {problem or f'{path} names no sink'}")
        return last_good
    if problem:
        raise problem
    return found


def _kept(credentials: str, name: str, *, state: str) -> Config:
    """A configuration that the agent kept in its state; what cannot be used or obeyed names nobody."""
    try:
        found = config.parse((Path(credentials or state) / name).read_bytes(), path=name)
        # Only the agent's own state holds nothing but configurations that lay in /etc.
        _refuse_command(found, name, obeyed=bool(credentials) or os.path.realpath(state) == STATE_PATH)
    except (OSError, ConfigError):
        return config.default()
    return found


def _refuse_command(found: Config, path: str, *, obeyed: bool) -> None:
    """Who may only say which configuration root reads must not thereby say what root starts."""
    if "command" in found.notify.sinks and not obeyed:
        raise ConfigError(f"{path}: notify.command is obeyed only from a configuration in /etc; move the file there")


def _configuration(credentials: str, path: str) -> bytes:
    if credentials:
        return (Path(credentials) / _CONFIG_NAME).read_bytes()
    data = trust.read(path, user=os.geteuid())
    if data is None:
        raise ConfigError(f"{path} does not exist; see: vps-sentry config example")
    return data


def _secret(credentials: str, path: str) -> str:
    """The text of a ``*_file`` option: the unit's credential of that file, or the file itself. Raises ShipError."""
    if credentials:
        # By the file's own name, and only from the one folder: two files of one name must not be mixed up.
        place = os.path.join(credentials, os.path.basename(path))
        if os.path.dirname(path) != credentials_room.FOLDER or not os.path.isfile(place):
            how = credentials_room.remedy(path)
            raise ShipError("upload-failure", f"{path} is not handed to vps-sentry-ship.service; {how}")
    try:
        data = Path(place).read_bytes() if credentials else trust.read(path, user=os.geteuid())
    except (OSError, ConfigError) as exc:
        raise ShipError("upload-failure", f"cannot read the secret in {path}: {exc}") from exc
    text = (data or b"").decode("utf-8", "replace").strip()
    if not text:
        raise ShipError("upload-failure", f"{path} does not exist or holds nothing; write the secret into it")
    return text


def _now() -> int:
    return int(time.time())


def _log(line: str) -> None:
    print(line, flush=True)
