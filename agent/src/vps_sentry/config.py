# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes of ``/etc/vps-sentry.json`` -> Config. Every key is optional, an unknown one is an error naming its path."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field, replace
from typing import Any, Dict, Iterator, Literal, Mapping, Optional, Tuple, cast

from . import checks as check_room
from . import sinks as sink_room
from .core import canonical, codec, digest
from .core.model import Severity
from .core.units import duration
from .errors import ConfigError
from .sinks import _heartbeat
from .sinks._heartbeat import Heartbeat
from .webhook_fallback import find_discord_webhook

DEFAULT_PATH = "/etc/vps-sentry.json"
LAST_GOOD, ACCEPTED = "config.last-good", "config.accepted"
"""State files: the last configuration that could be used, and the last one whose items were accepted."""
_TOP = frozenset({"checks", "notify", "accept", "remind_after"})
_FIXED_NOTIFY = ("min_severity", "mode", "proxy", "heartbeat")


@dataclass(frozen=True)
class Delivery:
    """The part of ``notify`` that is the same whatever the sinks are."""

    min_severity: Severity = "warning"
    mode: Literal["all", "critical", "controller"] = "all"
    proxy: str = ""
    heartbeat: Optional[Heartbeat] = None


@dataclass(frozen=True)
class Notify:
    """What is shipped, and where to. ``sinks`` holds the options of each configured sink by name."""

    delivery: Delivery = field(default_factory=Delivery)
    sinks: Mapping[str, Any] = field(default_factory=dict)

    @property
    def min_severity(self) -> Severity:
        """``mode: critical`` raises the bar whatever ``min_severity`` says."""
        return "critical" if self.delivery.mode == "critical" else self.delivery.min_severity


@dataclass(frozen=True)
class Accept:
    """A managed host: its fleet, and in signed mode whose signatures count (docs/adr/0021-managed-hosts.md)."""

    fleet_id: str
    allowed_signers: Optional[str] = None
    """With it a local acceptance is only a proposal."""
    cohort: Optional[str] = None
    """Whose signed profile this host may accept while it has no baseline; without it none."""


@dataclass(frozen=True)
class Config:
    """The effective configuration. ``checks`` holds the options of every check by name."""

    checks: Mapping[str, Any]
    notify: Notify = field(default_factory=Notify)
    accept: Optional[Accept] = None
    remind_after: str = "24h"
    warnings: Tuple[str, ...] = ()

    @property
    def managed(self) -> bool:
        """Whether a controller knows this host, so that what is true of every new host is told there, once."""
        return self.accept is not None

    @property
    def signed(self) -> bool:
        """Whether only a signed acceptance counts."""
        return self.accept is not None and self.accept.allowed_signers is not None

    @property
    def remind_seconds(self) -> int:
        """``remind_after`` in seconds."""
        return duration(self.remind_after)


def default() -> Config:
    """What holds without any file: every check with its defaults, no sink."""
    return Config(checks=_CheckOptions({}, DEFAULT_PATH))


def parse(data: bytes, *, path: str = DEFAULT_PATH, known: bool = False) -> Config:
    """The configuration in ``data``. Raises ConfigError naming file, key and remedy.

    ``known``: this release has parsed it before, so the options of a check may wait until somebody asks for them.
    """
    try:
        document = canonical.loads(data)
        if type(document) is not dict:
            raise codec.CodecError("$", "expected an object")
        found = _decode(document, path)
        return found if known else replace(found, checks=dict(found.checks))
    except (codec.CodecError, canonical.CanonicalError, ValueError) as exc:
        raise _wrong(path, exc) from exc


def _wrong(path: str, error: Exception) -> ConfigError:
    plain = str(error).replace("$.", "", 1)
    return ConfigError(f"{path}: {plain}; correct it, then run: vps-sentry check-config {path}")


def _decode(document: Dict[str, Any], path: str) -> Config:
    notify = document.get("notify", {})
    if type(notify) is not dict:
        raise codec.CodecError("$.notify", "expected an object")
    sinks = frozenset(sink_room.discover())
    sections = [(document, _TOP), (notify, frozenset(_FIXED_NOTIFY) | sinks)]
    fallback = find_discord_webhook(sections, preferred=bool(notify.get("discord")))
    for key in document:
        if key not in _TOP:
            raise codec.CodecError(f"$.{key}", f"unknown key; known here: {', '.join(sorted(_TOP))}")
    accept, remind_after = document.get("accept"), document.get("remind_after", "24h")
    found = Config(
        checks=_CheckOptions(document.get("checks", {}), path),
        notify=_notify(notify, fallback),
        accept=codec.decode(Accept, accept, path="$.accept") if accept is not None else None,
        remind_after=codec.decode(str, remind_after, path="$.remind_after"),
    )
    duration(found.remind_after)
    warnings = ("move the Discord webhook to notify.discord.webhook_url",) if fallback else ()
    return replace(found, warnings=warnings)


