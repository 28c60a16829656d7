# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts are compared on: digests of buckets and roots without the items that are each host's own.

Host keys and disks make every host's buckets unique. Noted once, when a bucket arrives, they cost a comparison nothing.
"""

from __future__ import annotations

from collections import defaultdict
from hashlib import sha256
from typing import DefaultDict, Dict, Iterator, List, Mapping, Sequence, Tuple

from . import schema
from ._libraries import sa
from .core import canonical, digest
from .scope import VERSION, is_ruled, scope

_RULES = "rules"
_CHUNK = 500


def note(connection: sa.Connection, check: str, *, root: int) -> None:
    """Keep what of ``root``, seen as the root of ``check``, is compared between hosts."""
    if not is_ruled(check):
        return
    table = schema.root_shared
    if connection.scalar(sa.select(table.c.root).where(table.c.root == root, table.c.check_name == check)) is not None:
        return
    digests = list(_digests(connection, check, root=root))
    value = bytes.fromhex(digest.root_of(tuple(f"sha256:{raw.hex()}" for raw in digests)).split(":")[1])
    connection.execute(sa.insert(table).values(root=root, check_name=check, digest=value))


def _digests(connection: sa.Connection, check: str, *, root: int) -> Iterator[bytes]:
    """Of its 64 buckets, one after the other; those not noted yet are."""
    link, bucket, known = schema.root_bucket, schema.bucket, schema.bucket_shared
    rows = connection.execute(
        sa.select(bucket.c.id, bucket.c.digest, known.c.digest.label("shared"))
        .join(link, link.c.bucket == bucket.c.id)
        .outerjoin(known, sa.and_(known.c.bucket == bucket.c.id, known.c.check_name == check))
        .where(link.c.root == root)
        .order_by(link.c.number)
    ).all()
    new = {row.id: row.digest for row in rows if row.shared is None}
    found = _note_buckets(connection, check, buckets=new) if new else {}
    yield from (found[row.id] if row.shared is None else row.shared for row in rows)


def _note_buckets(connection: sa.Connection, check: str, *, buckets: Mapping[int, bytes]) -> Dict[int, bytes]:
    items = _items(connection, sorted(buckets))
    found = {}
    for bucket, whole in buckets.items():
        kept = [(key, value) for key, value in items[bucket] if scope(check, key) != "host"]
        found[bucket] = whole if len(kept) == len(items[bucket]) else _digest(kept)
    rows = [{"bucket": bucket, "check_name": check, "digest": found[bucket]} for bucket in sorted(found)]
    connection.execute(sa.insert(schema.bucket_shared), rows)
    return found


def _items(connection: sa.Connection, buckets: Sequence[int]) -> DefaultDict[int, List[Tuple[str, str]]]:
    link, item = schema.bucket_item, schema.item
    found: DefaultDict[int, List[Tuple[str, str]]] = defaultdict(list)
    for start in range(0, len(buckets), _CHUNK):
        query = (
            sa.select(link.c.bucket, item.c.key, item.c.value)
            .join(item, item.c.id == link.c.item)
            .where(link.c.bucket.in_(buckets[start : start + _CHUNK]))
        )
        for bucket, key, value in connection.execute(query):
            found[bucket].append((key, value))
    return found


def _digest(items: Sequence[Tuple[str, str]]) -> bytes:
    """As core.digest makes it, of values that are canonical JSON already."""
    pairs = (b"[%s,%s]" % (canonical.dumps(key), value.encode("ascii")) for key, value in sorted(items))
    return sha256(b"[%s]" % b",".join(pairs)).digest()


def is_current(connection: sa.Connection) -> bool:
    """Whether what is kept was made by this controller's rules."""
    table = schema.meta.c
    return connection.scalar(sa.select(table.value).where(table.name == _RULES)) == str(VERSION)


def refresh(connection: sa.Connection) -> None:
    """Make everything anew: the rules are other ones than those of the controller that wrote the store."""
    schema.metadata.create_all(connection)
    for table in (schema.bucket_shared, schema.root_shared):
        connection.execute(sa.delete(table))
    link = schema.state_check.c
    for check, root in connection.execute(sa.select(link.check_name, link.root).distinct()).all():
        note(connection, check, root=root)
    connection.execute(sa.delete(schema.meta).where(schema.meta.c.name == _RULES))
    connection.execute(sa.insert(schema.meta).values(name=_RULES, value=str(VERSION)))
