# SPDX-License-Identifier: GPL-3.0-or-later
"""The one forgiven mistake: a Discord webhook URL under a key of the operator's own invention."""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, Iterator, List, Optional, Tuple

from .errors import ShipError

Section = Tuple[Dict[str, Any], FrozenSet[str]]
"""An object of the configuration, and the keys that are known in it."""


def find_discord_webhook(sections: List[Section], *, preferred: bool) -> Optional[str]:
    """Take the unknown keys that hold a webhook URL out of ``sections``, and return that URL.

    With ``preferred`` (one stands where it belongs) none is returned. Raises ValueError starting with
    ``webhook-parse-failure`` when two different URLs are found: none is used then.
    """
    found: Dict[str, List[str]] = {}
    for section, known in sections:
        for key in [key for key in section if key not in known]:
            urls = set(_urls(section[key]))
            if urls:
                del section[key]
                for url in urls:
                    found.setdefault(url, []).append(key)
    if preferred:
        return None
    if len(found) > 1:
        keys = ", ".join(sorted({key for keys in found.values() for key in keys}))
        raise ValueError(f"webhook-parse-failure: {keys} hold different Discord webhooks; keep one, as notify.discord")
    return next(iter(found), None)


def _is_webhook(text: str) -> bool:
    # Nearly no configuration has an unknown key; none should pay for the sink it might name.
    from .sinks.discord import parse_webhook

    try:
        return bool(parse_webhook(text))
    except ShipError:
        return False


def _urls(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if _is_webhook(value):
            yield value
    elif isinstance(value, dict):
        for entry in value.values():
            yield from _urls(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _urls(entry)
