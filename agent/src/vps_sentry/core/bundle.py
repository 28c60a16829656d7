# SPDX-License-Identifier: GPL-3.0-or-later
"""The bundle: the canonical JSON document a host hands out (docs/contracts.md section 10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from . import digest
from .model import Alert, BaselineStatus, Status, Strict, Value, Voucher

SCHEMA = 1


@dataclass(frozen=True)
class Request(Strict):
    """The optional JSON line on the standard input of ``vps-sentry bundle``."""

    schema: int
    nonce: str
    have: Tuple[str, ...] = ()


@dataclass(frozen=True)
class AcceptedCheck(Strict):
    """Digests of one check's accepted items, or of what is vouched for."""

    root: str
    buckets: Tuple[str, ...]


@dataclass(frozen=True)
class BaselineHeader(Strict):
    """What the host holds as accepted. ``digest`` and ``store_id`` are null without one."""

    status: BaselineStatus
    sequence: int
    digest: Optional[str]
    store_id: Optional[str]
    checks: Dict[str, AcceptedCheck]


@dataclass(frozen=True)
class CheckHeader(Strict):
    """Digests of one check's last observation; a check that is not ``ok`` has no root and no buckets."""

    status: Status
    error: Optional[str]
    root: Optional[str]
    buckets: Tuple[str, ...]


@dataclass(frozen=True)
class Bundle(Strict):
    """One host's accepted baseline and last snapshot, each bucket once. ``time`` is RFC 3339 UTC."""

    schema: int
    norm: int
    host: str
    machine_id: str
    host_keys: Tuple[str, ...]
    nonce: Optional[str]
    time: str
    run: int
    prev: Optional[str]
    agent_digest: Optional[str]
    baseline: BaselineHeader
    checks: Dict[str, CheckHeader]
    buckets: Dict[str, List[Tuple[str, Value]]]
    alerts: Tuple[Alert, ...]
    vouched: Optional[AcceptedCheck] = None
    """What upgrades from a signed source explain, as items (``vouched``); null when there is nothing."""


def vouched(vouchers: Iterable[Voucher]) -> Dict[str, Value]:
    """The items that carry what is explained: ``CHECK KEY`` -> digest of the very value, and the package."""
    return {
        f"{one.check} {one.key}": {"value": one.value, "package": one.package}
        for one in vouchers
        if one.kind == "explained"
    }


def pack(sources: List[Mapping[str, Any]], have: Tuple[str, ...]) -> Dict[str, Any]:
    """The buckets of ``sources`` (items by key, per check) by digest, without those the reader holds."""
    held = set(have)
    packed: Dict[str, Any] = {}
    for items in sources:
        for bucket in digest.split(items):
            name = digest.digest(bucket)
            if name.split(":", 1)[1][:16] not in held:
                packed[name] = bucket
    return packed
