# SPDX-License-Identifier: GPL-3.0-or-later
"""Bundles built with the agent's own functions, for tests that need hosts without machines."""

from __future__ import annotations

import hashlib
from typing import Any, Dict, List, Mapping, Optional

from vps_sentry.core import bundle, canonical, codec, digest

Items = Mapping[str, Mapping[str, Any]]
TIME = "2026-11-02T12:00:00Z"


def make_bundle(
    name: str,
    checks: Mapping[str, Items],
    *,
    accepted: Optional[Mapping[str, Items]] = None,
    failed: Optional[Mapping[str, str]] = None,
    **header: Any,
) -> Dict[str, Any]:
    """The document of host ``name``: its last snapshot, its accepted baseline (default: the same), failed checks.

    ``header`` overrides fields of the document; ``have`` names the bucket prefixes the reader holds, ``vouchers`` is
    what the host says that packages did; ``accepted={}`` means that there is no baseline.
    """
    vouched = bundle.vouched(header.pop("vouchers", ()))
    baseline = checks if accepted is None else accepted
    have = header.pop("have", ())
    heads: Dict[str, Any] = {check: observed(items) for check, items in checks.items()}
    heads.update({check: unseen("failed", error) for check, error in (failed or {}).items()})
    document = bundle.Bundle(
        schema=bundle.SCHEMA,
        norm=digest.NORM,
        host=name,
        machine_id=hashlib.md5(name.encode()).hexdigest(),
        host_keys=(),
        nonce=None,
        time=TIME,
        run=1,
        prev=None,
        agent_digest=None,
        baseline=header_of(baseline),
        checks=heads,
        buckets=bundle.pack([*checks.values(), *baseline.values(), *([vouched] if vouched else [])], have),
        alerts=(),
        vouched=accepted_check(vouched) if vouched else None,
    )
    encoded: Dict[str, Any] = codec.encode(document)
    return {**encoded, **header}


def observed(items: Items) -> bundle.CheckHeader:
    """The header of a check that worked."""
    buckets = digest.buckets_of(items)
    return bundle.CheckHeader(status="ok", error=None, root=buckets.root, buckets=buckets.digests)


def accepted_check(items: Items) -> bundle.AcceptedCheck:
    """The digests of a check's items without a status."""
    buckets = digest.buckets_of(items)
    return bundle.AcceptedCheck(root=buckets.root, buckets=buckets.digests)


def unseen(status: Any, error: str) -> bundle.CheckHeader:
    """The header of a check that is ``failed`` or ``skipped``."""
    return bundle.CheckHeader(status=status, error=error, root=None, buckets=())


def header_of(accepted: Mapping[str, Items]) -> bundle.BaselineHeader:
    """The header of an accepted baseline; of none when there are no checks in it."""
    if not accepted:
        return bundle.BaselineHeader(status="none", sequence=0, digest=None, store_id=None, checks={})
    checks = {check: accepted_check(items) for check, items in accepted.items()}
    roots = {check: found.root for check, found in checks.items()}
    return bundle.BaselineHeader(
        status="accepted", sequence=1, digest=digest.total(roots), store_id=None, checks=checks
    )


def raw(document: Any) -> bytes:
    """A document as the bytes a host sends."""
    return canonical.dumps(document)


def file_items(*paths: str, **fields: Any) -> Dict[str, Dict[str, Any]]:
    """Items of the check ``files`` with the same value each."""
    value = {"type": "file", "mode": "0644", "uid": 0, "gid": 0, "size": 3, "sha256": "00" * 32, **fields}
    return {path: dict(value) for path in paths}


def many_paths(count: int) -> List[str]:
    """``count`` distinct paths below /etc."""
    return [f"/etc/demo.d/{number:05d}.conf" for number in range(count)]
