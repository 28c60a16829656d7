# SPDX-License-Identifier: GPL-3.0-or-later
"""Which log is read where the journal is still there and journald has stopped keeping one."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.tree import ROOT

MACHINE = "ba3924d4ca993c2a9e16ff796fde9867"
LAST = 1_795_349_546
"""Time of the newest entry of any program, 2026-11-22T12:12:26Z."""
WORLD = f"""
mount -t tmpfs tmpfs /var/log; mount -t tmpfs tmpfs /run
mkdir -p /var/log/journal/{MACHINE} /run/log
cp "$1" /var/log/journal/{MACHINE}/system.journal
echo {MACHINE} >/run/machine-id
mount --bind /run/machine-id /etc/machine-id
[ -z "$4" ] || echo 'Nov 22 12:00:00 vps sshd[9]: Server listening on 0.0.0.0 port 22.' >"/var/log/$4"
exec "$2" -I -c "$3"
"""
PROGRAM = """
import sys
sys.path.insert(0, {source!r})
from vps_sentry.errors import CollectError
from vps_sentry.host import Host
from vps_sentry.sshlog.choice import choose
from vps_sentry.sshlog.options import Options
try:
    print(choose(Host(), Options(), memory={{}}, now={now}).name)
except CollectError as error:
    print(error)
"""
SILENT = "no log of sshd can be read (journald has kept nothing since 2026-11-22T12:12:26Z; see Storage= in"
CASES = [
    pytest.param(LAST, "", "journal", id="alive"),
    pytest.param(LAST + 3600, "auth.log", "journal", id="an hour without a word is possible"),
    # The clock went back: nothing can be said, and the journal has newer things than we know of.
    pytest.param(LAST - 9000, "auth.log", "journal", id="ahead of the clock"),
    pytest.param(LAST + 3601, "auth.log", "/var/log/auth.log", id="given up, and a text log is kept"),
    pytest.param(LAST + 3601, "secure", "/var/log/secure", id="given up, and EL keeps a text log"),
    pytest.param(LAST + 3601, "", SILENT, id="given up, and nothing is kept"),
]


@pytest.mark.skipif(os.geteuid() != 0, reason="private mounts need root")
@pytest.mark.weakness(8)
@pytest.mark.parametrize(("now", "log", "expected"), CASES)
def test_a_journal_that_nobody_writes_to_is_none(now: int, log: str, *, expected: str, tmp_path: Path) -> None:
    """Storage=none with old journal files left behind: they can be read for ever, and say nothing new."""
    kept = tmp_path / "kept.journal"
    packed = Path(__file__).parents[2] / "cases" / "ssh_auth" / "sshd.journal.gz"
    kept.write_bytes(gzip.decompress(packed.read_bytes()))
    program = PROGRAM.format(source=str(ROOT / "agent" / "src"), now=now)
    world = ["unshare", "--mount", "--propagation", "private", "sh", "-euc", WORLD, "world"]
    argv = [*world, str(kept), sys.executable, program, log]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr, done.stdout.startswith(expected)) == (0, "", True), done
