# SPDX-License-Identifier: GPL-3.0-or-later
"""What a whole run and a delivery start: nothing. Asked of the kernel."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import List

import pytest
from support.alerts import alert
from support.receiver import make_certificate, serving
from support.tree import AGENT
from vps_sentry import outbox

MAIN = "import sys; sys.path.insert(0, {source!r}); from vps_sentry.__main__ import main; sys.exit(main())"
DELIVER = """
import sys; sys.path[:0] = {paths!r}
from vps_sentry.ship import ship
def routes():
    from vps_sentry.sinks import Routes, Transport
    from vps_sentry.sinks.webhook import Options
    return Routes({{"webhook": Options(url={url!r})}}, Transport(read_secret=open, now=lambda: 0, ca_bundle={ca!r}))
sys.exit(ship({state!r}, routes, clock=lambda: 1_800_000_000, log=print))
"""


def children(folder: Path, program: str, *words: str) -> List[str]:
    """Every process the program starts, and everything executed, the program itself apart; threads do not count."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    trace = folder / "trace"
    command = ["strace", "-f", "-qq", "-s", "4096", "-e", "trace=fork,vfork,clone,clone3,execve", "-o", str(trace)]
    done = subprocess.run([*command, sys.executable, "-I", "-S", "-c", program, *words], capture_output=True, text=True)
    assert done.returncode in (0, 3), done.stdout + done.stderr
    lines = [re.sub(r"^\d+ +", "", line) for line in trace.read_text().splitlines()[1:]]
    return [line for line in lines if "CLONE_THREAD" not in line and not line.startswith(("+++", "---"))]


@pytest.fixture(name="own")
def _own(tmp_path: Path) -> Iterator[Path]:
    """A folder whose files root obeys, which it does not below /tmp."""
    folder = Path(tempfile.mkdtemp(prefix="vps-sentry-test-", dir="/usr/local")) if os.geteuid() == 0 else tmp_path
    yield folder
    shutil.rmtree(folder)


@pytest.mark.weakness(18)
def test_a_whole_run_starts_no_process_but_what_judges_signatures(tmp_path: Path, own: Path) -> None:
    """Every check but the one that asks sshd, live, on this machine; apt unpacks package lists, gpgv judges them."""
    config = own / "c.json"
    # sshd itself is asked what its settings mean, once, and again when they move: see test_sshd_config.
    watched = {"files": {"defaults": False, "watch": ["/etc/ssh"]}, "sshd_config": {"enabled": False}}
    config.write_text(json.dumps({"checks": watched}))
    config.chmod(0o600)
    words = ["run", "--config", str(config), "--state-dir", str(tmp_path / "state"), "--exit-zero"]

    lines = children(tmp_path, MAIN.format(source=str(AGENT.parent)), *words)
    started = [re.search(r'execve\("[^"]*", \["([^"]*)"', line) for line in lines]
    assert {found[1] for found in started if found} <= {"gpgv", "/usr/lib/apt/apt-helper"}


@pytest.mark.weakness(14)
@pytest.mark.weakness(18)
def test_a_delivery_starts_no_process_so_no_command_line_holds_the_url(tmp_path: Path) -> None:
    for name in ("state/outbox", "state/acks"):
        (tmp_path / name).mkdir(parents=True)
    entry = outbox.Entry("0" * 16, "web-1", "2026-10-01T12:00:00Z", 1, "alerts", "critical", (alert(),), None)
    (tmp_path / "state/outbox" / outbox.file_name(entry)).write_bytes(outbox.encode_entry(entry))
    certificate = make_certificate(tmp_path / "authority")
    with serving(certificate) as server:
        place = {"url": server.url(), "ca": str(certificate.ca), "state": str(tmp_path / "state")}
        libraries = [path for path in sys.path if path.endswith("site-packages")]
        started = children(tmp_path, DELIVER.format(paths=[str(AGENT.parent), *libraries], **place))
        received = len(server.requests)

    assert (started, received) == ([], 1)
    assert "s3cret-token" not in (tmp_path / "trace").read_text().replace(place["url"], "", 1)
