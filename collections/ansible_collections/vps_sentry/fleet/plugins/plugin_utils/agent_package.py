# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent this collection installs, asked on the controller what it thinks of a configuration.

pydantic validates the very dataclasses of the agent's checks and sinks and names every mistake at once; then the
agent's own reader judges what types cannot say, with the words it would use on the host.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import sys
import typing
from pathlib import Path
from types import ModuleType
from typing import Any, Dict, Iterator, List, Mapping

from ._libraries import pydantic, require

SOURCES = Path(__file__).resolve().parents[2] / "roles/agent/files/agent/src/vps_sentry"
# Never the name under which another copy of the agent could be imported.
_NAME = "_vps_sentry_of_this_collection"
_SHOWN = 20


class ConfigurationError(ValueError):
    """The agent could not use a configuration; the message names every place, never a value."""


class Agent:
    """The rooms of the agent that know what a configuration may hold."""

    def __init__(self, sources: Path = SOURCES) -> None:
        require()
        package = _load(sources)
        self._config = _part(package, "config")
        self._shapes = {
            "checks": {name: check.options for name, check in _part(package, "checks").discover().items()},
            "notify": {name: sink.options for name, sink in _part(package, "sinks").discover().items()},
        }

    def check(self, document: Mapping[str, Any]) -> List[str]:
        """Warnings about a configuration. Raises ConfigurationError with all that is wrong."""
        mistakes = [line for part, shapes in self._shapes.items() for line in _mistakes(document, part, shapes)]
        if mistakes:
            more = f"; and {len(mistakes) - _SHOWN} more" if len(mistakes) > _SHOWN else ""
            raise ConfigurationError("; ".join(mistakes[:_SHOWN]) + more)
        try:
            data = json.dumps(document).encode("ascii")
            return list(self._config.parse(data, path="vps_sentry_config").warnings)
        except ValueError as exc:
            raise ConfigurationError(str(exc)) from exc
        except self._config.ConfigError as exc:
            said = str(exc).partition("; correct it, then run: ")[0]
            raise ConfigurationError(said.replace("vps_sentry_config: ", "", 1)) from exc


def _load(sources: Path) -> ModuleType:
    if _NAME in sys.modules:
        return sys.modules[_NAME]
    spec = importlib.util.spec_from_file_location(
        _NAME, sources / "__init__.py", submodule_search_locations=[str(sources)]
    )
    if spec is None or spec.loader is None:
        raise ConfigurationError(f"{sources} holds no agent")
    package = importlib.util.module_from_spec(spec)
    sys.modules[_NAME] = package
    # The sources may be links into a checkout, or belong to root: nothing is written beside them.
    keep, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(package)
        for part in ("config", "checks", "sinks"):
            for module in _discovered(importlib.import_module(f"{_NAME}.{part}")):
                _make_strict(module)
    finally:
        sys.dont_write_bytecode = keep
    return package


def _part(package: ModuleType, name: str) -> Any:
    return importlib.import_module(f"{package.__name__}.{name}")


def _discovered(room: Any) -> Iterator[type]:
    rooms = room.discover().values() if hasattr(room, "discover") else ()
    return (entry.options for entry in rooms)


def _make_strict(kind: Any) -> None:
    """Make pydantic as strict about ``kind`` and what it holds as the agent's own reader is."""
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        if "__pydantic_config__" not in vars(kind):
            keys = {field.name: field.metadata.get("key", field.name) for field in dataclasses.fields(kind)}
            settings = {"extra": "forbid", "strict": True, "alias_generator": keys.__getitem__}
            kind.__pydantic_config__ = settings  # type: ignore[attr-defined]
        for inner in typing.get_type_hints(kind).values():
            _make_strict(inner)
    for inner in typing.get_args(kind):
        _make_strict(inner)


def _mistakes(document: Mapping[str, Any], part: str, shapes: Dict[str, type]) -> Iterator[str]:
    section = document.get(part)
    for name, value in section.items() if isinstance(section, dict) else ():
        # Nothing set is no sink, and a name that is none the agent itself refuses, naming those it knows.
        if name not in shapes or (part == "notify" and not (isinstance(value, dict) and any(value.values()))):
            continue
        try:
            pydantic.TypeAdapter(shapes[name]).validate_json(json.dumps(value))
        except pydantic.ValidationError as exc:
            # Not the input: it may be a secret.
            for error in exc.errors(include_input=False, include_url=False, include_context=False):
                place = ".".join([part, name, *_place(error["loc"])])
                yield f"{place}: {_plain(error['msg'])}"


def _place(location: Any) -> Iterator[str]:
    """Where it is, without pydantic's names for the branches of a union."""
    return (str(step) for step in location if isinstance(step, int) or str(step).isidentifier())


def _plain(message: str) -> str:
    message = message.replace("Unexpected keyword argument", "Unknown key")
    return message[:1].lower() + message[1:]
