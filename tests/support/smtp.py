# SPDX-License-Identifier: GPL-3.0-or-later
"""A real SMTP server, with STARTTLS or TLS from the first byte, that keeps its mail and misbehaves on request."""

from __future__ import annotations

import base64
import contextlib
import socketserver
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from .receiver import Certificate

USER, PASSWORD = "ship@example.org", "s3cret-password"


@dataclass
class Mail:
    """One accepted mail: envelope and content."""

    sender: str
    recipients: list[str]
    data: bytes
    encrypted: bool
    user: str

    def parsed(self) -> EmailMessage:
        found = message_from_bytes(self.data, policy=default)
        assert isinstance(found, EmailMessage)
        return found


@dataclass
class Play:
    """How the server behaves. ``answers``: verb, or verb and argument, to the line said instead of a good one."""

    security: str = "starttls"
    login: bool = True
    answers: dict[str, str] = field(default_factory=dict)
    silent_after: str = ""
    """Verb after which nothing is said any more."""
    drip: bool = False
    """The greeting comes byte by byte and never ends."""


class SmtpServer(socketserver.ThreadingTCPServer):
    """The server; ``mails`` is what it accepted, ``lines`` what clients said outside of TLS."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, certificate: Certificate, play: Play) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.play = play
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate.chain, certificate.key)
        self.mails: list[Mail] = []
        self.lines: list[str] = []
        self.closing = threading.Event()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up or distrust us are part of the play."""


class _Talk(socketserver.BaseRequestHandler):
    server: SmtpServer

    def handle(self) -> None:
        self.encrypted, self.user = False, ""
        self.stream = self.request.makefile("rb")
        self.sender, self.recipients = "", list[str]()
        if self.server.play.security == "tls":
            self._encrypt()
        if self.server.play.drip:
            while not self.server.closing.wait(0.05):
                self.request.sendall(b"2")
            return
        self._say("220 test ESMTP")
        while line := self.stream.readline(4096):
            text = line.decode("latin-1").strip()
            if not self.encrypted:
                self.server.lines.append(text)
            if not self._answer(text):
                return

    def finish(self) -> None:
        for each in (self.stream, self.request):
            with contextlib.suppress(OSError):
                each.close()

    def _encrypt(self) -> None:
        self.stream.close()
        self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        self.stream = self.request.makefile("rb")
        self.encrypted = True

    def _say(self, text: str) -> None:
        self.request.sendall(text.encode() + b"\r\n")

    def _answer(self, text: str) -> bool:
        verb = text.split(" ")[0].upper()
        if self.server.play.silent_after == verb:
            self.server.closing.wait(60)
        bad = self.server.play.answers.get(text) or self.server.play.answers.get(verb)
        if bad:
            self._say(bad)
            return True
        known = getattr(self, f"_on_{verb.lower()}", None)
        if known is None:
            self._say("500 what?")
            return True
        known(text)
        return verb != "QUIT"

    def _on_ehlo(self, text: str) -> None:
        words = ["test", "8BITMIME"]
        words += ["STARTTLS"] if self.server.play.security == "starttls" and not self.encrypted else []
        words += ["AUTH PLAIN LOGIN"] if self.server.play.login else []
        for word in words[:-1]:
            self._say(f"250-{word}")
        self._say(f"250 {words[-1]}")

    def _on_starttls(self, text: str) -> None:
        self._say("220 go")
        self._encrypt()

    def _on_auth(self, text: str) -> None:
        _, kind, first = text.split(" ")
        if kind != "PLAIN" or base64.b64decode(first).decode().split("\0") != ["", USER, PASSWORD]:
            self._say("535 5.7.8 no")
            return
        self.user = USER
        self._say("235 in")

    def _on_mail(self, text: str) -> None:
        self.sender = text.partition("<")[2].partition(">")[0]
        self._say("250 ok")

    def _on_rcpt(self, text: str) -> None:
        self.recipients.append(text.partition("<")[2].partition(">")[0])
        self._say("250 ok")

    def _on_data(self, text: str) -> None:
        self._say("354 go on")
        data = b""
        while (line := self.stream.readline()) != b".\r\n":
            data += line.removeprefix(b".") if line.startswith(b"..") else line
        self.server.mails.append(Mail(self.sender, list(self.recipients), data, self.encrypted, self.user))
        self._say(self.server.play.answers.get("END") or "250 taken")

    def _on_quit(self, text: str) -> None:
        self._say("221 bye")


@contextlib.contextmanager
def mail_server(certificate: Certificate, play: Play | None = None) -> Iterator[SmtpServer]:
    """A server at work on a free port of 127.0.0.1, known as localhost."""
    with SmtpServer(certificate, play or Play()) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()
