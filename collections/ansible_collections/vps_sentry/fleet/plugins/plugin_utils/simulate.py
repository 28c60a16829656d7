# SPDX-License-Identifier: GPL-3.0-or-later
"""Bundles of a fleet that does not exist, byte for byte as hosts send them: for tests, benchmarks and first looks.

The same numbers give the same fleet. Hosts of a cohort share a base; each has host keys and disks of its own, some have
drift, some are in the middle of a roll-out, and one in the whole fleet has a key that opens root.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from .core import bundle, canonical, codec, digest

PREFIX = "sim-"
ROLLED_OUT = 40
"""Files of the package that some hosts hold a newer version of."""

Items = Dict[str, Dict[str, Any]]
Edits = Mapping[str, Mapping[str, Optional[Dict[str, Any]]]]
"""Check -> key -> value, None = absent: how a host differs from its cohort."""


_State = Dict[str, Tuple[List[str], Dict[str, digest.Bucket]]]


@dataclass(frozen=True)
class Fleet:
    """What to make up."""

    hosts: int
    items: int = 3000
    """Of each host."""
    cohorts: int = 18
    drift: float = 0.3
    """Files of its own per host, on average; half of them are not accepted yet."""
    rollout: int = 30
    """Percent of the hosts that hold the newer version of one package, not accepted yet."""
    seed: int = 1


class Simulated(NamedTuple):
    """One host's answer."""

    name: str
    cohort: str
    data: bytes
    held: Mapping[str, int]
    """Digest -> number of the buckets that it left out because they were there before."""


@dataclass(frozen=True)
class _Base:
    """The items of a cohort in their buckets."""

    buckets: Mapping[str, List[digest.Bucket]]
    digests: Mapping[str, List[str]]


def bundles(fleet: Fleet, *, time: str, run: int = 1) -> Iterator[Simulated]:
    """The answer of each host to a controller that holds what the hosts before it sent. ``time``: RFC 3339 UTC."""
    bases = [_base(number, fleet) for number in range(min(fleet.cohorts, fleet.hosts))]
    held: Dict[str, int] = {}
    for number in range(fleet.hosts):
        cohort = number % len(bases)
        name = f"{PREFIX}{number:05d}"
        accepted, now = _edits(number, fleet)
        states = [_state(bases[cohort], edits) for edits in (now, accepted)]
        known = {one: held[one] for state in states for _root, found in state.values() for one in found if one in held}
        document, sent = _document(name, states, known=known, time=time, run=run)
        yield Simulated(name, f"{PREFIX}role-{cohort:02d}", canonical.dumps(document), known)
        held.update(sent)


def _base(number: int, fleet: Fleet) -> _Base:
    ports: Items = {f"tcp:{port}:wildcard": {"bind": "wildcard"} for port in (22, 80, 443, 8000 + number)}
    mounts: Items = {"/": {"flags": "rw"}}
    count = max(fleet.items - len(ports) - len(mounts) - len(_own(0)), 0)
    # Two thirds are the same on every host, as a distribution's files are.
    files = {f"/usr/lib/app-{n % 97:02d}/{n:05d}": _file(f"{n} {number if n % 3 == 0 else ''}") for n in range(count)}
    checks: Dict[str, Items] = {"files": files, "mounts": mounts, "ports": ports}
    buckets = {check: list(digest.split(items)) for check, items in checks.items()}
    return _Base(buckets, {check: [digest.digest(one) for one in found] for check, found in buckets.items()})


def _file(content: str, mode: str = "0644") -> Dict[str, Any]:
    made = sha256(content.encode()).hexdigest()
    return {"type": "file", "mode": mode, "uid": 0, "gid": 0, "size": len(content), "sha256": made}


def _own(number: int) -> Items:
    """What is each host's own."""
    paths = (*(f"/etc/ssh/ssh_host_{kind}_key" for kind in ("ecdsa", "ed25519", "rsa")), "/etc/hostname", "/etc/hosts")
    return {path: _file(f"{path} of {number}", "0600") for path in (*paths, "/etc/machine-id", "/etc/fstab")}


