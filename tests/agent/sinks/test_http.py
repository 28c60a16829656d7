# SPDX-License-Identifier: GPL-3.0-or-later
"""One POST against a receiver, a network and a proxy that do everything wrong."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.receiver import Answer, Receiver, make_certificate, serving
from vps_sentry.errors import ShipError
from vps_sentry.sinks import DeliveryError, Transport
from vps_sentry.sinks._http import Part, Post, host_of, multipart, parse_retry_after, post

TOKEN = "s3cret-token"


def failure(request: Post, transport: Transport) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        post(request, transport)
    assert TOKEN not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_every_2xx_is_a_delivery(receiver: Receiver, transport: Transport, status: int) -> None:
    receiver.answers = [Answer(status=status, body="" if status == 204 else "{}")]
    post(Post(receiver.url(), b"body", {"X-One": "1"}), transport)
    assert [(r.method, r.path, r.body, r.headers["x-one"]) for r in receiver.requests] == [
        ("POST", f"/hook/{TOKEN}", b"body", "1")
    ]


REFUSALS = [
    # id, answer, words of the error, whole sink, retry after
    ("moved", Answer(301, {"Location": "/else"}), "redirects (301)", True, None),
    ("found would become a GET", Answer(302, {"Location": "/else"}), "redirects (302)", True, None),
    ("see other", Answer(303, {"Location": "/else"}), "redirects (303)", True, None),
    ("keeps the body", Answer(307, {"Location": "https://evil.example/"}), "redirects (307)", True, None),
    ("permanent", Answer(308, {"Location": "http://localhost/"}), "redirects (308)", True, None),
    ("floods us while it redirects", Answer(302, {"Location": "/x"}, manner="endless"), "(302)", True, None),
    ("nowhere to go", Answer(300), "redirects (300)", True, None),
    ("token revoked", Answer(401), "removed", True, 3600),
    ("forbidden", Answer(403), "removed", True, 3600),
    ("webhook deleted", Answer(404), "removed", True, 3600),
    ("this message is at fault", Answer(400), "answered 400", False, None),
    ("this message is too large", Answer(413), "answered 413", False, None),
    ("outage", Answer(500), "answered 500", True, None),
    ("outage with a wait", Answer(503, {"Retry-After": "120"}), "answered 503", True, 120),
    ("rate limit", Answer(429, {"Retry-After": "7"}), "answered 429", True, 7),
    ("rate limit in fractions", Answer(429, {"Retry-After": "0.65"}), "answered 429", True, 1),
    ("rate limit for ever", Answer(429, {"Retry-After": "99999999999999999999"}), "answered 429", True, None),
    ("rate limit into the past", Answer(429, {"Retry-After": "-5"}), "answered 429", True, None),
    ("rate limit as a date", Answer(429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}), "429", True, None),
    ("rate limit as junk", Answer(429, {"Retry-After": "soon"}), "answered 429", True, None),
    ("rate limit unsaid", Answer(429), "answered 429", True, None),
    ("the answer echoes the URL", Answer(400, body=f"/hook/{TOKEN} is wrong"), "answered 400", False, None),
    ("no such status", Answer(999), "answered 999", True, None),
]


@pytest.mark.weakness(14)
@pytest.mark.parametrize(
    ("answer", "words", "whole_sink", "retry_after"), [case[1:] for case in REFUSALS], ids=[c[0] for c in REFUSALS]
)
def test_anything_else_is_a_failure(
    receiver: Receiver, transport: Transport, answer: Answer, words: str, whole_sink: bool, retry_after: int | None
) -> None:
    receiver.answers = [answer]
    error = failure(Post(receiver.url(), b"x"), transport)
    assert words in str(error)
    assert str(error).startswith("localhost")
    assert (error.reason, error.whole_sink, error.retry_after) == ("upload-failure", whole_sink, retry_after)
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("manner", ["drip-body", "endless", "torn"])
def test_the_status_decides_whatever_the_body_does(receiver: Receiver, transport: Transport, manner: str) -> None:
    receiver.answers = [Answer(manner=manner)]
    started = time.monotonic()
    post(Post(receiver.url(), b"x"), transport)
    assert time.monotonic() - started < 5


def test_a_huge_packed_body_is_not_read(receiver: Receiver, transport: Transport) -> None:
    receiver.answers = [Answer(headers={"Content-Encoding": "gzip"}, body="x" * 20_000_000)]
    post(Post(receiver.url(), b"x"), transport)
    assert len(receiver.requests) == 1


@pytest.mark.weakness(14)
@pytest.mark.parametrize("manner", ["drip-head", "silent"])
def test_the_deadline_is_total(receiver: Receiver, transport: Transport, manner: str) -> None:
    receiver.answers = [Answer(manner=manner)]
    started = time.monotonic()
    error = failure(Post(receiver.url(), b"x"), dataclasses.replace(transport, deadline=1.0))
    assert str(error) in ("localhost gave no answer within 1 s", "localhost: timed out")
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("manner", ["reset", "hang-up"])
def test_a_broken_connection_is_a_failure(receiver: Receiver, transport: Transport, manner: str) -> None:
    receiver.answers = [Answer(manner=manner)]
    error = failure(Post(receiver.url(), b"x" * 100_000), transport)
    assert error.whole_sink
    assert "connection" in str(error).lower()


@contextlib.contextmanager
def plain_server(reply: bytes | None) -> Iterator[int]:
    """A TCP port that answers without TLS, or accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        held: list[socket.socket] = []

        def serve() -> None:
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                held.append(connection)
                if reply is not None:
                    connection.recv(4096)
                    connection.sendall(reply)
                    connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            for connection in held:
                connection.close()


