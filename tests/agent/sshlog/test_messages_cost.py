# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages made to be expensive: parsing them stays linear."""

from __future__ import annotations

import re
import time

import pytest
from vps_sentry.sshlog.messages import parse


@pytest.mark.parametrize(
    "message",
    [
        b"Failed password for " + b"from 1.2.3.4 port 22 " * 3000,
        b"Failed publickey for " + b" from 1.2.3.4 port 22 ssh2: " * 2000,
        b"Connection closed by invalid user " + b"a " * 30_000,
        b"Disconnecting invalid user " + b" a port 1: " * 5000,
        b"Invalid user " + b" from" * 12_000,
        b"message repeated 9 times: [ " * 2000,
    ],
    ids=lambda message: re.sub(r"\W+", " ", message[:20].decode()),
)
def test_a_hostile_message_costs_no_more_than_its_length(message: bytes) -> None:
    began = time.process_time()
    parse(message)
    assert time.process_time() - began < 0.5
