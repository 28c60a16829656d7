# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTPS POST that a hostile network, proxy or receiver cannot stretch, redirect or make leak its URL."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass, field
from typing import Dict, List, Mapping, Optional, Tuple, Union
from urllib.parse import urlsplit

from ..errors import ShipError
from . import DeliveryError, Transport
from ._deadline import in_time

CA_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
LONGEST_WAIT = 3600
"""Seconds: what a receiver may ask for, and how long one that is gone is left in peace."""
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}|[0-9A-Fa-f:.]{2,45}", re.ASCII)
_PRINTABLE = re.compile(r"[!-~]{1,2048}", re.ASCII)
_SECONDS = re.compile(r"([0-9]{1,4})(?:\.[0-9]{1,9})?", re.ASCII)
_GONE = {401, 403, 404, 410}
_WHOLE_SINK = {407, 408, 425, 429}
_DEPTH = 12


@dataclass(frozen=True)
class Post:
    """One request. The URL is a secret."""

    url: str = field(repr=False)
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    method: str = "POST"


@dataclass(frozen=True)
class _Answer:
    status: int
    retry_after: Optional[str]


_Outcome = Union[_Answer, DeliveryError]


@dataclass(frozen=True)
class Part:
    """One part of a multipart/form-data body (RFC 7578)."""

    name: str
    content: bytes
    file_name: str = ""


def host_of(url: str) -> str:
    """The host of a usable https URL. Raises ShipError that does not repeat the URL."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _bad_url("its host or port cannot be read") from None
    if not _PRINTABLE.fullmatch(url) or "\\" in url or not _HOST.fullmatch(host) or port == 0:
        raise _bad_url("it holds something that is no part of a URL")
    if parts.scheme != "https":
        raise _bad_url("it does not begin with https://")
    if "@" in parts.netloc or parts.fragment:
        raise _bad_url("user names, passwords and fragments have no place in it")
    return host


def _bad_url(problem: str) -> ShipError:
    return ShipError("webhook-parse-failure", f"the URL cannot be used: {problem}")


def multipart(parts: List[Part], *, boundary: str) -> Tuple[bytes, str]:
    """The body and its content type. Contents must not hold ``boundary`` at the start of a line."""
    body = b""
    for part in parts:
        name = f'; filename="{part.file_name}"' if part.file_name else ""
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{part.name}"{name}\r\n'
        body += f"{head}Content-Type: application/json\r\n\r\n".encode("ascii") + part.content + b"\r\n"
    return body + f"--{boundary}--\r\n".encode("ascii"), f"multipart/form-data; boundary={boundary}"


def post(request: Post, transport: Transport) -> None:
    """Send once. Raises DeliveryError unless the status is 2xx within ``transport.deadline`` seconds.

    The status line decides and no byte of the answer's body is read: a receiver that drips, floods or packs
    its body gains nothing, and one that echoes our URL cannot get it into a log.
    """
    host = host_of(request.url)
    bundle = system_bundle(transport)
    answer = in_time(lambda: _exchange(request, transport, bundle), seconds=transport.deadline, who=host)
    _judge(answer, host)


def system_bundle(transport: Transport) -> str:
    """Path of the certificates to trust. Raises ShipError where the distribution's own are missing."""
    if transport.ca_bundle:
        return transport.ca_bundle
    for path in CA_BUNDLES:
        if os.path.isfile(path):
            return path
    raise ShipError(
        "upload-failure",
        f"no trusted certificates: none of {', '.join(CA_BUNDLES)} exists; install the package ca-certificates",
    )


def _exchange(request: Post, transport: Transport, bundle: str) -> _Outcome:
    from http.client import HTTPException

    try:
        return _talk(request, transport, bundle)
    except (OSError, ValueError, HTTPException) as exc:
        return DeliveryError(why(exc), whole_sink=True)


def _talk(request: Post, transport: Transport, bundle: str) -> _Outcome:
    try:
        import requests  # costs ten times the process start, so only where something is sent
        import urllib3.exceptions
    except ImportError as exc:
        return DeliveryError(f"the bundled HTTP library is incomplete ({exc.name}); install again", whole_sink=True)
    headers = {"User-Agent": "vps-sentry", "Accept-Encoding": "identity", "Connection": "close", **request.headers}
    prepared = requests.Request(request.method, request.url, headers=headers, data=request.body).prepare()
    # The adapter alone, without a session: that would ask the environment for proxies and passwords, and reads
    # the whole body of a redirect even where it does not follow it.
    with contextlib.closing(requests.adapters.HTTPAdapter()) as adapter:
        try:
            with adapter.send(
                prepared,
                stream=True,
                timeout=transport.deadline,
                verify=bundle,
                proxies={"https": transport.proxy} if transport.proxy else {},
            ) as response:
                return _Answer(response.status_code, response.headers.get("Retry-After"))
        except requests.exceptions.ProxyError as exc:
            return DeliveryError(f"the proxy of notify.proxy refused: {why(exc)}", whole_sink=True)
        except urllib3.exceptions.HTTPError as exc:
            return DeliveryError(why(exc), whole_sink=True)


def why(error: BaseException) -> str:
    """What lies at the bottom of an error of the HTTP library, in words that cannot hold the URL."""
    import ssl

    found = "the connection broke before an answer came"
    for cause in _chain(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return f"TLS failed: {cause.reason or 'the connection broke'}"
        if type(cause).__module__ in ("builtins", "socket") and isinstance(cause, OSError) and cause.strerror:
            found = cause.strerror
        elif type(cause).__name__.endswith(("TimeoutError", "Timeout")):
            found = "timed out"
        elif isinstance(cause, ValueError) and "roxy" in type(cause).__name__:
            found = "notify.proxy is not a proxy URL"
    return found


def _chain(error: BaseException) -> List[BaseException]:
    """The error and everything it wraps, outermost first, whichever way the library wrapped it."""
    found: List[BaseException] = []
    todo: List[object] = [error]
    while todo and len(found) < _DEPTH:
        cause = todo.pop(0)
        if isinstance(cause, BaseException) and cause not in found:
            found.append(cause)
            todo += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]
    return found


def _judge(answer: _Answer, host: str) -> None:
    status = answer.status
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        raise DeliveryError(f"{host} redirects ({status}); redirects are not followed", whole_sink=True)
    if status in _GONE:
        text = f"{host} does not know this webhook ({status}): it was removed, or its URL or secret is wrong"
        raise DeliveryError(text, whole_sink=True, retry_after=LONGEST_WAIT)
    raise DeliveryError(
        f"{host} answered {status}",
        whole_sink=status in _WHOLE_SINK or status >= 500 or status < 200,
        retry_after=parse_retry_after(answer.retry_after),
    )


def parse_retry_after(text: Optional[str]) -> Optional[int]:
    """Whole seconds, rounded up, of a ``Retry-After`` header; None unless it is a number from 1 to 3600."""
    match = _SECONDS.fullmatch(text or "")
    if not match:
        return None
    seconds = int(match[1]) + ("." in match[0])
    return seconds if 1 <= seconds <= LONGEST_WAIT else None


def one_of(options: Dict[str, Optional[str]]) -> None:
    """Raises ValueError unless exactly one of two options has a value."""
    if sum(bool(value) for value in options.values()) != 1:
        raise ValueError(f"give exactly one of {' and '.join(options)}")
