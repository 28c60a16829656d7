# SPDX-License-Identifier: GPL-3.0-or-later
"""Digests of items, buckets, checks and snapshots (docs/contracts.md section 1)."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Tuple

from . import canonical

BUCKETS = 64
NORM = 1
"""Version of the normalisation rules this release applies. Rule set 1: own names, addresses and machine-id are replaced
in the texts of the check ``system`` (``watch/normal.py``), and nowhere else."""

Bucket = List[List[Any]]
"""The ``[key, value]`` pairs of one bucket, sorted by key."""


class Buckets(NamedTuple):
    """The 64 bucket digests of one check and the root over them."""

    root: str
    digests: Tuple[str, ...]


def digest(value: Any) -> str:
    """``sha256:`` + hex over the canonical JSON of ``value``."""
    return "sha256:" + sha256(canonical.dumps(value)).hexdigest()


def bucket_number(key: str) -> int:
    """Which of the 64 buckets the item ``key`` lies in."""
    return sha256(key.encode("utf-8", "surrogatepass")).digest()[0] & (BUCKETS - 1)


def split(items: Mapping[str, Any]) -> Iterator[Bucket]:
    """The items of a check as 64 buckets, one after the other."""
    keys: List[List[str]] = [[] for _ in range(BUCKETS)]
    for key in sorted(items):
        keys[bucket_number(key)].append(key)
    return ([[key, items[key]] for key in bucket] for bucket in keys)


def buckets_of(items: Mapping[str, Any]) -> Buckets:
    """Bucket digests and root of a check's items."""
    digests = tuple(digest(bucket) for bucket in split(items))
    return Buckets(root=root_of(digests), digests=digests)


def root_of(digests: Tuple[str, ...]) -> str:
    """A check's root over its 64 bucket digests."""
    return digest(list(digests))


def total(roots: Mapping[str, str], *, norm: int = NORM) -> str:
    """A snapshot's or baseline's digest over the roots of its checks."""
    checks: Dict[str, str] = dict(roots)
    return digest({"norm": norm, "checks": checks})