def _notify(section: Dict[str, Any], fallback: Optional[str]) -> Notify:
    delivery = {key: section[key] for key in _FIXED_NOTIFY if key in section}
    sinks = {key: section[key] for key in section if key not in _FIXED_NOTIFY}
    if fallback and "discord" not in sinks:
        sinks["discord"] = {"webhook_url": fallback}
    # A sink of which nothing is set, as the example shows them, is none.
    known = sink_room.discover()
    sinks = {name: value for name, value in sinks.items() if name not in known or _is_set(value, known[name].options)}
    decoded = codec.decode(Delivery, delivery, path="$.notify")
    if decoded.heartbeat:
        _validate(_heartbeat, decoded.heartbeat, "$.notify.heartbeat")
    return Notify(
        delivery=decoded,
        sinks=_sections(sinks, known, "$.notify"),
    )


def _is_set(section: Any, kind: Any) -> bool:
    blank = codec.encode(_blank(kind))
    return type(section) is not dict or any(value and value != blank.get(key) for key, value in section.items())


def _sections(section: Any, rooms: Mapping[str, Any], path: str) -> Dict[str, Any]:
    """One options object for each key of ``section``; ``rooms`` are the checks or the sinks by name."""
    _refuse_unknown(section, rooms, path)
    return {name: _options(value, rooms[name], f"{path}.{name}") for name, value in section.items()}


def _refuse_unknown(section: Any, rooms: Mapping[str, Any], path: str) -> None:
    if type(section) is not dict:
        raise codec.CodecError(path, "expected an object")
    for name in section:
        if name not in rooms:
            raise codec.CodecError(f"{path}.{name}", f"unknown key; known here: {', '.join(sorted(rooms))}")


def _options(section: Any, room: Any, path: str) -> Any:
    found = codec.decode(room.options, section, path=path)
    _validate(room, found, path)
    return found


def _validate(room: Any, options: Any, path: str) -> None:
    if room.validate is None:
        return
    try:
        room.validate(options)
    except ValueError as exc:
        raise codec.CodecError(path, str(exc)) from exc


class _CheckOptions(Mapping[str, Any]):
    """The options of every check, decoded when they are asked for: that imports the check, which few ticks need."""

    def __init__(self, section: Any, path: str) -> None:
        self._section, self._path, self._checks = section, path, check_room.discover()
        self._found: Dict[str, Any] = {}
        _refuse_unknown(section, self._checks, "$.checks")

    def __getitem__(self, name: str) -> Any:
        if name not in self._found:
            try:
                self._found[name] = _options(self._section.get(name, {}), self._checks[name], f"$.checks.{name}")
            except codec.CodecError as exc:
                raise _wrong(self._path, exc) from exc
        return self._found[name]

    def __contains__(self, name: object) -> bool:
        return name in self._checks

    def __iter__(self) -> Iterator[str]:
        return iter(self._checks)

    def __len__(self) -> int:
        return len(self._checks)


def effective(config: Config) -> Dict[str, Any]:
    """The whole configuration as it acts, secrets replaced by a digest: for display and for comparing."""
    return {
        "accept": codec.encode(config.accept),
        "checks": {name: codec.encode(options) for name, options in config.checks.items()},
        "notify": {
            **_masked_delivery(config.notify.delivery),
            **{name: _masked(options) for name, options in config.notify.sinks.items()},
        },
        "remind_after": config.remind_after,
    }


def _masked_delivery(delivery: Delivery) -> Dict[str, Any]:
    plain = cast(Dict[str, Any], codec.encode(delivery))
    beat = delivery.heartbeat and _masked(delivery.heartbeat)
    return {**plain, "proxy": delivery.proxy and _digest(delivery.proxy), "heartbeat": beat}


def _digest(secret: str) -> str:
    return f"({digest.digest(secret)[:19]})"


def _masked(options: Any) -> Dict[str, Any]:
    """A field that ``repr`` does not show is a secret; there is no second list of them."""
    plain = cast(Dict[str, Any], codec.encode(options))
    secret = {codec.key_of(entry) for entry in dataclasses.fields(options) if not entry.repr}
    return {key: _digest(value) if key in secret and value else value for key, value in plain.items()}


def example() -> Dict[str, Any]:
    """Every option with its default, as JSON values: what ``config example`` prints."""
    sinks = {name: codec.encode(_blank(sink.options)) for name, sink in sink_room.discover().items()}
    shown = {name: check.example for name, check in check_room.discover().items() if check.example is not None}
    usual = default()
    plain = effective(replace(usual, checks={**usual.checks, **shown}))
    return {**plain, "notify": {**plain["notify"], **sinks}}


def _blank(kind: Any) -> Any:
    missing = {entry.name: "" for entry in dataclasses.fields(kind) if entry.default is dataclasses.MISSING}
    return kind(**missing)
