# SPDX-License-Identifier: GPL-3.0-or-later
"""The sign of life: a URL that somebody else watches is requested after each completed run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Optional

from ..errors import ShipError

if TYPE_CHECKING:
    from . import Transport


@dataclass(frozen=True)
class Heartbeat:
    """``notify.heartbeat``: a URL requested (GET) after each completed run, so that silence is noticed elsewhere."""

    url: Optional[str] = field(default=None, repr=False)
    url_file: Optional[str] = None


def validate(options: Heartbeat) -> None:
    """Raises ValueError unless there is one URL, usable as far as can be seen."""
    # Imported here and below: every run reads the configuration, and most have no use for HTTP.
    from ._http import host_of, one_of

    one_of({"url": options.url, "url_file": options.url_file})
    if options.url:
        try:
            host_of(options.url)
        except ShipError as exc:
            raise ValueError(f"{exc.reason}: {exc}") from exc


def beat(options: Heartbeat, transport: Transport) -> str:
    """Request the URL once and return its host. Raises ShipError, which never repeats the URL."""
    from ._http import Post, host_of, post

    url = options.url or transport.read_secret(options.url_file or "")
    post(Post(url, b"", method="GET"), transport)
    return host_of(url)
