# SPDX-License-Identifier: GPL-3.0-or-later
"""Alerts as a mail with the report attached, through the SMTP server of one's choice."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, List, Literal, Optional, Tuple

from . import DeliveryError, Message, Sink, Transport
from ._deadline import Outcome, in_time
from ._http import LONGEST_WAIT, one_of, system_bundle, why
from ._text import attachment_name, clip, headline, listing, one_line

if TYPE_CHECKING:
    import smtplib

BODY_LIMIT = 64 * 1024
"""Bytes of text; the attachment has the rest."""
_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_LOCAL = ("localhost", "127.0.0.1", "::1")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}|[0-9A-Fa-f:.]{2,45}", re.ASCII)
_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?:\.(?!-)[A-Za-z0-9-]{1,63})+", re.ASCII)
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}", re.ASCII)
_RECIPIENTS = 20


@dataclass(frozen=True)
class Options:
    """``notify.email``. Only a server on this very host may be spoken to without TLS."""

    host: Optional[str] = None
    port: Optional[int] = None
    """587 for ``starttls``, 465 for ``tls``, 25 for ``none``, unless given."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: Optional[str] = None
    password: Optional[str] = field(default=None, repr=False)
    password_file: Optional[str] = None
    from_: Optional[str] = field(default=None, metadata={"key": "from"})
    to: Tuple[str, ...] = ()


def validate(options: Options) -> None:
    """Raises ValueError saying what is wrong with server, login or addresses."""
    if not options.host or not _HOST.fullmatch(options.host):
        raise ValueError("host: give the name or address of an SMTP server")
    if options.port is not None and not 0 < options.port < 65536:
        raise ValueError("port: give a number from 1 to 65535")
    if options.security == "none" and options.host not in _LOCAL:
        raise ValueError("security: none is for a server on this host; elsewhere use starttls or tls")
    if options.user is not None or options.password is not None or options.password_file is not None:
        one_of({"password": options.password, "password_file": options.password_file})
        if not options.user or not options.user.isprintable():
            raise ValueError("user: give the name that belongs to the password")
    if not 1 <= len(options.to) <= _RECIPIENTS:
        raise ValueError(f"to: give a list of 1 to {_RECIPIENTS} addresses")
    for name, address in (("from", options.from_ or ""), *(("to", entry) for entry in options.to)):
        if not _ADDRESS.fullmatch(address):
            raise ValueError(f"{name}: {address[:80]!r} is not an address like name@example.org")


def compose(message: Message, options: Options, *, now: int, refused: Tuple[str, ...] = ()) -> bytes:
    """The mail (RFC 5322), only ASCII. The same message always has the same Message-ID."""
    # Costs three times what an ordinary tick does, so only where a mail is sent.
    from email.message import EmailMessage
    from email.policy import SMTP
    from email.utils import formatdate

    mail = EmailMessage(policy=SMTP)
    sender = options.from_ or ""
    mail["Subject"] = f"[vps-sentry] {headline(message)}"
    mail["From"], mail["To"] = sender, ", ".join(options.to)
    mail["Date"] = formatdate(now)
    mail["Message-ID"] = f"<{message.id}.vps-sentry@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    lines = [f"{headline(message)}\n{clip(message.time, 60, escape=one_line)}"]
    if refused:
        lines.append(f"The mail server refused to deliver this to: {', '.join(refused)}")
    lines.append(listing(message, limit=BODY_LIMIT, where=" in the attached file"))
    mail.set_content("\n\n".join(lines) + "\n", cte="base64")
    mail.add_attachment(
        message.attachment, maintype="application", subtype="json", filename=attachment_name(message), cte="base64"
    )
    return mail.as_bytes()


def send(message: Message, options: Options, *, transport: Transport) -> None:
    """Hand the mail to the server. Raises ShipError.

    Who the server refuses for good is named in the mail to the others; when it is somebody's turn later, or nobody
    is left, nothing is sent and all of it is tried again.
    """
    password = options.password or (transport.read_secret(options.password_file) if options.password_file else "")
    bundle = system_bundle(transport) if options.security != "none" else ""
    in_time(
        lambda: _exchange(message, options, transport, (bundle, password)),
        seconds=transport.deadline,
        who=options.host or "",
    )


def _exchange(message: Message, options: Options, transport: Transport, keys: Tuple[str, str]) -> Outcome[bool]:
    import smtplib

    bundle, password = keys
    try:
        with contextlib.closing(_connect(message, options, transport.deadline, bundle)) as client:
            if options.user:
                client.login(options.user, password)
            _submit(client, message, options, transport.now())
            # The answer to it decides nothing any more, so nobody waits for it.
            client.putcmd("quit")
    except smtplib.SMTPAuthenticationError as exc:
        text = f"the server refused the login ({exc.smtp_code}): user or password is wrong"
        return DeliveryError(text, whole_sink=True, retry_after=LONGEST_WAIT)
    except smtplib.SMTPNotSupportedError:
        return DeliveryError("the server does not offer what security and user ask for", whole_sink=True)
    except smtplib.SMTPResponseException as exc:
        # 5xx says that this message will never do, 4xx that another time may.
        return DeliveryError(f"the server answered {exc.smtp_code}", whole_sink=exc.smtp_code < 500)
    except smtplib.SMTPException as exc:
        return DeliveryError(f"the server broke off ({type(exc).__name__})", whole_sink=True)
    except DeliveryError as exc:
        return exc
    except (OSError, ValueError) as exc:
        return DeliveryError(why(exc), whole_sink=True)
    return True


def _connect(message: Message, options: Options, seconds: float, bundle: str) -> smtplib.SMTP:
    """A connection, encrypted unless the server is this very host; certificate and name are checked."""
    import smtplib
    import ssl

    port = options.port or _PORTS[options.security]
    # Not the library's default, which asks the network for this host's name.
    own = message.host if _NAME.fullmatch(message.host) else "[127.0.0.1]"
    host = options.host or ""
    if options.security == "none":
        return smtplib.SMTP(host, port, local_hostname=own, timeout=seconds)
    context = ssl.create_default_context(cafile=bundle)
    if options.security == "tls":
        return smtplib.SMTP_SSL(host, port, local_hostname=own, timeout=seconds, context=context)
    client = smtplib.SMTP(host, port, local_hostname=own, timeout=seconds)
    try:
        client.starttls(context=context)
    except (smtplib.SMTPException, OSError):
        client.close()
        raise
    return client


def _submit(client: smtplib.SMTP, message: Message, options: Options, now: int) -> None:
    import smtplib

    client.ehlo_or_helo_if_needed()
    code, _ = client.mail(options.from_ or "")
    if code != 250:
        raise smtplib.SMTPResponseException(code, b"")
    refused: List[str] = []
    for address in options.to:
        code, _ = client.rcpt(address)
        if 400 <= code < 500:
            raise DeliveryError(f"the server wants {address} to be tried again later ({code})", whole_sink=True)
        if code not in (250, 251):
            refused.append(address)
    if len(refused) == len(options.to):
        text = f"the server refuses every recipient ({code})"
        raise DeliveryError(text, whole_sink=True, retry_after=LONGEST_WAIT)
    code, _ = client.data(compose(message, options, now=now, refused=tuple(refused)))
    if code != 250:
        raise smtplib.SMTPResponseException(code, b"")


SINK = Sink(
    name="email",
    about="A mail with the report attached, through an SMTP server with TLS.",
    options=Options,
    validate=validate,
    send=send,
)
