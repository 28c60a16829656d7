# SPDX-License-Identifier: GPL-3.0-or-later
"""The only door for what a host says: bytes -> Bundle, or a VerifyError that is safe to print."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Dict, List, Mapping, Optional, Set, Tuple

from . import limits
from ._libraries import pydantic, require
from .core import canonical, digest
from .core.bundle import SCHEMA, BaselineHeader, Bundle, CheckHeader
from .core.clock import epoch

EMPTY = -1
"""Stands for the bucket number of the empty bucket, which lies anywhere."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
_PATTERNS = {
    "machine_id": re.compile(r"[0-9a-f]{32}\Z"),
    "host": re.compile(r"[A-Za-z0-9._-]{1,253}\Z"),
    "time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z", re.ASCII),
}
_CHECK_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
_MAX_CHECKS = 64
_MAX_ALERTS = 10_000
_MAX_HOST_KEYS = 16

Held = Mapping[str, int]
"""Digest -> bucket number (or EMPTY) of the buckets the host was told not to send."""


class VerifyError(Exception):
    """The document is not a bundle of this host. The message holds no unescaped host text.

    ``outcome`` is the word under which the attempt is recorded: refused, replay, old.
    """

    outcome = "refused"


class ReplayError(VerifyError):
    """An answer to another question."""

    outcome = "replay"


class OldAgentError(VerifyError):
    """A bundle of a release that this controller no longer reads."""

    outcome = "old"


def verify(data: bytes, *, nonce: Optional[str], held: Held) -> Bundle:
    """``data`` as a Bundle whose every digest was recomputed.

    ``nonce`` is what the host was asked with (None for a file read later, which proves no freshness).
    Raises VerifyError with one sentence.
    """
    require()
    try:
        limits.measure(data)
        document = canonical.loads(data)
        _refuse_other_schema(document)
        bundle = _typed(data)
        _check_texts(bundle)
    except limits.LimitError as exc:
        raise VerifyError(str(exc)) from exc
    except canonical.CanonicalError as exc:
        raise VerifyError(f"not strict JSON: {limits.show(str(exc), limit=200)}") from exc
    if nonce is not None and bundle.nonce != nonce:
        raise ReplayError("the nonce is not the one that was asked with: an old or a foreign answer")
    _check_headers(bundle)
    _check_buckets(bundle, held)
    return bundle


def _refuse_other_schema(document: Any) -> None:
    schema = document.get("schema") if type(document) is dict else None
    if type(schema) is int and schema > SCHEMA:
        raise VerifyError(f"bundle schema {schema} is newer than {SCHEMA}, which this controller reads: upgrade it")
    if type(schema) is int and schema < SCHEMA:
        raise OldAgentError(f"bundle schema {schema} is no longer read: upgrade the agent")


@cache
def _adapter() -> pydantic.TypeAdapter[Bundle]:
    return pydantic.TypeAdapter(Bundle)


def _typed(data: bytes) -> Bundle:
    try:
        return _adapter().validate_json(data)
    except pydantic.ValidationError as exc:
        first = exc.errors(include_url=False, include_context=False, include_input=False)[0]
        raise VerifyError(f"{limits.show_path(first['loc'])}: {limits.show(first['msg'], limit=200)}") from exc


def _check_texts(bundle: Bundle) -> None:
    for name, pattern in _PATTERNS.items():
        if not pattern.match(getattr(bundle, name)):
            raise VerifyError(f"{name}: {limits.show(getattr(bundle, name))} is not a {name.replace('_', ' ')}")
    _check_time(bundle.time)
    checks = set(bundle.checks) | set(bundle.baseline.checks)
    if len(checks) > _MAX_CHECKS or len(bundle.alerts) > _MAX_ALERTS or len(bundle.host_keys) > _MAX_HOST_KEYS:
        raise VerifyError("more checks, alerts or host keys than any agent has")
    for check in checks:
        if not _CHECK_NAME.match(check):
            raise VerifyError(f"{limits.show(check)} is not the name of a check")
    limits.printable([bundle.host_keys, bundle.prev, bundle.agent_digest, bundle.baseline.store_id])
    limits.printable(bundle.buckets)
    limits.short([[vars(alert) for alert in bundle.alerts], [head.error for head in bundle.checks.values()]])


