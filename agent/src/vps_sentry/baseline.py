# SPDX-License-Identifier: GPL-3.0-or-later
"""The accepted baseline: its file, its digest, and what it means when it is gone."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any, Dict, Mapping, Optional, Tuple

from .core import codec, digest
from .core.clock import epoch
from .core.model import BaselineStatus, Value
from .errors import StoreError
from .store import Store

FILE = "baseline.json"
SCHEMA = 1
_WORD = 16
_TRACES = ("-accepted.json", ".baseline.json")
"""Files under ``history/`` that only exist once a baseline did."""


@dataclass(frozen=True)
class Temporary:
    """What was accepted for a time, under ``sequence``. Items are check, key and the values before and after."""

    sequence: int
    until: str
    by: str
    reason: str
    items: Tuple[Tuple[str, str, Any, Any], ...]


@dataclass(frozen=True)
class Authority:
    """Whose word the last acceptance was. All empty on a host that only ever accepted by itself."""

    fleet_id: str = ""
    store_id: str = ""
    """The controller's store that keeps it; empty when the host accepted by itself."""
    signers: str = ""
    """The file whose signers count. Once set, only a signed acceptance moves the baseline, whatever the configuration
    says."""


@dataclass(frozen=True)
class Baseline:
    """The accepted items of one machine. ``sequence`` is 0 and ``status`` not ``accepted`` without one."""

    status: BaselineStatus = "none"
    machine_id: str = ""
    sequence: int = 0
    digest: Optional[str] = None
    accepted_at: Optional[str] = None
    accepted_by: Optional[str] = None
    reason: str = ""
    checks: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    problem: str = ""
    """Why it counts as lost."""
    temporary: Tuple[Temporary, ...] = ()
    """Acceptances that end by themselves."""
    authority: Authority = Authority()
    seal: str = field(default="", compare=False)
    """Digest of the file it was read from; empty when it was not read but made."""


@dataclass(frozen=True)
class _File:
    schema: int
    norm: int
    machine_id: str
    sequence: int
    digest: str
    accepted_at: str
    accepted_by: str
    reason: str
    # Values are not looked into: the digest over them, checked next, says they are what was accepted.
    checks: Dict[str, Dict[str, Any]]
    temporary: Tuple[Temporary, ...] = ()
    authority: Authority = Authority()


def digest_of(checks: Mapping[str, Mapping[str, Any]]) -> str:
    """The baseline digest over the roots of its checks."""
    return digest.total({name: digest.buckets_of(items).root for name, items in checks.items()})


def load(store: Store, *, last_sequence: int, seal: str = "") -> Baseline:
    """The baseline as it stands. ``last_sequence`` is what other state files remember of it.

    A file that is missing although there was one, unreadable, or whose digest does not fit its content
    gives status ``lost``: nothing is learnt again. Byte for byte the file that ``seal`` was made of was found
    sound before; to take its digest again costs as much as starting Python.
    """
    try:
        data = store.read(FILE)
        if data is None:
            return _absent(store, last_sequence)
        found = blake2b(data).hexdigest()
        if found == seal:
            content = codec.decode(_File, json.loads(data))
        else:
            content = _checked(codec.decode(_File, store.read_json(FILE)))
        return _baseline(_newest(content, last_sequence), found)
    except (StoreError, codec.CodecError) as exc:
        return Baseline(status="lost", sequence=last_sequence, problem=str(exc))


def _newest(content: _File, last_sequence: int) -> _File:
    """Going back is an acceptance with a number of its own, so a lower number is an old file put back."""
    if content.sequence < last_sequence:
        raise StoreError(f"{FILE} is #{content.sequence}, but #{last_sequence} was accepted: an old file was put back")
    return content


def _absent(store: Store, last_sequence: int) -> Baseline:
    if last_sequence > 0 or any(name.endswith(_TRACES) for name in store.names("history")):
        return Baseline(status="lost", sequence=last_sequence, problem=f"{store.path / FILE} is missing")
    return Baseline()


def _checked(content: _File) -> _File:
    if digest_of(content.checks) != content.digest:
        raise StoreError(f"{FILE} does not match its own digest {content.digest[:19]}")
    try:
        for entry in content.temporary:
            epoch(entry.until)
    except ValueError as exc:
        raise StoreError(f"{FILE} says when something expires in a way that is no time: {exc}") from exc
    return content


def _baseline(content: _File, seal: str = "") -> Baseline:
    return Baseline(
        status="accepted",
        machine_id=content.machine_id,
        sequence=content.sequence,
        digest=content.digest,
        accepted_at=content.accepted_at,
        accepted_by=content.accepted_by,
        reason=content.reason,
        checks=_words_shared(content.checks),
        temporary=content.temporary,
        authority=content.authority,
        seal=seal,
    )


def _words_shared(checks: Dict[str, Dict[str, Any]]) -> Dict[str, Dict[str, Any]]:
    """``checks``, in which a short text (a mode, a type) that stands in many values is one object; JSON makes many."""
    words: Dict[str, str] = {}
    for items in checks.values():
        for value in items.values():
            for name, text in value.items() if type(value) is dict else ():
                if type(text) is str and len(text) <= _WORD:
                    value[name] = words.setdefault(text, text)
    return checks


def kept(store: Store, sequence: int) -> Baseline:
    """The baseline that held under ``sequence``. Raises StoreError when it is not kept or damaged."""
    name = history_name(sequence)
    document = store.read_json(name)
    if document is None:
        raise StoreError(f"no baseline #{sequence} is kept in {store.path / 'history'}; see: vps-sentry baseline log")
    try:
        return _baseline(_checked(codec.decode(_File, document)))
    except codec.CodecError as exc:
        raise StoreError(f"{store.path / name} is damaged: {exc}") from exc


def history_name(sequence: int) -> str:
    """Where the baseline of ``sequence`` is kept."""
    return f"history/{sequence:08d}.baseline.json"


def save(store: Store, baseline: Baseline) -> None:
    """Write the baseline, and a copy for good under ``history/``."""
    # The items not by the codec, which would copy each: they are plain JSON values already.
    plain = codec.encode(replace(baseline, checks={}))
    content = {"schema": SCHEMA, "norm": digest.NORM, **plain, "checks": baseline.checks}
    for name in ("status", "problem", "seal"):
        del content[name]
    if baseline.authority == Authority():
        # A release that knows no controller can still read what never met one.
        del content["authority"]
    store.write_json(history_name(baseline.sequence), content)
    store.write_json(FILE, content)
