# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy: only the configured one, and what it gets to see."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import threading
from collections.abc import Iterator

import pytest
from support.receiver import Receiver
from vps_sentry.sinks import DeliveryError, Transport
from vps_sentry.sinks._http import Post, post


@contextlib.contextmanager
def connect_proxy(target: tuple[str, int]) -> Iterator[tuple[int, list[bytes]]]:
    """An HTTP proxy that knows CONNECT, for one connection."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def pump(source: socket.socket, sink: socket.socket) -> None:
            with contextlib.suppress(OSError):
                while data := source.recv(65536):
                    sink.sendall(data)
                sink.shutdown(socket.SHUT_WR)

        def serve() -> None:
            with contextlib.suppress(OSError), listener.accept()[0] as client:
                asked.append(client.recv(4096).split(b"\r\n")[0])
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                with socket.create_connection(target) as server:
                    back = threading.Thread(target=pump, args=(server, client))
                    back.start()
                    pump(client, server)
                    back.join()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1], asked
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def test_the_configured_proxy_is_used_and_sees_no_path(receiver: Receiver, transport: Transport) -> None:
    target = ("127.0.0.1", int(receiver.server_address[1]))
    with connect_proxy(target) as (port, asked):
        post(Post(receiver.url(), b"x"), dataclasses.replace(transport, proxy=f"http://127.0.0.1:{port}"))
    # The version is the business of Python's own HTTP library.
    assert [line.rpartition(b" ")[0] for line in asked] == [f"CONNECT localhost:{target[1]}".encode()]
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("proxy", "words"),
    [
        pytest.param("http://user:pr0xy-pass@127.0.0.1:1", "proxy", id="closed port, and its password stays secret"),
        pytest.param("http://", "proxy", id="no proxy at all"),
    ],
)
def test_a_broken_proxy_is_named(receiver: Receiver, transport: Transport, proxy: str, words: str) -> None:
    with pytest.raises(DeliveryError, match=words) as caught:
        post(Post(receiver.url(), b"x"), dataclasses.replace(transport, proxy=proxy))
    assert "pr0xy-pass" not in str(caught.value)
    assert receiver.requests == []
