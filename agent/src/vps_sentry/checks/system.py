# SPDX-License-Identifier: GPL-3.0-or-later
"""What this host is: operating system and architecture, and its small texts as they would stand on any host.

A controller compares hosts that are alike; whether they are it reads here, as of the last acceptance.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Dict, Mapping, Tuple

from ..core.canonical import escape
from ..core.model import Change, Code, Observation, Rating, Value
from ..errors import CollectError
from ..host import Host
from ..watch import normal
from . import Check, Context, Stamp

TEXT = "text:"
_RELEASES = ("/etc/os-release", "/usr/lib/os-release")
_IDENTITY = ("/etc/machine-id",)
# os-release(5): NAME=value, quoted as a shell would.
_ENTRY = re.compile(rb"""^(ID|VERSION_ID)=(["']?)([^"'\n]*)\2\s*$""", re.MULTILINE)


@dataclass(frozen=True)
class Options:
    """``checks.system`` of the configuration."""

    enabled: bool = True


def collect(context: Context) -> Observation:
    """System, architecture, and the digest of each small text."""
    host = context.host
    try:
        items: Dict[str, Value] = {"os": parse_release(_release(host))}
    except CollectError as exc:
        if host.live:
            raise
        return Observation("skipped", error=str(exc))  # Not every disk holds a system.
    if host.live:
        items["architecture"] = {"machine": os.uname().machine}
    own = normal.own(host)
    for path, text in normal.texts(host):
        items[f"{TEXT}{path}"] = {"sha256": sha256(normal.normal(text, own)).hexdigest()}
    return Observation("ok", items, memory={})


def _release(host: Host) -> bytes:
    for path in _RELEASES:
        try:
            return host.read(path, limit=normal.LIMIT)
        except CollectError as exc:
            missing = exc
    raise CollectError(f"nobody says which system this is: {missing}; install the package that brings {_RELEASES[1]}")


def parse_release(data: bytes) -> Value:
    """``id`` and ``major`` of os-release(5); a rolling release has no version."""
    found = {name.decode("ascii"): escape(value) for name, _, value in _ENTRY.findall(data)}
    return {"id": found.get("ID", "linux"), "major": found.get("VERSION_ID", "").partition(".")[0]}


def rate(change: Change, options: Options) -> Rating:
    """Code, severity and title of a change; no option bears on it."""
    if change.key.startswith(TEXT):
        path = change.key[len(TEXT) :]
        return Rating("text_changed", "info", f"{path} differs apart from the host's own names and addresses")
    before, after = change.before or {}, change.after or {}
    told = " ".join(str(after[name]) for name in sorted(after) if after[name])
    was = " ".join(str(before[name]) for name in sorted(before) if before[name])
    title = f"the {change.key} is {told or 'not known'} now; accepted: {was or 'none'}"
    return Rating("system_changed", "warning", title)


def stamps(options: Options, host: Host, memory: Mapping[str, Any]) -> Tuple[Stamp, ...]:
    """The files that say which system this is, its machine-id, and its small texts."""
    return (("stat", (*_RELEASES, *_IDENTITY, *normal.TEXTS)),)


CODES = {
    "system_changed": Code(
        about="The host says it is another operating system, major version or architecture than was accepted: a "
        "distribution upgrade, or somebody who wants it compared with other hosts.",
        technique="T1036",
        action="Accept it after a distribution upgrade; until then a controller compares the host with its old peers.",
    ),
    "text_changed": Code(
        about="A small text that names its host, such as /etc/hosts, reads differently even with the host's own names, "
        "addresses and machine-id left out. A controller compares hosts on it; the check files judges the file itself.",
        technique="",
        action="Accept it together with the file.",
    ),
}

CHECK = Check(
    name="system",
    about="operating system and architecture, and the small texts that are alike on hosts apart from their names",
    options=Options,
    columns={
        "id": "Of os: ID of os-release(5), such as debian.",
        "major": "Of os: the first number of VERSION_ID; empty for a rolling release.",
        "machine": "Of architecture: as uname -m says it.",
        "sha256": "Of text:PATH: over the text with the host's own names, addresses and machine-id replaced.",
    },
    collect=collect,
    rate=rate,
    stamps=stamps,
    codes=CODES,
)