def _edits(number: int, fleet: Fleet) -> Tuple[Edits, Edits]:
    """How host ``number`` differs from its cohort: in what it accepted, and now."""
    chance = random.Random(f"{fleet.seed} {number}")  # noqa: S311 - the same fleet each time is the point
    accepted = _own(number)
    later: Items = {}
    for entry in range(_times(chance, fleet.drift)):
        # A file of its own, or one of its cohort's with a content of its own.
        path = f"/etc/local/{number}-{entry}.conf" if chance.random() < 0.5 else f"/usr/lib/app-01/{entry * 97 + 1:05d}"
        (accepted if chance.random() < 0.5 else later)[path] = _file(f"{path} of {number}")
    if chance.random() * 100 < fleet.rollout:
        later.update({f"/usr/lib/app-07/{n * 97 + 7:05d}": _file(f"{n} upgraded") for n in range(ROLLED_OUT)})
    if number == fleet.hosts // 2:
        accepted["/root/.ssh/authorized_keys"] = _file("ssh-ed25519 AAAA… kali")
    mounts: Items = {"/": {"flags": "rw", "layers": [f"ext4 {number}"]}}
    return {"files": accepted, "mounts": mounts}, {"files": {**accepted, **later}, "mounts": mounts}


def _times(chance: random.Random, mean: float) -> int:
    """How often something happens that happens ``mean`` times on average: never far from it."""
    whole = int(mean)
    return whole + (chance.random() < mean - whole)


def _state(base: _Base, edits: Edits) -> _State:
    """Check -> digests of the 64 buckets, and by digest those that differ from the base's."""
    found = {}
    for check, digests in base.digests.items():
        mine, changed = list(digests), {}
        by_number: Dict[int, Dict[str, Optional[Dict[str, Any]]]] = {}
        for key, value in edits.get(check, {}).items():
            by_number.setdefault(digest.bucket_number(key), {})[key] = value
        for place, values in by_number.items():
            items = {**dict(base.buckets[check][place]), **values}
            bucket = [[key, items[key]] for key in sorted(items) if items[key] is not None]
            mine[place] = digest.digest(bucket)
            changed[mine[place]] = bucket
        changed.update({name: base.buckets[check][place] for place, name in enumerate(mine) if name not in changed})
        found[check] = mine, changed
    return found


def _document(
    name: str, states: List[_State], *, known: Mapping[str, int], time: str, run: int
) -> Tuple[Dict[str, Any], Dict[str, int]]:
    """The bundle with the buckets that are not ``known``, and where those belong."""
    now, accepted = states
    heads = {check: bundle.CheckHeader("ok", None, _root(mine), tuple(mine)) for check, (mine, _found) in now.items()}
    checks = {check: bundle.AcceptedCheck(_root(mine), tuple(mine)) for check, (mine, _found) in accepted.items()}
    total = digest.total({check: head.root for check, head in checks.items()})
    buckets = {
        digest_: bucket for state in states for _root, found in state.values() for digest_, bucket in found.items()
    }
    sent = {digest_: bucket for digest_, bucket in buckets.items() if digest_ not in known}
    document = bundle.Bundle(
        schema=bundle.SCHEMA,
        norm=digest.NORM,
        host=name,
        machine_id=sha256(name.encode()).hexdigest()[:32],
        host_keys=(f"SHA256:{name}",),
        nonce=None,
        time=time,
        run=run,
        prev=None,
        agent_digest=None,
        baseline=bundle.BaselineHeader("accepted", 1, total, None, checks),
        checks=heads,
        buckets={},
        alerts=(),
    )
    numbers = {digest_: digest.bucket_number(bucket[0][0]) if bucket else -1 for digest_, bucket in sent.items()}
    return {**codec.encode(document), "buckets": sent}, numbers


def _root(digests: List[str]) -> str:
    return digest.root_of(tuple(digests))
