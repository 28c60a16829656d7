# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller writes is, to the byte, what an agent answers without reading an item."""

from __future__ import annotations

from pathlib import Path
from typing import List

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import fetch
from vps_sentry import reply
from vps_sentry.tick import plain

NONCE = "0123456789abcdef" * 2
HELD = ["sha256:" + digit * 64 for digit in "012"]
BEAT = b"2026-11-28T12:00:00Z run=7 exit=0 cpu_ms=1 due=1 up=1\n"
HEADER = (5, b"2026-11-28T11:00:00Z", (b'"host":"a"', b'"norm":1', b'"schema":1', b'"vouched":null'))


@pytest.mark.parametrize(("held", "is_short"), [(HELD, True), (HELD[:1], True), (HELD[1:], False), ([], False)])
def test_the_request_is_understood(held: List[str], is_short: bool, tmp_path: Path) -> None:
    made_of = reply.signature(str(tmp_path), "/nowhere")
    plain.write(str(tmp_path), reply.NAME, data=reply.kept(made_of, needed=HELD[:1], header=HEADER))
    plain.write(str(tmp_path), "heartbeat", data=BEAT)

    found = reply.answer(fetch.request(NONCE, held), state=str(tmp_path), footing="/nowhere")

    said = b'{"host":"a","nonce":"%s","norm":1,"run":7,"schema":1,"time":"2026-11-28T12:00:00Z","vouched":null}\n'
    assert found == (said % NONCE.encode() if is_short else None)
