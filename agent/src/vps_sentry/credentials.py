# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets in files of their own: which the configuration names, and whether the process that ships is given them."""

from __future__ import annotations

import os
from dataclasses import fields
from typing import Any, Dict, Iterator, Optional, Tuple

from . import trust
from .config import Config

FOLDER = "/etc/vps-sentry.d"
UNIT = "/etc/systemd/system/vps-sentry-ship.service"
_LOAD = "LoadCredential="


def secret_files(config: Config) -> Dict[str, str]:
    """The path in each ``*_file`` option of ``notify``, by the option's place in the configuration."""
    delivery = config.notify.delivery
    sections: Dict[str, Any] = {
        **config.notify.sinks,
        **({"heartbeat": delivery.heartbeat} if delivery.heartbeat else {}),
    }
    return {
        f"notify.{name}.{entry.name}": getattr(options, entry.name)
        for name, options in sorted(sections.items())
        for entry in fields(options)
        if entry.name.endswith("_file") and getattr(options, entry.name)
    }


def warnings(config: Config, *, unit: str = UNIT) -> Tuple[str, ...]:
    """What is wrong with the secrets in files: others may read them, or the unit that ships is not given them."""
    exposed = (trust.exposed(path) for path in secret_files(config).values())
    return (*filter(None, exposed), *not_handed_over(config, unit=unit))


def not_handed_over(config: Config, *, unit: str = UNIT) -> Tuple[str, ...]:
    """A sentence for each secret file that the unit does not load; none where the unit is not installed."""
    files = secret_files(config)
    given = handed_over(unit) if files else None
    return tuple(
        f"{option}: {path} is not handed to vps-sentry-ship.service; {remedy(path)}"
        for option, path in files.items()
        if given is not None and path not in given.values()
    )


def remedy(path: str) -> str:
    """How the unit that ships comes to be given the secret in ``path``."""
    move = "" if os.path.dirname(path) == FOLDER else f"put it into {FOLDER}, name it there, and "
    return f"{move}run scripts/install.sh or the install playbook again"


def handed_over(unit: str = UNIT) -> Optional[Dict[str, str]]:
    """Credential -> file, as unit and drop-ins load them; None where the unit is not installed."""
    try:
        drop_ins = [f"{unit}.d/{name}" for name in sorted(os.listdir(f"{unit}.d")) if name.endswith(".conf")]
    except OSError:
        drop_ins = []
    if not os.path.isfile(unit):
        return None
    pairs = (line.partition(":") for path in (unit, *drop_ins) for line in _loads(path))
    return {name: path for name, _, path in pairs}


def _loads(path: str) -> Iterator[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            lines = handle.read(trust.LIMIT).splitlines()
    except OSError:
        return
    for line in lines:
        if line.startswith(_LOAD):
            yield line[len(_LOAD) :].strip()
