# SPDX-License-Identifier: GPL-3.0-or-later
"""Digests: fixed by the contract, so fixed here by value."""

from __future__ import annotations

import hashlib
import json

from vps_sentry.core import digest

ITEMS = {f"/etc/file{number}": {"type": "file", "size": number} for number in range(500)}


def independent(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def test_bucket_number_is_the_first_byte_masked() -> None:
    for key in ITEMS:
        assert hashlib.sha256(key.encode()).digest()[0] & 63 == digest.bucket_number(key)


def test_root_is_over_the_64_bucket_digests() -> None:
    found = digest.buckets_of(ITEMS)
    wanted = [
        independent([[key, ITEMS[key]] for key in sorted(ITEMS) if digest.bucket_number(key) == number])
        for number in range(64)
    ]

    assert wanted == list(found.digests)
    assert independent(wanted) == found.root


def test_total_is_over_norm_and_roots() -> None:
    assert independent({"norm": 1, "checks": {"a": "r1", "b": "r2"}}) == digest.total({"b": "r2", "a": "r1"})


def test_one_changed_item_moves_one_bucket() -> None:
    changed = {**ITEMS, "/etc/file7": {"type": "file", "size": 0}}
    pairs = zip(digest.buckets_of(ITEMS).digests, digest.buckets_of(changed).digests)

    assert [digest.bucket_number("/etc/file7")] == [number for number, (a, b) in enumerate(pairs) if a != b]
