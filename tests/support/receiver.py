# SPDX-License-Identifier: GPL-3.0-or-later
"""A real HTTPS receiver that keeps what it is sent and misbehaves on request; also a program of its own.

``python3 receiver.py --port 0 --dir DIR [--name HOST]...`` writes ``DIR/ca.pem`` and ``DIR/url``, then each request
as ``DIR/requests/NNNN.json``. ``DIR/answer.json``, if there is one, says how to answer: the fields of ``Answer``.
"""

from __future__ import annotations

import argparse
import contextlib
import email
import email.policy
import json
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

NAMES = ("localhost", "127.0.0.1")


@dataclass(frozen=True)
class Answer:
    """How one request is answered. ``manner``: ``plain``, or one of the ways to misbehave in ``_MANNERS``."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: str = "{}"
    manner: str = "plain"


@dataclass(frozen=True)
class Request:
    """What arrived. Header names are lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def parts(self) -> dict[str, tuple[str, bytes]]:
        """File name and content of each part of a multipart body, by the part's name."""
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        whole = email.message_from_bytes(head + self.body, policy=email.policy.HTTP)
        return {
            str(part.get_param("name", header="content-disposition")): (
                part.get_filename() or "",
                bytes(part.get_payload(decode=True)),
            )
            for part in whole.iter_parts()
        }

    def as_json(self) -> dict[str, Any]:
        """Everything, the body as text and, where it is multipart, as parts."""
        plain = {"method": self.method, "path": self.path, "headers": self.headers, "body": self.body.decode("latin-1")}
        if not self.headers.get("content-type", "").startswith("multipart/"):
            return plain
        parts = {name: {"file": file, "text": text.decode()} for name, (file, text) in self.parts().items()}
        return {**plain, "parts": parts}


@dataclass(frozen=True)
class Certificate:
    """Paths of a server's certificate and key, and of what a client must trust."""

    chain: Path
    key: Path
    ca: Path


def make_certificate(folder: Path, *, names: tuple[str, ...] = NAMES, self_signed: bool = False) -> Certificate:
    """A new authority in ``folder`` and a certificate by it for ``names``; or one that vouches for itself."""
    folder.mkdir(parents=True, exist_ok=True)
    alternatives = ",".join(f"IP:{name}" if name[-1].isdigit() else f"DNS:{name}" for name in names)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    usable = f"subjectAltName={alternatives}"
    if self_signed:
        _openssl(folder, "req", "-x509", *key, "-keyout", "own.key", "-out", "own.pem", "-subj", "/CN=self",
                 "-addext", usable)  # fmt: skip
        return Certificate(folder / "own.pem", folder / "own.key", folder / "own.pem")
    _openssl(folder, "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Receiver CA",
             "-addext", "keyUsage=critical,keyCertSign,cRLSign")  # fmt: skip
    _openssl(folder, "req", "-new", *key[:-2], "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=receiver")
    (folder / "server.ext").write_text(f"{usable}\nauthorityKeyIdentifier=keyid\nextendedKeyUsage=serverAuth\n")
    _openssl(folder, "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
             "-days", "2", "-extfile", "server.ext", "-out", "server.pem")  # fmt: skip
    return Certificate(folder / "server.pem", folder / "server.key", folder / "ca.pem")


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


class Receiver(ThreadingHTTPServer):
    """The server. ``answers`` are used up one by one, the last one stays; ``requests`` is what arrived."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], certificate: Certificate) -> None:
        super().__init__(address, _Handler)
        self.certificate = certificate
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate.chain, certificate.key)
        self.answers = [Answer()]
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self.keep: Callable[[Request], None] = self.requests.append
        self._turn = threading.Lock()

    def next_answer(self, request: Request) -> Answer:
        """Keep ``request`` and say how it is answered."""
        with self._turn:
            self.keep(request)
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def url(self, path: str = "/hook/s3cret-token") -> str:
        """Where to send to."""
        return f"https://localhost:{self.server_address[1]}{path}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up or distrust us are part of the play."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Receiver
    timeout = 60

    def setup(self) -> None:
        # The handshake belongs to the connection's own thread: a client that stalls must not hold the others.
        self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()
        with contextlib.suppress(OSError):
            self.request.close()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.next_answer(Request(self.command, self.path, headers, body))
        self.close_connection = True
        _MANNERS[answer.manner](self, answer)

    def do_GET(self) -> None:
        self.do_POST()

    def head(self, answer: Answer, *, length: int | None) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Say nothing: what matters is kept."""


def _plain(handler: _Handler, answer: Answer) -> None:
    data = answer.body.encode()
    handler.head(answer, length=len(data))
    handler.wfile.write(data)


def _reset(handler: _Handler, answer: Answer) -> None:
    """A TCP reset instead of an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def _hang_up(handler: _Handler, answer: Answer) -> None:
    """Nothing at all, then the end."""


def _drip_head(handler: _Handler, answer: Answer) -> None:
    """Headers one byte at a time: no single read ever times out."""
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 10_000:
        if handler.server.closing.wait(0.05):
            return
        handler.wfile.write(bytes([byte]))


def _drip_body(handler: _Handler, answer: Answer) -> None:
    handler.head(answer, length=10_000)
    while not handler.server.closing.wait(0.05):
        handler.wfile.write(b" ")


def _endless(handler: _Handler, answer: Answer) -> None:
    handler.head(answer, length=None)
    while not handler.server.closing.is_set():
        handler.wfile.write(b" " * 65536)


def _silent(handler: _Handler, answer: Answer) -> None:
    handler.server.closing.wait(60)


def _torn(handler: _Handler, answer: Answer) -> None:
    """A whole head and half a body."""
    handler.head(answer, length=1000)
    handler.wfile.write(b"{")


_MANNERS: dict[str, Callable[[_Handler, Answer], None]] = {
    "plain": _plain,
    "reset": _reset,
    "hang-up": _hang_up,
    "drip-head": _drip_head,
    "drip-body": _drip_body,
    "endless": _endless,
    "silent": _silent,
    "torn": _torn,
}


@contextlib.contextmanager
def serving(certificate: Certificate, *, address: tuple[str, int] = ("127.0.0.1", 0)) -> Iterator[Receiver]:
    """A receiver at work on a free port."""
    with Receiver(address, certificate) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()


def _keeper(folder: Path, server: Receiver) -> Callable[[Request], None]:
    """Keep each request in a file, complete when its name appears, and read anew how to answer."""
    kept = folder / "requests"
    kept.mkdir(exist_ok=True)

    def keep(request: Request) -> None:
        number = len(list(kept.glob("*.json"))) + 1
        temporary = kept / f"{number:04d}.tmp"
        temporary.write_text(json.dumps(request.as_json(), indent=1, sort_keys=True))
        temporary.rename(kept / f"{number:04d}.json")
        script = folder / "answer.json"
        server.answers = [Answer(**json.loads(script.read_text()))] if script.exists() else [Answer()]

    return keep


def main() -> int:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--address", default="0.0.0.0")
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--name", action="append", default=[], help="a further name or address in the certificate")
    options = parser.parse_args()
    certificate = make_certificate(options.dir, names=(*NAMES, *options.name))
    with serving(certificate, address=(options.address, options.port)) as server:
        server.keep = _keeper(options.dir, server)
        (options.dir / "url").write_text(server.url() + "\n")
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)
    return 0


if __name__ == "__main__":
    sys.exit(main())
