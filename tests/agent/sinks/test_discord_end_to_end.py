# SPDX-License-Identifier: GPL-3.0-or-later
"""The real Discord URL through the vendored libraries, in a namespace where discord.com is a receiver of ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support.alerts import alert
from support.receiver import make_certificate
from vps_sentry import outbox
from vps_sentry.outbox import Entry

ROOT = Path(__file__).parents[3]
BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")

# Runs as root of its own network: brings lo up, answers as discord.com, ships, prints what happened.
INSIDE = """
import fcntl, json, pathlib, socket, struct, subprocess, sys
tests, folder, python = sys.argv[1:]
sys.path.insert(0, tests)
from support.receiver import Certificate, serving
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
    fcntl.ioctl(control, 0x8914, struct.pack("16sh14x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP
at = pathlib.Path(folder)
with serving(Certificate(at / "server.pem", at / "server.key", at / "ca.pem"), address=("127.0.0.1", 443)) as server:
    run = subprocess.run([python, "-I", "-S", str(at / "ship.py")], capture_output=True, text=True)
    got = [request.as_json() for request in server.requests]
print(json.dumps({"code": run.returncode, "out": run.stdout, "err": run.stderr, "requests": got}))
"""

SHIP = """
import sys, time
sys.path[:0] = [{source!r}]
sys.path.append({vendor!r})
from vps_sentry.ship import ship
def routes():
    from vps_sentry.sinks import Routes, Transport
    from vps_sentry.sinks.discord import Options
    options = Options(webhook_url="https://discord.com/api/webhooks/123456/s3cret-token")
    return Routes({{"discord": options}}, Transport(read_secret=open, now=lambda: 0))
sys.exit(ship({state!r}, routes, clock=lambda: int(time.time()), log=print))
"""


def namespaces_allowed() -> bool:
    if os.geteuid() != 0 or not BUNDLE.is_file():
        return False
    return subprocess.run(["unshare", "-mn", "true"], capture_output=True).returncode == 0


@pytest.mark.skipif(not namespaces_allowed(), reason="needs root, mount and network namespaces, and a CA bundle")
@pytest.mark.parametrize("python", sorted({sys.executable, "/usr/bin/python3"}))
def test_a_message_reaches_discord(tmp_path: Path, python: str) -> None:
    certificate = make_certificate(tmp_path, names=("discord.com",))
    for wheel in (ROOT / "deploy" / "vendor").glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(tmp_path / "vendor")
    for name in ("state/outbox", "state/acks"):
        (tmp_path / name).mkdir(parents=True)
    entry = Entry("0" * 16, "web-1", "2026-10-01T12:00:00Z", 1, "alerts", "critical", (alert(),), {"changes": []})
    (tmp_path / "state/outbox" / outbox.file_name(entry)).write_bytes(outbox.encode_entry(entry))
    paths = {"source": str(ROOT / "agent/src"), "vendor": str(tmp_path / "vendor"), "state": str(tmp_path / "state")}
    (tmp_path / "ship.py").write_text(SHIP.format(**paths))
    (tmp_path / "hosts").write_text("127.0.0.1 discord.com\n")

    mounts = f"mount --bind {tmp_path}/hosts /etc/hosts && mount --bind {certificate.ca} {BUNDLE}"
    inside = [sys.executable, "-c", INSIDE, str(ROOT / "tests"), str(tmp_path), python]
    command = ["unshare", "-mn", "sh", "-c", f'{mounts} && exec "$@"', "sh", *inside]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert run.stderr == ""
    told = json.loads(run.stdout)

    assert (told["code"], told["err"]) == (0, "")
    assert told["out"] == f"vps-sentry-ship: sent {outbox.file_name(entry)} discord (attempt 1)\n"
    (request,) = told["requests"]
    assert request["path"] == "/api/webhooks/123456/s3cret-token?wait=true"
    assert request["headers"]["host"] == "discord.com"
    assert json.loads(request["parts"]["payload_json"]["text"])["embeds"][0]["title"].startswith("CRITICAL")
    assert request["parts"]["files[0]"]["file"] == "vps-sentry-web-1-2026-10-01T120000Z.json"
    assert json.loads(request["parts"]["files[0]"]["text"])["alerts"][0]["code"] == "public_listener_added"
