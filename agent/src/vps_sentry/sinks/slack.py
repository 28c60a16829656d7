# SPDX-License-Identifier: GPL-3.0-or-later
"""Alerts as one message with a coloured block each, to a Slack incoming webhook."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Sequence

from ..core import canonical
from ..core.model import Alert
from ..errors import ShipError
from . import Message, Sink, Transport
from ._http import Post, one_of, post
from ._text import STATES, clip, headline, printable

TEXT_LIMIT = 3000
"""Of the text of a section; the limits are those of Slack's Block Kit reference."""
ALERTS_LIMIT = 10
"""Attachments of one message; Slack advises against more than twenty."""
DETAIL_SHARE = 1200
"""What one of several alerts may take, so that a message stays readable."""
FOOTER_LIMIT = 300
_WHERE = " on the host"
_COLOURS = {"critical": "#c62828", "warning": "#ef6c00", "info": "#1565c0"}
_RESOLVED = "#2e7d32"
_WEBHOOK = re.compile(
    r"https://hooks\.slack(?:-gov)?\.com/services/[A-Z0-9]{1,32}/[A-Z0-9]{1,32}/[A-Za-z0-9]{1,64}", re.ASCII
)


@dataclass(frozen=True)
class Options:
    """``notify.slack``."""

    webhook_url: Optional[str] = field(default=None, repr=False)
    webhook_url_file: Optional[str] = None


def parse_webhook(url: str) -> str:
    """The URL. Raises ShipError unless it is exactly that of a Slack incoming webhook."""
    if not _WEBHOOK.fullmatch(url):
        raise ShipError(
            "webhook-parse-failure",
            "the Slack webhook URL is not exactly https://hooks.slack.com/services/T.../B.../TOKEN; "
            "copy it again from the app's settings, Incoming Webhooks",
        )
    return url


def validate(options: Options) -> None:
    """Raises ValueError unless there is exactly one URL, and a right one as far as can be seen."""
    one_of({"webhook_url": options.webhook_url, "webhook_url_file": options.webhook_url_file})
    if options.webhook_url:
        try:
            parse_webhook(options.webhook_url)
        except ShipError as exc:
            raise ValueError(f"{exc.reason}: {exc}") from exc


def escaped(text: str) -> str:
    """``text`` without what Slack takes for control: ``&``, ``<`` and ``>``, which begin mentions and links."""
    return printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def payload(message: Message) -> Dict[str, Any]:
    """The message as Slack's JSON. All texts are ``plain_text``: no style, link, mention or emoji comes of them."""
    alerts = message.alerts[:ALERTS_LIMIT]
    rest = len(message.alerts) - len(alerts) + message.left_out
    lines = [f"{escaped(headline(message))} · {clip(message.time, 60, escape=escaped)}"]
    if message.note:
        lines.append(clip(message.note, TEXT_LIMIT // 2, where=_WHERE, escape=escaped))
    if rest:
        lines.append(f"… and {rest} more{_WHERE}")
    return {
        # What a notification and a screen reader show.
        "text": lines[0],
        "mrkdwn": False,
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": [_section("\n".join(lines))],
        "attachments": _attachments(alerts),
    }


def _attachments(alerts: Sequence[Alert]) -> List[Dict[str, Any]]:
    share = TEXT_LIMIT - 600 if len(alerts) == 1 else DETAIL_SHARE
    return [_attachment(alert, share) for alert in alerts]


def _attachment(alert: Alert, share: int) -> Dict[str, Any]:
    title = f"{alert.severity.upper()}{STATES[alert.state]}: {clip(alert.title, 300, escape=escaped)}"
    detail = clip(alert.detail, share, where=_WHERE, escape=escaped)
    footer = clip(f"{alert.check} · {alert.key} · {alert.id}", FOOTER_LIMIT, escape=escaped)
    colour = _RESOLVED if alert.state == "resolved" else _COLOURS[alert.severity]
    context = {"type": "context", "elements": [_plain(footer)]}
    return {"color": colour, "fallback": title, "blocks": [_section(f"{title}\n{detail}"), context]}


def _section(text: str) -> Dict[str, Any]:
    return {"type": "section", "text": _plain(text)}


def _plain(text: str) -> Dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def send(message: Message, options: Options, *, transport: Transport) -> None:
    """POST the message. Raises ShipError."""
    url = parse_webhook(options.webhook_url or transport.read_secret(options.webhook_url_file or ""))
    post(Post(url, canonical.dumps(payload(message)), {"Content-Type": "application/json"}), transport)


SINK = Sink(
    name="slack",
    about="A message with a coloured block per alert, to a Slack incoming webhook.",
    options=Options,
    validate=validate,
    send=send,
)