def test_silent_tls_meets_the_deadline(transport: Transport) -> None:
    with plain_server(None) as port:
        error = failure(Post(f"https://localhost:{port}/{TOKEN}", b"x"), dataclasses.replace(transport, deadline=1.0))
    assert error.whole_sink


def test_a_server_without_tls_is_a_failure(transport: Transport) -> None:
    with plain_server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as port:
        error = failure(Post(f"https://localhost:{port}/{TOKEN}", b"x"), transport)
    assert "TLS failed" in str(error)


def test_a_closed_port_is_named(transport: Transport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert str(failure(Post(f"https://localhost:{port}/{TOKEN}", b"x"), transport)) == "localhost: Connection refused"


def test_a_name_that_does_not_resolve_is_named(transport: Transport) -> None:
    error = failure(Post(f"https://nowhere.invalid/{TOKEN}", b"x"), transport)
    assert str(error).startswith("nowhere.invalid: ")


def test_a_self_signed_certificate_is_not_trusted(transport: Transport, tmp_path: Path) -> None:
    with serving(make_certificate(tmp_path, self_signed=True)) as server:
        error = failure(Post(server.url(), b"x"), transport)
    assert "certificate is not trusted" in str(error)
    assert server.requests == []


def test_a_certificate_for_another_name_is_not_trusted(transport: Transport, tmp_path: Path) -> None:
    other = make_certificate(tmp_path, names=("other.example",))
    with serving(other) as server:
        error = failure(Post(server.url(), b"x"), dataclasses.replace(transport, ca_bundle=str(other.ca)))
    assert "certificate is not trusted" in str(error)


def test_a_missing_bundle_fails_closed(receiver: Receiver, transport: Transport) -> None:
    failure(Post(receiver.url(), b"x"), dataclasses.replace(transport, ca_bundle="/nonexistent/ca.pem"))
    assert receiver.requests == []


def test_the_environment_is_not_asked(
    receiver: Receiver, transport: Transport, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Proxies, trust and credentials of the environment all change nothing."""
    (tmp_path / "netrc").write_text("machine localhost login thief password thief\n")
    for name, value in {
        "HTTPS_PROXY": "http://127.0.0.1:1",
        "ALL_PROXY": "http://127.0.0.1:1",
        "REQUESTS_CA_BUNDLE": "/nonexistent",
        "CURL_CA_BUNDLE": "/nonexistent",
        "NETRC": str(tmp_path / "netrc"),
    }.items():
        monkeypatch.setenv(name, value)
    post(Post(receiver.url(), b"x"), transport)
    assert "authorization" not in receiver.requests[0].headers


BAD_URLS = [
    ("http://example.com/x", "plain text on the wire"),
    ("HTTPS//example.com", "no scheme"),
    ("file:///etc/passwd", "not a network"),
    ("https://", "no host"),
    ("https://user:pw@example.com/", "credentials"),
    ("https://example.com@evil.example/", "a host in disguise"),
    ("https://example.com\\@evil.example/", "parsers disagree"),
    ("https://example.com/ x", "space"),
    ("https://example.com/\nHost: evil", "line end"),
    ("https://example.com/x\n", "trailing line end"),
    ("https://ex\u0430mple.com/", "confusable letter"),
    ("https://example.com:99999/", "no such port"),
    ("https://example.com:port/", "no port"),
    ("https://[::1/", "broken address"),
    ("https://example.com/#x", "fragment"),
    ("", "nothing"),
]


@pytest.mark.parametrize("url", [pytest.param(url, id=why) for url, why in BAD_URLS])
def test_a_url_that_cannot_be_used_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ShipError) as caught:
        host_of(url)
    assert caught.value.reason == "webhook-parse-failure"
    assert not url or url not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://example.com/a?b=c", "example.com"),
        ("https://example.com:8443/", "example.com"),
        ("https://[2001:db8::1]/x", "2001:db8::1"),
    ],
)
def test_the_host_is_all_that_is_told(url: str, host: str) -> None:
    assert host_of(url) == host


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", None),
        ("1", 1),
        ("3600", 3600),
        ("3601", None),
        ("1.2", 2),
        ("+5", None),
        ("5\n", None),
        ("1e3", None),
        ("\u0663", None),
    ],
)
def test_only_a_believable_wait_is_believed(text: str | None, seconds: int | None) -> None:
    assert parse_retry_after(text) == seconds


def test_multipart_has_the_bytes_of_rfc_7578() -> None:
    body, kind = multipart([Part("a", b"1"), Part("files[0]", b"2", "f.json")], boundary="B")
    assert kind == "multipart/form-data; boundary=B"
    assert body == (
        b'--B\r\nContent-Disposition: form-data; name="a"\r\nContent-Type: application/json\r\n\r\n1\r\n'
        b'--B\r\nContent-Disposition: form-data; name="files[0]"; filename="f.json"\r\n'
        b"Content-Type: application/json\r\n\r\n2\r\n--B--\r\n"
    )
