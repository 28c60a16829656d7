# SPDX-License-Identifier: GPL-3.0-or-later
"""One configuration out of the layers of an inventory: they add up, and ``vps_sentry_config`` has the last word."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

LAST_WORD = "vps_sentry_config"
PREFIX = f"{LAST_WORD}_"
FLEET_ID = "vps_sentry_fleet_id"

Document = Dict[str, Any]
_Owners = Dict[Tuple[str, ...], str]


class LayerError(ValueError):
    """Two layers cannot be one configuration; the message names the variables and the place, never a value."""


def is_layer(name: str) -> bool:
    """Whether the variable ``name`` is part of a host's configuration."""
    return name in (LAST_WORD, FLEET_ID) or name.startswith(PREFIX)


def compose(variables: Mapping[str, Any]) -> Optional[Document]:
    """What ``/etc/vps-sentry.json`` shall hold, or None when no variable speaks of it.

    ``variables`` are the host's layers by name. Objects are merged and lists add up, whatever the order. Layers that
    give one option different values are refused, except that ``vps_sentry_config`` decides. Raises LayerError.
    """
    merged: Document = {}
    owners: _Owners = {}
    layers = sorted(name for name in variables if name.startswith(PREFIX))
    for name in [*layers, *([LAST_WORD] if LAST_WORD in variables else [])]:
        if not isinstance(variables[name], dict):
            raise LayerError(f"{name}: must be a dictionary that looks like /etc/vps-sentry.json")
        _merge(merged, variables[name], name=name, owners=owners)
    fleet = variables.get(FLEET_ID)
    if fleet is not None:
        _merge(merged, {"accept": {"fleet_id": fleet}}, name=FLEET_ID, owners=owners)
        layers.append(FLEET_ID)
    return merged if layers or LAST_WORD in variables else None


def _merge(target: Document, layer: Document, *, name: str, owners: _Owners, place: Tuple[str, ...] = ()) -> None:
    for key, value in layer.items():
        here = (*place, str(key))
        there = target.get(key)
        if isinstance(value, dict) and isinstance(there, dict):
            _merge(there, value, name=name, owners=owners, place=here)
        elif isinstance(value, list) and isinstance(there, list):
            target[key] = _added(there, value)
        elif key in target and there != value and name != LAST_WORD:
            path, others = ".".join(here), _owners_of(owners, here)
            raise LayerError(f"{path}: {others} and {name} say different things; let {LAST_WORD} of the host decide")
        else:
            target[key] = _copied(value)
            owners.setdefault(here, name)


def _owners_of(owners: _Owners, place: Tuple[str, ...]) -> str:
    """The layer that spoke first of ``place``, of something below it, or of what it lies in."""
    found = [name for known, name in owners.items() if known[: len(place)] == place[: len(known)]]
    return found[0] if found else "another layer"


def _added(there: List[Any], more: Iterable[Any]) -> List[Any]:
    result = list(there)
    result.extend(entry for entry in more if entry not in result)
    return result


def _copied(value: Any) -> Any:
    """Layers of one group are the same objects on many hosts."""
    if isinstance(value, dict):
        return {key: _copied(entry) for key, entry in value.items()}
    return [_copied(entry) for entry in value] if isinstance(value, list) else value
