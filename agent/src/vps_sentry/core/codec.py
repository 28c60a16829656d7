# SPDX-License-Identifier: GPL-3.0-or-later
"""Strict JSON <-> frozen dataclasses: an unknown key or a wrong type is an error naming its path."""

from __future__ import annotations

import dataclasses
import functools
import typing
from typing import Any, Dict, Optional, Type, TypeVar

T = TypeVar("T")
_NONE = type(None)


class CodecError(ValueError):
    """What stands at ``path`` is not what the type asks for."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


def decode(kind: Type[T], value: Any, *, path: str = "$") -> T:
    """``value`` (parsed JSON) as a ``kind``. Raises CodecError naming the path of the first defect."""
    return typing.cast(T, _decode(kind, value, path))


def encode(value: Any) -> Any:
    """A dataclass tree as plain JSON values; tuples become lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {key_of(field): encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, (list, tuple)):
        # Nearly all entries there are digests, and a call for each would be most of the cost.
        return [entry if type(entry) is str else encode(entry) for entry in value]
    if isinstance(value, dict):
        return {key: encode(entry) for key, entry in value.items()}
    return value


def _decode(kind: Any, value: Any, path: str) -> Any:
    if kind is Any:
        return value
    origin = typing.get_origin(kind)
    if origin is typing.Union:
        return _decode_union(typing.get_args(kind), value, path)
    if origin is typing.Literal:
        return _decode_literal(typing.get_args(kind), value, path)
    if origin in (list, tuple):
        return _decode_sequence(kind, value, path)
    if origin is dict:
        return _decode_dict(typing.get_args(kind)[1], value, path)
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(kind, value, path)
    if type(value) is not kind:
        raise CodecError(path, f"expected {_name(kind)}, found {_found(value)}")
    return value


def _decode_union(kinds: Any, value: Any, path: str) -> Any:
    if value is None and _NONE in kinds:
        return None
    errors = []
    for kind in kinds:
        if kind is _NONE:
            continue
        try:
            return _decode(kind, value, path)
        except CodecError as exc:
            errors.append(exc)
    # The error from deepest inside the value is the alternative that fitted best.
    deepest = max(errors, key=lambda error: len(error.path))
    if deepest.path != path or len(errors) == 1:
        raise deepest
    names = " or ".join(_name(kind) for kind in kinds if kind is not _NONE)
    raise CodecError(path, f"expected {names}, found {_found(value)}")


def _decode_literal(choices: Any, value: Any, path: str) -> Any:
    if type(value) is str and value in choices:
        return value
    raise CodecError(path, f"expected one of {', '.join(choices)}, found {_found(value)}")


def _decode_sequence(kind: Any, value: Any, path: str) -> Any:
    if type(value) is not list:
        raise CodecError(path, f"expected a list, found {_found(value)}")
    args = typing.get_args(kind)
    if typing.get_origin(kind) is list or args[1:] == (Ellipsis,):
        entries = [_decode(args[0], entry, f"{path}[{i}]") for i, entry in enumerate(value)]
    elif len(args) != len(value):
        raise CodecError(path, f"expected {len(args)} entries, found {len(value)}")
    else:
        entries = [_decode(arg, entry, f"{path}[{i}]") for i, (arg, entry) in enumerate(zip(args, value))]
    return entries if typing.get_origin(kind) is list else tuple(entries)


def _decode_dict(kind: Any, value: Any, path: str) -> Any:
    if type(value) is not dict:
        raise CodecError(path, f"expected an object, found {_found(value)}")
    if kind is Any:
        return value
    return {key: _decode(kind, entry, f"{path}.{key}") for key, entry in value.items()}


def _decode_dataclass(kind: Any, value: Any, path: str) -> Any:
    if type(value) is not dict:
        raise CodecError(path, f"expected an object, found {_found(value)}")
    hints = field_types(kind)
    for key in value:
        if key not in hints:
            raise CodecError(f"{path}.{key}", f"unknown key; known here: {', '.join(sorted(hints))}")
    found = {}
    for field in dataclasses.fields(kind):
        key = key_of(field)
        if key in value:
            found[field.name] = _decode(hints[key], value[key], f"{path}.{key}")
        elif not _has_default(field):
            raise CodecError(f"{path}.{key}", "missing")
    return kind(**found)


@functools.cache
def field_types(kind: Any) -> Dict[str, Any]:
    """The resolved type of each field of a dataclass, by its key in JSON."""
    hints = typing.get_type_hints(kind)
    return {key_of(field): hints[field.name] for field in dataclasses.fields(kind)}


def key_of(field: dataclasses.Field[Any]) -> str:
    """A field's key in JSON: its name, or the metadata ``key`` where the name would be a word of Python."""
    return str(field.metadata.get("key", field.name))


def _has_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def _name(kind: Any) -> str:
    names = {str: "text", int: "a whole number", bool: "true or false", dict: "an object"}
    if typing.get_origin(kind) in (list, tuple):
        return "a list"
    if typing.get_origin(kind) is dict or dataclasses.is_dataclass(kind):
        return "an object"
    return names.get(kind, getattr(kind, "__name__", str(kind)))


def _found(value: Optional[Any]) -> str:
    return f"{type(value).__name__} {str(value)[:60]!r}"
