# SPDX-License-Identifier: GPL-3.0-or-later
"""The bundle a host hands out: last snapshot and accepted baseline, digest first (docs/contracts.md section 10)."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from . import memory, observations, reply
from .baseline import Baseline
from .core import bundle, canonical, codec, digest
from .core.model import Observation
from .errors import ConfigError, StoreError
from .host import Host
from .report import read_last
from .store import Store

PATIENCE = 5.0
"""Seconds to wait for a run that is writing its record."""
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", re.ASCII)
_NONCE = re.compile(r"[0-9a-f]{32}", re.ASCII)
_HAVE = re.compile(r"[0-9a-f]{16}", re.ASCII)


@dataclass(frozen=True)
class Source:
    """Whose bundle it is."""

    host: Host
    checks: Tuple[str, ...]
    agent_digest: Optional[str]
    footing: str = ""
    """A file that is another one when the agent is; without it nothing is kept for the next answer."""


def read_request(data: bytes) -> Optional[bundle.Request]:
    """The request line; None when there is none. Raises ConfigError: the caller asked wrongly."""
    if not data.strip():
        return None
    if len(data) > reply.REQUEST_LIMIT:
        raise ConfigError(f"the request on standard input is larger than {reply.REQUEST_LIMIT} bytes")
    try:
        request = codec.decode(bundle.Request, canonical.loads(data))
    except (canonical.CanonicalError, codec.CodecError) as exc:
        raise ConfigError(f"the request on standard input is not usable: {exc}") from exc
    if request.schema != bundle.SCHEMA:
        raise ConfigError(f"request schema {request.schema} is not known here; upgrade the agent")
    if not _NONCE.fullmatch(request.nonce) or not all(_HAVE.fullmatch(entry) for entry in request.have):
        raise ConfigError("the request's nonce must be 32, each entry of have 16 lower-case hex digits")
    return request


def build(store: Store, source: Source, *, request: Optional[bundle.Request]) -> Dict[str, Any]:
    """The bundle as JSON values. Takes no snapshot, needs no lock. Raises StoreError when no run was recorded yet."""
    with _between_runs(store):
        made_of = reply.signature(str(store.path), source.footing)
        last = read_last(store)
        recalled = memory.recall(store)
        seen = {name: observations.load(store, name) for name in source.checks}
    found = {name: observation for name, observation in seen.items() if observation is not None}
    worked: List[Mapping[str, Any]] = [o.items for o in found.values() if o.status == "ok"]
    vouched = bundle.vouched(v for o in found.values() if o.status == "ok" for v in o.vouchers)
    accepted = recalled.baseline.checks if recalled.baseline.status == "accepted" else {}
    document = bundle.Bundle(
        schema=bundle.SCHEMA,
        norm=digest.NORM,
        host=last.host,
        machine_id=last.machine_id,
        host_keys=source.host.host_keys(),
        nonce=request.nonce if request else None,
        time=_latest(store, last.time),
        run=recalled.run,
        prev=recalled.prev,
        agent_digest=source.agent_digest,
        baseline=_baseline(recalled.baseline),
        checks={name: _check(observation) for name, observation in found.items()},
        buckets=bundle.pack(
            [*worked, *accepted.values(), *([vouched] if vouched else [])], request.have if request else ()
        ),
        alerts=last.alerts,
        vouched=_accepted(vouched) if vouched else None,
    )
    plain: Dict[str, Any] = codec.encode(document)
    if source.footing:
        _keep(store, made_of, plain)
    return plain


def _keep(store: Store, made_of: Tuple[str, ...], plain: Mapping[str, Any]) -> None:
    """The header for ``reply``, which answers while nothing moves; it only saves work."""
    heads = [*plain["checks"].values(), *plain["baseline"]["checks"].values(), plain["vouched"] or {"buckets": ()}]
    needed = sorted({name for head in heads for name in head["buckets"]})
    header = (plain["run"], plain["time"].encode("ascii"), _cut({**plain, "buckets": {}}))
    with contextlib.suppress(StoreError):
        store.write(reply.NAME, reply.kept(made_of, needed=needed, header=header))


def _cut(document: Mapping[str, Any]) -> Tuple[bytes, ...]:
    """Canonical JSON without its braces, cut where the fields of ``reply.SLOTS`` stand."""
    found: List[Dict[str, Any]] = [{}]
    for name in sorted(document):
        if name in reply.SLOTS:
            found.append({})
        else:
            found[-1][name] = document[name]
    return tuple(canonical.dumps(part)[1:-1] for part in found)


@contextlib.contextmanager
def _between_runs(store: Store) -> Iterator[None]:
    """Wait for a run to finish its record, whose parts would not fit each other; whatever holds it up, answer then."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(StoreError):
            stack.enter_context(store.lock(wait=PATIENCE))
        yield


def _latest(store: Store, recorded: str) -> str:
    """Time of the last tick: a quiet one leaves only the heartbeat, whose times compare as text."""
    words = (store.read("heartbeat") or b"").decode("ascii", "replace").split()
    beat = words[0] if words and _TIME.fullmatch(words[0]) else ""
    return max(beat, recorded)


def _baseline(baseline: Baseline) -> bundle.BaselineHeader:
    return bundle.BaselineHeader(
        status=baseline.status,
        sequence=baseline.sequence,
        digest=baseline.digest,
        store_id=baseline.authority.store_id or None,
        checks={name: _accepted(items) for name, items in baseline.checks.items()},
    )


def _accepted(items: Mapping[str, Any]) -> bundle.AcceptedCheck:
    buckets = digest.buckets_of(items)
    return bundle.AcceptedCheck(buckets.root, buckets.digests)


def _check(observation: Observation) -> bundle.CheckHeader:
    if observation.status != "ok":
        return bundle.CheckHeader(observation.status, observation.error, None, ())
    buckets = digest.buckets_of(observation.items)
    return bundle.CheckHeader("ok", None, buckets.root, buckets.digests)
