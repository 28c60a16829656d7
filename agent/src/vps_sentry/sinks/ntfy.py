# SPDX-License-Identifier: GPL-3.0-or-later
"""Alerts as push messages through an ntfy server, public or one's own."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import Any, Dict, Optional

from ..core import canonical
from ..errors import ShipError
from . import Message, Sink, Transport
from ._http import Post, host_of, one_of, post
from ._text import attachment_name, clip, headline, listing, one_line

MESSAGE_LIMIT = 4096
"""Bytes: what is longer the server turns into a file nobody reads (docs.ntfy.sh, Limitations)."""
_PRIORITIES = {"critical": 5, "warning": 4, "info": 3}
_RESOLVED = 2
_TAGS = {"critical": "rotating_light", "warning": "warning", "info": "information_source"}
_TOPIC = re.compile(r"[-_A-Za-z0-9]{1,64}", re.ASCII)
_TOKEN = re.compile(r"[!-~]{1,256}", re.ASCII)


@dataclass(frozen=True)
class Options:
    """``notify.ntfy``. On a public server whoever knows the topic reads along, so it counts as a secret."""

    server: str = "https://ntfy.sh"
    topic: Optional[str] = field(default=None, repr=False)
    topic_file: Optional[str] = None
    token: Optional[str] = field(default=None, repr=False)
    token_file: Optional[str] = None
    user: Optional[str] = None
    password: Optional[str] = field(default=None, repr=False)
    password_file: Optional[str] = None
    attach: bool = False
    """Send the report as a file with the message; the server must allow attachments."""


def validate(options: Options) -> None:
    """Raises ValueError unless server and topic can be used and there is at most one way to log in."""
    one_of({"topic": options.topic, "topic_file": options.topic_file})
    token, password = (options.token, options.token_file), (options.password, options.password_file)
    if any(value is not None for value in token):
        one_of({"token": options.token, "token_file": options.token_file})
    if any(value is not None for value in (*password, options.user)):
        one_of({"password": options.password, "password_file": options.password_file})
        if not options.user or ":" in options.user or not options.user.isprintable():
            raise ValueError("user: give the name that belongs to the password; it holds no colon")
        if any(token):
            raise ValueError("token, password: give one of them")
    try:
        _server(options)
        if options.topic:
            parse_topic(options.topic)
    except ShipError as exc:
        raise ValueError(f"{exc.reason}: {exc}") from exc


def parse_topic(topic: str) -> str:
    """The topic. Raises ShipError, without repeating it, unless ntfy would take it."""
    if not _TOPIC.fullmatch(topic):
        raise ShipError("webhook-parse-failure", "an ntfy topic is 1 to 64 letters, digits, hyphens and underscores")
    return topic


def _server(options: Options) -> str:
    host_of(options.server)
    if "?" in options.server:
        raise ShipError("webhook-parse-failure", "server: give the address of the ntfy server alone")
    return options.server.rstrip("/")


def payload(message: Message) -> Dict[str, Any]:
    """Title, text, priority and tags of the message: plain text, no Markdown, no actions, no links."""
    where = " in the attached file" if message.attachment else " on the host"
    open_alerts = [alert.severity for alert in message.alerts if alert.state != "resolved"]
    worst = open_alerts[0] if open_alerts else ""
    return {
        "title": headline(message),
        "message": listing(message, limit=MESSAGE_LIMIT - 60, where=where) or clip(message.time, 60, escape=one_line),
        "priority": _PRIORITIES.get(worst, _RESOLVED),
        "tags": [_TAGS.get(worst, "white_check_mark")],
    }


def _headers(options: Options, transport: Transport) -> Dict[str, str]:
    token = _secret(options.token, options.token_file, transport)
    if token:
        if not _TOKEN.fullmatch(token):
            raise ShipError("upload-failure", "the ntfy token holds something that is no part of a token")
        return {"Authorization": f"Bearer {token}"}
    if not options.user:
        return {}
    pair = f"{options.user}:{_secret(options.password, options.password_file, transport)}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode("utf-8", "surrogateescape")).decode("ascii")}


def _secret(plain: Optional[str], path: Optional[str], transport: Transport) -> str:
    return plain or (transport.read_secret(path) if path else "")


def _encoded(text: str) -> str:
    """``text`` as a header of RFC 2047, which ntfy understands: any language, no line of its own."""
    return f"=?UTF-8?B?{base64.b64encode(text.encode('utf-8')).decode('ascii')}?="


def send(message: Message, options: Options, *, transport: Transport) -> None:
    """Publish as JSON, or with ``attach`` as a file whose message travels in headers. Raises ShipError."""
    topic = parse_topic(options.topic or transport.read_secret(options.topic_file or ""))
    url, headers = _server(options), _headers(options, transport)
    if not options.attach:
        bare = message._replace(attachment=b"")
        content = canonical.dumps({"topic": topic, **payload(bare)})
        post(Post(f"{url}/", content, {**headers, "Content-Type": "application/json"}), transport)
        return
    told = payload(message)
    headers["Title"], headers["Message"] = _encoded(told["title"]), _encoded(told["message"])
    headers["Priority"], headers["Tags"] = str(told["priority"]), ",".join(told["tags"])
    headers["Filename"] = attachment_name(message)
    post(Post(f"{url}/{topic}", message.attachment, headers), transport)


SINK = Sink(
    name="ntfy",
    about="A push message through ntfy.sh or a server of one's own.",
    options=Options,
    validate=validate,
    send=send,
)
