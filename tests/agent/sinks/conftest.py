# SPDX-License-Identifier: GPL-3.0-or-later
"""A receiver with its authority, and the transport that trusts it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.receiver import Certificate, Receiver, make_certificate, serving
from vps_sentry.sinks import Transport


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def receiver(certificate: Certificate) -> Iterator[Receiver]:
    with serving(certificate) as server:
        yield server


@pytest.fixture
def transport(certificate: Certificate) -> Transport:
    return Transport(
        read_secret=lambda path: Path(path).read_text().strip(),
        now=lambda: 1_800_000_000,
        ca_bundle=str(certificate.ca),
        deadline=10,
    )
