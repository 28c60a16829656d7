# SPDX-License-Identifier: GPL-3.0-or-later
"""Which fleet a store keeps, which store it is, whether its plans must be signed: once tightened, never loosened."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from .. import schema
from .._libraries import sa
from .planfile import PlanError

_FLEET, _STORE, _SIGNED, _REVIEWERS = "fleet_id", "store_id", "signed", "critical_signers"
_MADE_UP = "fleet_id_made_up"


@dataclass(frozen=True)
class Identity:
    """``signed``: once a signed plan was applied, unsigned ones are refused for good. ``critical_signers``: how many
    different people must have signed a plan that trusts something critical."""

    fleet_id: str
    store_id: str
    signed: bool
    critical_signers: int


def of(connection: sa.Connection) -> Identity:
    """The identity of the store; made up at first sight, so the connection must be one that writes."""
    found = _read(connection)
    if _FLEET not in found:
        _write(connection, _MADE_UP, "yes")
    for name, made in ((_FLEET, f"fleet-{secrets.token_hex(4)}"), (_STORE, f"store-{secrets.token_hex(4)}")):
        if name not in found:
            _write(connection, name, made)
            found[name] = made
    return Identity(found[_FLEET], found[_STORE], _SIGNED in found, int(found.get(_REVIEWERS, "1")))


def name_fleet(connection: sa.Connection, fleet_id: str) -> None:
    """The inventory's name of the fleet, or its hosts'. Raises PlanError when the store keeps another fleet.

    A name that was made up here, for want of any, gives way.
    """
    found = _read(connection)
    known = found.get(_FLEET)
    if known is None or _MADE_UP in found:
        _write(connection, _FLEET, fleet_id)
        connection.execute(sa.delete(schema.meta).where(schema.meta.c.name == _MADE_UP))
    elif known != fleet_id:
        raise PlanError(f"this store keeps the fleet {known!r}, the inventory says {fleet_id!r}; one fleet, one store")


def is_named(connection: sa.Connection) -> bool:
    """Whether somebody named the fleet of this store."""
    found = _read(connection)
    return _FLEET in found and _MADE_UP not in found


def tighten(connection: sa.Connection, *, signed: bool, critical_signers: int) -> None:
    """Signed is a ratchet, and so is the number of signers; neither is ever loosened here."""
    found = _read(connection)
    if signed and _SIGNED not in found:
        _write(connection, _SIGNED, "yes")
    if critical_signers > int(found.get(_REVIEWERS, "1")):
        _write(connection, _REVIEWERS, str(critical_signers))


def _read(connection: sa.Connection) -> dict[str, str]:
    return {row.name: row.value for row in connection.execute(sa.select(schema.meta.c.name, schema.meta.c.value))}


def _write(connection: sa.Connection, name: str, value: str) -> None:
    connection.execute(sa.delete(schema.meta).where(schema.meta.c.name == name))
    connection.execute(sa.insert(schema.meta), {"name": name, "value": value})
