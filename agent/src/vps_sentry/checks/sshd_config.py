# SPDX-License-Identifier: GPL-3.0-or-later
"""sshd's settings as they act: what ``sshd -T`` says, each Match block, and other sshds that run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Tuple

from ..access import places, running, sshd_rating, sshd_settings
from ..access.sshd_settings import Items
from ..core.model import Change, Observation, Rating
from ..errors import CollectError
from ..host import Host
from ..sshd.files import MAIN
from ..tick import stat
from . import Check, Context, Stamp

_PROGRAM = "/usr/sbin/sshd"
_SETTLED = 2
"""Seconds after which a time stamp shows every later change."""


@dataclass(frozen=True)
class Options:
    """``checks.sshd_config`` of the configuration."""

    enabled: bool = True


COLUMNS = {
    "values": "What holds, one entry for each line; `Match CONDITION: KEYWORD` is what a block says, `[ARGUMENTS] "
    "KEYWORD` what another running sshd was told.",
    "sources": "The files that say so; none where it is sshd's own default.",
    "reason": "Of a `not_checked` item: what could not be read.",
}


def collect(context: Context) -> Observation:
    """Every setting. Raises CollectError with sshd's own words when it refuses its configuration."""
    host = context.host
    if not places.exists(host, os.fsencode(MAIN)):
        return Observation("skipped", error=f"no sshd is installed: there is no {MAIN}")
    usual, *others = running.servers(host, now=context.now)
    settings = usual.read.policy.settings
    common = [setting for setting in settings if not setting.conditions]
    known = sorted({place for server in (usual, *others) for place in server.read.places})
    cache = b""
    if host.live and places.exists(host, os.fsencode(_PROGRAM)):
        output, cache = _asked(context, usual)
        items = sshd_settings.effective(output, common)
    else:
        items = sshd_settings.explicit(common)
    items.update(sshd_settings.explicit([setting for setting in settings if setting.conditions]))
    for server in others:
        items.update(sshd_settings.explicit(server.read.policy.settings, prefix=f"[{server.name}] "))
    items.update(_problems([usual, *others]))
    return Observation("ok", items, memory={"places": known}, cache=cache)


def _asked(context: Context, usual: running.Server) -> Tuple[str, bytes]:
    """What ``sshd -T`` prints, asked again only when the program or a file of its settings moved."""
    paths = tuple(_stamped(context.host, usual.read.places))
    seal = stat.take(*paths)
    before, _, kept = context.cache().partition(b"\n\n")
    if kept and before == seal and not context.full:
        return kept.decode("utf-8", "replace"), before + b"\n\n" + kept
    code, output = context.host.command(["sshd", "-T"])
    if code:
        words = " ".join(output.split()) or "it says nothing"
        raise CollectError(f"sshd -T ended {code}: {words[:300]}; correct it, then try: sshd -t")
    settled = context.now - usual.read.changed >= _SETTLED
    return output, seal + b"\n\n" + output.encode() if settled else b""


def _problems(servers: List[running.Server]) -> Items:
    found: Items = {}
    for server in servers:
        if server.read.problem:
            found[f"not_checked:{server.path}"] = {"reason": server.read.problem, "sources": [server.path]}
    return found


def rate(change: Change, options: Options) -> Rating:
    """Code, severity and title of a change; no option bears on it."""
    return sshd_rating.rate(change)


def _stamped(host: Host, known: Tuple[str, ...]) -> Dict[str, None]:
    watched: Dict[str, None] = {}
    for path in map(os.fsencode, (_PROGRAM, *known)):
        watched.update(dict.fromkeys(places.stamped(host, path)))
    return watched


def stamps(options: Options, host: Host, memory: Mapping[str, Any]) -> Tuple[Stamp, ...]:
    """The stat records of sshd itself, of its configuration with every included file and every directory searched for
    more, and of whatever a link in their places leads to. That another sshd runs is noticed by its port, or at the next
    full look."""
    return (("stat", tuple(_stamped(host, tuple(memory.get("places", (MAIN,)))))),)


CHECK = Check(
    name="sshd_config",
    about="sshd's settings as they act, each Match block, and other sshds that run with settings of their own",
    options=Options,
    columns=COLUMNS,
    collect=collect,
    rate=rate,
    stamps=stamps,
    codes=sshd_rating.CODES,
)
