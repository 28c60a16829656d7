# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration in force: what is watched, and who is told, is itself a thing that must not change unseen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, Iterator, Mapping, Tuple

from ..core import canonical
from ..core.model import Change, Code, Observation, Rating, Value
from ..host import Host
from . import Check, Context, Stamp

_RELEASE_OWN = re.compile(r"checks\..+|notify\.(min_severity|mode|proxy|heartbeat)|remind_after|accept", re.ASCII)
"""Options that come and go with releases; sinks and signers do so only by somebody's hand."""


@dataclass(frozen=True)
class Options:
    """``checks.configuration``: it has no switch, for whoever turned others off would turn this off first."""

    enabled: bool = True


def validate(options: Options) -> None:
    """Raises ValueError when it is disabled."""
    if not options.enabled:
        raise ValueError("enabled: this check cannot be disabled")


def collect(context: Context) -> Observation:
    """One item per option, secrets as digests."""
    return Observation("ok", dict(flatten("", context.effective)))


def flatten(prefix: str, section: Mapping[str, Any]) -> Iterator[Tuple[str, Value]]:
    """The leaves of nested objects by dotted key; a list is one leaf."""
    for name, value in section.items():
        if isinstance(value, dict):
            yield from flatten(f"{prefix}{name}.", value)
        else:
            yield f"{prefix}{name}", {"value": canonical.dumps(value).decode("ascii")}


def rate(change: Change, options: Options) -> Rating:
    """Critical, except for options of checks that a release brings or drops."""
    if change.change != "changed" and _RELEASE_OWN.fullmatch(change.key):
        return Rating("config_option", "info", f"option {change.key} {change.change} by this release")
    before, after = (_shown(value) for value in (change.before, change.after))
    return Rating("config_changed", "critical", f"configuration: {change.key} {before} -> {after}")


def _shown(value: Any) -> str:
    fields: Dict[str, Any] = value or {"value": "not set"}
    return str(fields["value"])[:80]


def stamps(options: Options, host: Host, memory: Mapping[str, Any]) -> Tuple[Stamp, ...]:
    """None of its own: the configuration file is among the agent's own stamps."""
    return ()


CODES = {
    "config_changed": Code(
        about="An option of the configuration in force changed. Whoever wants to stay unseen drops a watch or swaps "
        "the webhook first, so this is told through the sinks of the configuration before, too.",
        technique="T1562.001",
        action="Ask who edited /etc/vps-sentry.json. If nobody did, put it back and treat the host as taken over.",
    ),
    "config_option": Code(
        about="A release of the agent brought or dropped an option of a check.",
        technique="",
        action="Nothing; it is accepted with the next acceptance of the check configuration.",
    ),
}

CHECK = Check(
    name="configuration",
    about="the configuration in force: what is watched, and who is told",
    options=Options,
    columns={"value": "The option as JSON text, secrets as digests."},
    collect=collect,
    rate=rate,
    stamps=stamps,
    validate=validate,
    codes=CODES,
)
