# SPDX-License-Identifier: GPL-3.0-or-later
"""Who vouches for a version: a signed list of an archive (dpkg), or the signature of the package itself (rpm)."""

from __future__ import annotations

import hashlib
from typing import Dict, Iterable, List, Mapping, NamedTuple, Tuple

from ..core.model import Value
from ..errors import CollectError
from ..host import Host
from . import archives, signatures
from .index import LOCAL, SIGNED, UNKNOWN, Index, Record
from .source import Entry, RpmSource

_VERSIONS = 4
"""Versions of a package remembered from lists: the one installed, and those that wait to be."""
RPM_KEYS = "/etc/pki/rpm-gpg"
KEYRING = "keyring "


class Origins(NamedTuple):
    """What is known of where packages come from."""

    records: Dict[str, Record]
    known: Dict[str, Dict[str, bytes]]
    lists: Tuple[bytes, str]
    """The mark of what was read, and why it cannot vouch for everything; empty when it can."""


def keyrings(host: Host, *, folders: Iterable[str]) -> Dict[str, Value]:
    """An item for each keyring."""
    return {f"{KEYRING}{path}": {"sha256": found} for path, found in archives.keyrings(host, folders).items()}


def believed(items: Mapping[str, Value], accepted: Mapping[str, Value]) -> List[str]:
    """The keyrings that are as accepted; before anything is accepted all of them."""
    return [
        key[len(KEYRING) :]
        for key, value in items.items()
        if key.startswith(KEYRING) and (not accepted or accepted.get(key) == value)
    ]


def fresh(entries: Iterable[Entry], before: Index, *, clock: int) -> Dict[str, Record]:
    """The record of each package, a new one where its version is new."""
    found = {}
    for entry in entries:
        old = before.records.get(entry.key)
        since = clock if before.records else 0
        kept = old is not None and old.version == entry.version
        found[entry.key] = old if old and kept else Record(entry.version, entry.lists, UNKNOWN, since)
    return found


def by_lists(host: Host, entries: List[Entry], *, before: Index, keys: List[str], clock: int) -> Origins:
    """By apt's lists, read again when they or the keys moved, or a version is new."""
    records = fresh(entries, before, clock=clock)
    mark = hashlib.blake2b(archives.mark(host) + "\n".join(keys).encode(), digest_size=16).digest()
    new = [key for key, record in records.items() if record is not before.records.get(key)]
    if not new and mark == before.lists[0]:
        return Origins(records, before.known, before.lists)
    names = {entry.key.partition(":")[0] for entry in entries}
    word = archives.read(host, names, accepted=keys)
    known = {entry.key: _merged(entry, before, word=word) for entry in entries}
    complete = not word.problems
    for entry in entries:
        record = records[entry.key]
        if record.origin != SIGNED:
            records[entry.key] = record._replace(origin=_origin(entry, record, known=known, complete=complete))
    return Origins(records, {key: versions for key, versions in known.items() if versions}, (mark, _why(word)))


def _merged(entry: Entry, before: Index, *, word: archives.Word) -> Dict[str, bytes]:
    """What lists have had of a package: the newest last."""
    versions = {**before.known.get(entry.key, {}), **word.known.get(entry.key, {})}
    kept = list(versions)[-_VERSIONS:]
    return {version: said for version, said in versions.items() if version in kept or version == entry.version}


def _origin(entry: Entry, record: Record, *, known: Mapping[str, Mapping[str, bytes]], complete: bool) -> int:
    said = known[entry.key].get(entry.version)
    if said is not None:
        # The same version, but something else said of itself: it was built by somebody else.
        return SIGNED if said == entry.essence else LOCAL
    if not complete:
        return record.origin
    # At the very first look a version may be older than the lists; one that came since would be in them.
    return LOCAL if record.since or not known[entry.key] else record.origin


def _why(word: archives.Word) -> str:
    if not word.problems:
        return ""
    more = f" and {len(word.problems) - 1} more" if len(word.problems) > 1 else ""
    return f"not every list of an archive can vouch: {word.problems[0]}{more}"


def by_signature(host: Host, entries: List[Entry], *, before: Index, source: RpmSource, keys: List[str]) -> Origins:
    """By the signature of each package whose version is new; those met at the very first look are not asked about."""
    records = fresh(entries, before, clock=before.clock)
    content, problems = archives.keys_of(host, keys)
    for key, record in records.items():
        if before.records and record is not before.records.get(key):
            problem = _unsigned(host, source, key=key, keys=content)
            records[key] = record._replace(origin=LOCAL if problem else SIGNED)
            problems += [f"{key}: {problem}"] if problem else []
    return Origins(records, {}, (b"", "; ".join(problems[:2])))


def _unsigned(host: Host, source: RpmSource, *, key: str, keys: List[bytes]) -> str:
    """Why one of a package's headers is not signed by an accepted key; empty when all are."""
    try:
        for header in source.headers(key):
            reasons = [
                signatures.problem(host, message, signature=signature, keyrings=keys)
                for signature, message in header.signed()
            ]
            if not reasons or all(reasons):
                return reasons[0] if reasons else "it is not signed"
    except (ValueError, CollectError) as exc:
        return str(exc)
    return ""