def _check_time(text: str) -> None:
    try:
        epoch(text)
    except (ValueError, OverflowError) as exc:
        raise VerifyError(f"time: {text} is not in the calendar") from exc


def _check_headers(bundle: Bundle) -> None:
    if min(bundle.norm, bundle.run, bundle.baseline.sequence) < 0:
        raise VerifyError("norm, run and sequence are never negative")
    for name, head in bundle.checks.items():
        _check_observation(name, head)
    for name, accepted in bundle.baseline.checks.items():
        _check_root(f"baseline.checks.{name}", accepted.root, accepted.buckets)
    if bundle.vouched is not None:
        _check_root("vouched", bundle.vouched.root, bundle.vouched.buckets)
    _check_baseline(bundle.baseline, bundle.norm)


def _check_observation(name: str, head: CheckHeader) -> None:
    if head.status == "ok":
        _check_root(f"checks.{name}", head.root, head.buckets)
    elif head.root is not None or head.buckets:
        raise VerifyError(f"checks.{name}: a check that is {head.status} has no items")
    elif not head.error:
        raise VerifyError(f"checks.{name}: {head.status} without a reason")


def _check_root(place: str, root: Optional[str], buckets: Tuple[str, ...]) -> None:
    if len(buckets) != digest.BUCKETS:
        raise VerifyError(f"{place}: {len(buckets)} buckets instead of {digest.BUCKETS}")
    for bucket in buckets:
        if not _DIGEST.match(bucket):
            raise VerifyError(f"{place}: {limits.show(bucket)} is not a digest")
    if root != digest.root_of(buckets):
        raise VerifyError(f"{place}: the root is not the digest of its buckets")


def _check_baseline(baseline: BaselineHeader, norm: int) -> None:
    if baseline.status != "accepted":
        if baseline.checks or baseline.digest is not None:
            raise VerifyError(f"baseline: {baseline.status}, and yet it has a digest or items")
        return
    if baseline.sequence < 1:
        raise VerifyError("baseline: accepted, but its sequence is 0")
    roots = {name: accepted.root for name, accepted in baseline.checks.items()}
    if baseline.digest != digest.total(roots, norm=norm):
        raise VerifyError("baseline: the digest is not that of its roots")


def _check_buckets(bundle: Bundle, held: Held) -> None:
    numbers: Dict[str, int] = dict(held)
    for name, bucket in bundle.buckets.items():
        numbers[name] = _bucket_number(name, bucket)
    used: Set[str] = set()
    for check, buckets in _all_headers(bundle):
        used.update(buckets)
        for number, name in enumerate(buckets):
            if name not in numbers:
                raise VerifyError(f"{check}: bucket {number} is neither here nor held from earlier; collect again")
            if numbers[name] not in (number, EMPTY):
                raise VerifyError(f"{check}: bucket {number} holds items that belong to bucket {numbers[name]}")
    if not used >= set(bundle.buckets):
        raise VerifyError("a bucket belongs to no check")


def _all_headers(bundle: Bundle) -> List[Tuple[str, Tuple[str, ...]]]:
    now = [(f"checks.{name}", head.buckets) for name, head in bundle.checks.items()]
    now += [("vouched", bundle.vouched.buckets)] if bundle.vouched is not None else []
    return now + [(f"baseline.checks.{name}", head.buckets) for name, head in bundle.baseline.checks.items()]


def _bucket_number(name: str, bucket: List[Tuple[str, Any]]) -> int:
    if digest.digest(bucket) != name:
        raise VerifyError(f"bucket {limits.show(name)}: the digest is not that of its items")
    keys = [key for key, _value in bucket]
    if any(second <= first for first, second in zip(keys, keys[1:])):
        raise VerifyError(f"bucket {name[:23]}: the keys are not sorted, or one stands twice")
    numbers = {digest.bucket_number(key) for key in keys}
    if len(numbers) > 1:
        raise VerifyError(f"bucket {name[:23]}: the keys belong to several buckets")
    return numbers.pop() if numbers else EMPTY
