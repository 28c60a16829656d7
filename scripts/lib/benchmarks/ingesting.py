# SPDX-License-Identifier: GPL-3.0-or-later
"""Unchanged bundles into a store of many hosts: prints bundles per CPU second. ``ingesting.py STORE HOSTS ITEMS``.

The first host comes in by the real path; the others are copies of its rows, since ten thousand first contacts would
take a quarter of an hour and are not what is measured.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Dict, List

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "collections"), str(ROOT / "agent" / "src")]

from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import collecting, schema  # noqa: E402
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils._libraries import sa  # noqa: E402
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import Store, open_store  # noqa: E402
from vps_sentry.core import bundle, canonical, clock, codec, digest  # noqa: E402

SAMPLE = 300
KEYS = tuple(f"ssh-{kind} {'A' * 68}" for kind in ("ed25519", "rsa", "ecdsa"))
Items = Dict[str, Dict[str, Any]]


def checks(count: int) -> Dict[str, Items]:
    """A server's items: most of them files."""
    value = {"type": "file", "mode": "0644", "uid": 0, "gid": 0, "size": 4096, "nlink": 1}
    sums = (hashlib.sha256(str(number).encode()).hexdigest() for number in range(count))
    files = {
        f"/etc/part-{number % 97}/{number:05d}.conf": {**value, "sha256": sum_} for number, sum_ in enumerate(sums)
    }
    return {"files": files, "ports": {f"tcp:{port}:wildcard": {"bind": "wildcard"} for port in (22, 80, 443)}}


class World:
    """What every host of it looks like."""

    def __init__(self, count: int) -> None:
        self._checks = checks(count)
        self._buckets = {name: digest.buckets_of(items) for name, items in self._checks.items()}

    def answer(self, asked: collecting.Asked, *, run: int) -> bytes:
        """What ``vps-sentry bundle`` says for the host that was asked."""
        heads = {
            name: bundle.CheckHeader("ok", None, found.root, found.digests) for name, found in self._buckets.items()
        }
        accepted = {name: bundle.AcceptedCheck(found.root, found.digests) for name, found in self._buckets.items()}
        total = digest.total({name: found.root for name, found in self._buckets.items()})
        have = tuple(name[7:23] for name in asked.held)
        made = bundle.Bundle(
            schema=bundle.SCHEMA,
            norm=digest.NORM,
            host=asked.name,
            machine_id=hashlib.md5(asked.name.encode(), usedforsecurity=False).hexdigest(),
            host_keys=KEYS,
            nonce=asked.nonce,
            time=clock.rfc3339(int(time.time())),
            run=run,
            prev=None,
            agent_digest=None,
            baseline=bundle.BaselineHeader("accepted", 1, total, None, accepted),
            checks=heads,
            buckets=bundle.pack(list(self._checks.values()), have) if not have else {},
            alerts=(),
        )
        return canonical.dumps(codec.encode(made))


def multiply(store: Store, count: int) -> None:
    """Copies of the first host's rows under other names, with machine-ids of their own."""
    with store.write() as connection:
        rows = {
            table.name: dict(connection.execute(sa.select(table)).mappings().one())
            for table in (schema.host, schema.snapshot, schema.trusted)
        }
        made: Dict[str, List[Dict[str, Any]]] = {name: [] for name in rows}
        for number in range(2, count + 1):
            name = f"host-{number}"
            own = {"machine_id": hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()}
            made["host"].append({**rows["host"], "id": number, "name": name, "head": number})
            made["snapshot"].append({**rows["snapshot"], **own, "id": number, "host": number})
            made["trusted"].append({**rows["trusted"], **own, "host": number})
        for table in (schema.host, schema.snapshot, schema.trusted):
            connection.execute(sa.insert(table), made[table.name])
    store.compact()


def main(url: str, hosts: int, items: int) -> None:
    """Measure and print JSON."""
    world = World(items)
    with open_store(url, environ=os.environ) as store:
        first = collecting.begin(store, "host-1", cohort="web")
        collecting.take(store, first, world.answer(first, run=1))
        multiply(store, hosts)
        used = 0.0
        step = max(1, hosts // SAMPLE)
        names = [f"host-{number}" for number in range(1, hosts + 1, step)]
        for name in names:
            begun = time.process_time()
            asked = collecting.begin(store, name, cohort="web")
            used += time.process_time() - begun
            answer = world.answer(asked, run=2)
            begun = time.process_time()
            taken = collecting.take(store, asked, answer)
            used += time.process_time() - begun
            if taken.moved or taken.new_buckets:
                sys.exit(f"{name} was not unchanged: {taken}")
    json.dump({"bundles": len(names), "cpu": used, "bytes": len(answer)}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
