# SPDX-License-Identifier: GPL-3.0-or-later
"""A room to ship from, with a receiver of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.receiver import Certificate, make_certificate, serving
from support.shipping import Room
from vps_sentry.sinks.webhook import Options


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def room(tmp_path: Path, certificate: Certificate) -> Iterator[Room]:
    for name in ("outbox", "acks"):
        (tmp_path / name).mkdir()
    with serving(certificate) as server:
        yield Room(tmp_path, certificate, server, options={"webhook": Options(url=server.url())})
