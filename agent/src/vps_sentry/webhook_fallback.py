# SPDX-License-Identifier: GPL-3.0-or-later
"""The one forgiven mistake: a Discord webhook URL under a key of the operator's own invention."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Optional, Tuple

from .errors import ShipError
from .sinks.discord import parse_webhook


def find_discord_webhook(document: Dict[str, Any], *, known: Tuple[str, ...]) -> Tuple[Dict[str, Any], Optional[str]]:
    """The document without the unknown keys that hold a webhook URL, and that URL.

    Raises ValueError starting with ``webhook-parse-failure`` when two different URLs are found: none is used then.
    """
    holders = {key: set(_urls(value)) for key, value in document.items() if key not in known}
    found = {url for urls in holders.values() for url in urls}
    if len(found) > 1:
        keys = ", ".join(sorted(key for key, urls in holders.items() if urls))
        raise ValueError(f"webhook-parse-failure: {keys} hold different Discord webhooks; keep one, as notify.discord")
    kept = {key: value for key, value in document.items() if not holders.get(key)}
    return kept, next(iter(found), None)


def _is_webhook(text: str) -> bool:
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
