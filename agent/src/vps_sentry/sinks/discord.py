# SPDX-License-Identifier: GPL-3.0-or-later
"""Alerts as one message with embeds to a Discord webhook."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Sequence, Tuple

from ..core import canonical
from ..core.model import Alert
from ..errors import ShipError
from . import Message, Sink, Transport
from ._http import Part, Post, multipart, one_of, post
from ._text import STATES, attachment_name, clip, counts, printable, width

CONTENT_LIMIT = 2000
TITLE_LIMIT = 256
EMBEDS_LIMIT = 10
EMBEDS_TOTAL = 6000
"""Over titles, descriptions and footers of all embeds; the limits are those of Discord's message resource."""
DESCRIPTION_LIMIT = 4096
DESCRIPTION_SHARE = 1200
"""What one of several alerts may take, so that a long one does not push the others out."""
FOOTER_LIMIT = 300
_COLOURS = {"critical": 0xC62828, "warning": 0xEF6C00, "info": 0x1565C0}
_RESOLVED = 0x2E7D32
_WEBHOOK = re.compile(
    r"https://(?:ptb\.|canary\.)?discord\.com/api/(?:v[0-9]{1,2}/)?webhooks/[0-9]{1,32}/[A-Za-z0-9_-]{1,128}"
    r"|https://discordapp\.com/api/(?:v[0-9]{1,2}/)?webhooks/[0-9]{1,32}/[A-Za-z0-9_-]{1,128}",
    re.ASCII,
)


@dataclass(frozen=True)
class Options:
    """``notify.discord``."""

    webhook_url: Optional[str] = field(default=None, repr=False)
    webhook_url_file: Optional[str] = None


def parse_webhook(url: str) -> str:
    """The URL messages are posted to. Raises ShipError unless ``url`` is exactly a Discord webhook's."""
    if not _WEBHOOK.fullmatch(url):
        raise ShipError(
            "webhook-parse-failure",
            "the Discord webhook URL is not exactly https://discord.com/api/webhooks/ID/TOKEN; "
            "copy it again from the channel's settings, Integrations, Webhooks",
        )
    return f"{url}?wait=true"


def validate(options: Options) -> None:
    """Raises ValueError unless there is exactly one URL, and a right one as far as can be seen."""
    one_of({"webhook_url": options.webhook_url, "webhook_url_file": options.webhook_url_file})
    if options.webhook_url:
        try:
            parse_webhook(options.webhook_url)
        except ShipError as exc:
            raise ValueError(f"{exc.reason}: {exc}") from exc


def payload(message: Message) -> Dict[str, Any]:
    """The message as Discord's JSON: a summary, and an embed for each alert that fits."""
    embeds = _embeds(message.alerts)
    rest = len(message.alerts) - len(embeds) + message.left_out
    lines = [_summary(message)]
    if message.note:
        lines.append(clip(message.note, CONTENT_LIMIT // 2, where=" in the attached file"))
    if rest:
        # Alerts beyond the attachment's 8 MiB are only on the host.
        place = "in the attached file" if not message.left_out else f"on the host ({message.left_out} not attached)"
        lines.append(f"… and {rest} more {place}")
    return {"content": "\n".join(lines), "embeds": embeds, "allowed_mentions": {"parse": []}}


def _summary(message: Message) -> str:
    test = "TEST, nothing happened: " if message.test else ""
    host = clip(message.host, 300)
    return f"{test}**{host}** · {counts(message.alerts)} · {clip(message.time, 60)}"


def _embeds(alerts: Sequence[Alert]) -> List[Dict[str, Any]]:
    found: List[Dict[str, Any]] = []
    room = EMBEDS_TOTAL
    share = DESCRIPTION_LIMIT if len(alerts) == 1 else DESCRIPTION_SHARE
    for alert in alerts[:EMBEDS_LIMIT]:
        embed = _embed(alert, share)
        room -= width(embed["title"]) + width(embed["description"]) + width(embed["footer"]["text"])
        if room < 0:
            break
        found.append(embed)
    return found


def _embed(alert: Alert, share: int) -> Dict[str, Any]:
    prefix = f"{alert.severity.upper()}{STATES[alert.state]}: "
    return {
        "title": prefix + clip(alert.title, TITLE_LIMIT - len(prefix)),
        "description": clip(alert.detail, share, where=" in the attached file"),
        "color": _RESOLVED if alert.state == "resolved" else _COLOURS[alert.severity],
        "footer": {"text": clip(f"{alert.check} · {alert.key} · {alert.id}", FOOTER_LIMIT, escape=printable)},
    }


def body(message: Message) -> Tuple[bytes, str]:
    """Body and content type of the request: the payload and the attachment as multipart/form-data."""
    name = attachment_name(message)
    parts = [Part("payload_json", canonical.dumps(payload(message))), Part("files[0]", message.attachment, name)]
    return multipart(parts, boundary=f"vps-sentry-{message.id}")


def send(message: Message, options: Options, *, transport: Transport) -> None:
    """POST the message. Raises ShipError."""
    url = parse_webhook(options.webhook_url or transport.read_secret(options.webhook_url_file or ""))
    content, kind = body(message)
    post(Post(url, content, {"Content-Type": kind}), transport)


SINK = Sink(
    name="discord",
    about="A message with embeds and the report attached, to a Discord webhook.",
    options=Options,
    validate=validate,
    send=send,
)
