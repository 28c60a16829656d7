# SPDX-License-Identifier: GPL-3.0-or-later
"""Alerts as signed JSON to any HTTPS endpoint."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Dict, List, Optional, Tuple

from ..core import canonical, codec
from ..errors import ShipError
from . import Message, Sink, Transport
from ._http import Part, Post, host_of, multipart, one_of, post
from ._text import attachment_name

SCHEMA = 1


@dataclass(frozen=True)
class Options:
    """``notify.webhook``. With a secret every request is signed."""

    url: Optional[str] = field(default=None, repr=False)
    url_file: Optional[str] = None
    secret: Optional[str] = field(default=None, repr=False)
    secret_file: Optional[str] = None
    bundle: bool = False


def validate(options: Options) -> None:
    """Raises ValueError unless there is one URL, usable as far as can be seen, and at most one secret."""
    one_of({"url": options.url, "url_file": options.url_file})
    if options.secret is not None or options.secret_file is not None:
        one_of({"secret": options.secret, "secret_file": options.secret_file})
    if options.url:
        try:
            host_of(options.url)
        except ShipError as exc:
            raise ValueError(f"{exc.reason}: {exc}") from exc


def document(message: Message) -> bytes:
    """Canonical JSON ``{schema, id, host, time, note, alerts, left_out, test}``."""
    return canonical.dumps(
        {
            "schema": SCHEMA,
            "id": message.id,
            "host": message.host,
            "time": message.time,
            "note": message.note,
            "alerts": codec.encode(message.alerts),
            "left_out": message.left_out,
            "test": message.test,
        }
    )


def body(message: Message, *, bundle: bool) -> Tuple[bytes, str]:
    """Body and content type: JSON, or with ``bundle`` multipart with that JSON and the attachment."""
    if not bundle:
        return document(message), "application/json"
    parts: List[Part] = [
        Part("payload_json", document(message)),
        Part("files[0]", message.attachment, attachment_name(message)),
    ]
    return multipart(parts, boundary=f"vps-sentry-{message.id}")


def sign(secret: str, content: bytes, *, now: int) -> Dict[str, str]:
    """The headers that prove origin and age: HMAC-SHA256 over ``TIMESTAMP.BODY``.

    A receiver refuses time stamps more than some minutes old, and an ``Idempotency-Key`` it has seen.
    """
    digest = hmac.new(secret.encode("utf-8", "surrogateescape"), b"%d." % now + content, hashlib.sha256)
    return {"X-VPS-Sentry-Timestamp": str(now), "X-VPS-Sentry-Signature": f"sha256={digest.hexdigest()}"}


def send(message: Message, options: Options, *, transport: Transport) -> None:
    """POST the message. Raises ShipError."""
    url = options.url or transport.read_secret(options.url_file or "")
    secret = options.secret or (transport.read_secret(options.secret_file) if options.secret_file else "")
    if options.secret_file and not secret:
        raise ShipError("upload-failure", f"{options.secret_file} is empty; write the secret into it")
    content, kind = body(message, bundle=options.bundle)
    headers = {"Content-Type": kind, "Idempotency-Key": message.id}
    if secret:
        headers.update(sign(secret, content, now=transport.now()))
    post(Post(url, content, headers), transport)


SINK = Sink(
    name="webhook",
    about="JSON over HTTPS to any endpoint, signed when a secret is given.",
    options=Options,
    validate=validate,
    send=send,
)
