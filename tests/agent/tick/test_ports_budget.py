# SPDX-License-Identifier: GPL-3.0-or-later
"""What looking at the sockets costs when nothing is new, against ss on the same crowded host, by turns, by medians."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import Dict

import pytest
from support import crowd
from support.tree import ROOT

pytestmark = pytest.mark.budget
ROUNDS = 7
# The whole stamp in a fresh interpreter, start-up included, as a tick pays for it.
STAMP = f"""
import sys
sys.path.insert(0, {str(ROOT / "agent" / "src")!r})
from time import time
from vps_sentry.tick import take
take("ports", (b"", int(time()) + 600, ((32768, 60999), (), ()), ()))
"""
HARNESS = """
import json, os, statistics, sys
def run(argv):
    child = os.fork()
    if child == 0:
        null = os.open("/dev/null", os.O_RDWR)
        os.dup2(null, 0), os.dup2(null, 1)
        os.execvp(argv[0], argv)
    _, status, usage = os.wait4(child, 0)
    assert status == 0, argv
    return usage.ru_utime + usage.ru_stime
rounds, stamp = int(sys.argv[1]), sys.argv[2]
pairs = [(run(["ss", "-lntupH"]), run([sys.executable, "-I", "-S", "-c", stamp])) for _ in range(rounds)]
ss, ours = (statistics.median(column) for column in zip(*pairs))
print(json.dumps({"ss": ss, "ours": ours, "ratio": ours / ss}))
"""


def measure(connections: int) -> Dict[str, float]:
    command = ["unshare", "--net", "--pid", "--fork", "--mount-proc", sys.executable, crowd.__file__, "500"]
    command += [str(connections), sys.executable, "-I", "-S", "-c", HARNESS, str(ROUNDS), STAMP]
    done = subprocess.run(command, capture_output=True, text=True, timeout=crowd.SECONDS)
    assert (done.returncode, done.stderr) == (0, "")
    found: Dict[str, float] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ss"), reason="needs root and, to compare with, ss")
@pytest.mark.parametrize(("connections", "bound"), [(0, 0.7), (19600, 0.1)])
@pytest.mark.weakness(18)
def test_a_look_at_the_sockets_of_a_crowded_host(connections: int, bound: float) -> None:
    """The better of three measurements: neighbours on a shared machine come and go."""
    found = measure(connections)
    for _ in range(2):
        if found["ratio"] > bound:
            found = measure(connections)
    assert found["ratio"] <= bound, found
