# SPDX-License-Identifier: GPL-3.0-or-later
"""The last observation of each check on disk, so that a tick collects only what moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Optional, Tuple

from .core import codec
from .core.model import Observation, Status, Voucher
from .errors import StoreError
from .store import Store

SCHEMA = 1


@dataclass(frozen=True)
class _File:
    schema: int
    status: Status
    error: Optional[str]
    items: Dict[str, Dict[str, Any]]
    blind: Tuple[str, ...]
    learnable: Dict[str, Dict[str, Any]]
    unwatched: Tuple[str, ...] = ()
    begun: Tuple[str, ...] = ()
    vouchers: Tuple[Voucher, ...] = ()


def load(store: Store, check: str) -> Optional[Observation]:
    """The last observation of ``check`` without signals; None when there is none or it is damaged."""
    try:
        document = store.read_json(_name(check))
        content = codec.decode(_File, document)
    except (StoreError, codec.CodecError):
        # It only saves work: the caller collects again.
        return None
    return Observation(
        content.status,
        content.items,
        content.error,
        blind=content.blind,
        unwatched=frozenset(content.unwatched),
        begun=frozenset(content.begun),
        learnable=content.learnable,
        vouchers=content.vouchers,
    )


def save(store: Store, check: str, *, observation: Observation) -> None:
    """Keep the observation, and the check's cache beside it."""
    content = _File(
        schema=SCHEMA,
        status=observation.status,
        error=observation.error,
        items=dict(observation.items),
        blind=observation.blind,
        learnable=dict(observation.learnable),
        unwatched=tuple(sorted(observation.unwatched)),
        begun=tuple(sorted(observation.begun)),
    )
    # Not by the codec, which would walk through every item: they are plain JSON values already.
    vouchers = [vars(voucher) for voucher in observation.vouchers]
    store.write_json(_name(check), {**vars(content), "vouchers": vouchers})
    if observation.cache is not None:
        store.write(cache_name(check), observation.cache)


def cache_name(check: str) -> str:
    """Where a check's cache lies."""
    return f"{check}.index"


def _name(check: str) -> str:
    return f"snapshot/{check}.json"
