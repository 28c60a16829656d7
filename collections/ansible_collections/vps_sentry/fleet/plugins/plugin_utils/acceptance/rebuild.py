# SPDX-License-Identifier: GPL-3.0-or-later
"""A store that was lost, made whole from its audit log: what hosts were asked, what came of it, and the log itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Dict, List, Optional, Tuple

from .. import schema, trust_store
from .._libraries import sa
from ..core import canonical
from . import chain, ledger, log, signing
from .chain import Entry
from .planfile import PlanError
from .signing import Signers

_LOST = "its order was lost with the store; make a new plan"
_Asked = Dict[Tuple[str, str], "_Part"]


@dataclass(frozen=True)
class _Part:
    """What one host was asked by one plan, and the last word about it."""

    begun: Entry
    sequence: int
    digest: str
    state: str = "pending"
    reason: str = ""


def rebuild(connection: sa.Connection, entries: List[Entry], *, signers: Optional[Signers] = None) -> Tuple[int, int]:
    """Take in a log whose store is gone; how many entries and acceptances that added. Collect the hosts before.

    The record of a host becomes what it was shown to hold last, so that what happened meanwhile is doubted. Raises
    PlanError when the chain is broken, a plan of a signed fleet is not signed, or this store has another log.
    """
    problem = next(chain.breaks(entries), None)
    if problem is not None:
        raise PlanError(f"this log is not whole: {problem}")
    known = log.heads(connection)
    if known != [entry.head for entry in entries[: len(known)]]:
        raise PlanError("this store has a log of its own that is not the beginning of that one; use a new store")
    new = entries[len(known) :]
    if signers is not None:
        _refuse_unsigned(new, signers)
    for entry in new:
        log.restore(connection, entry)
    asked = _asked(new)
    ids = ledger.host_ids(connection)
    rows = [_row(place, part, ids[place[1]]) for place, part in sorted(asked.items()) if place[1] in ids]
    if rows:
        connection.execute(sa.insert(schema.acceptance), rows)
    for name, part in _last_shown(asked).items():
        if name in ids and trust_store.record_of(connection, ids[name]) is not None:
            told = {"how": "reviewed", "since": part.begun.at, "by": part.begun.who, "reason": part.reason}
            trust_store.follow(connection, ids[name], row={"sequence": part.sequence, "digest": part.digest, **told})
    return len(new), len(rows)


def _refuse_unsigned(entries: List[Entry], signers: Signers) -> None:
    for entry in entries:
        if entry.what == "applying":
            message = canonical.dumps(entry.detail.get("manifest"))
            text = entry.detail.get("signature") or ""
            if not signing.principals(message, text, signers=signers, at=entry.at):
                raise PlanError(f"entry {entry.n}: plan {entry.plan_id} carries no signature of {signers.allowed}")


def _asked(entries: List[Entry]) -> _Asked:
    found: _Asked = {}
    for entry in entries:
        if entry.what == "applying":
            for name, (sequence, digest) in entry.detail.get("hosts", {}).items():
                found[entry.plan_id, name] = _Part(entry, sequence, digest)
        place = (entry.plan_id, str(entry.detail.get("host")))
        if place in found:
            found[place] = replace(found[place], state=entry.what, reason=str(entry.detail.get("reason", "")))
    return found


def _last_shown(asked: _Asked) -> Dict[str, _Part]:
    shown: Dict[str, _Part] = {}
    for (_plan, name), part in asked.items():
        if part.state == "active" and (name not in shown or part.sequence > shown[name].sequence):
            shown[name] = part
    return shown


def _row(place: Tuple[str, str], part: _Part, host: int) -> Dict[str, Any]:
    manifest = part.begun.detail.get("manifest") or {}
    lost = part.state == "pending"
    return {
        "host": host,
        "plan_id": place[0],
        "state": "expired" if lost else part.state,
        "reason": _LOST if lost else part.reason,
        "sequence": part.sequence,
        "digest": part.digest,
        "by": part.begun.who,
        "why": str(part.begun.detail.get("reason", "")),
        "canary": False,
        "order": "{}",
        "expires": manifest.get("expires", part.begun.at),
        "created_at": part.begun.at,
        "changed_at": part.begun.at,
    }
