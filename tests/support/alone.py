# SPDX-License-Identifier: GPL-3.0-or-later
"""Python programs in a network and a process world of their own, where nobody else opens sockets meanwhile."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from typing import List

import pytest

from .tree import ROOT

_UNSHARE = ["unshare", "--net", "--pid", "--fork", "--mount-proc", "sh", "-euc"]
# Without the names that other people's network namespaces have.
_UNSHARE += ['mount -t tmpfs tmpfs /run; exec "$@"', "sh"]
_PRELUDE = f"""
import os, socket, subprocess, sys, time
sys.path.insert(0, {str(ROOT / "agent" / "src")!r})
def tcp(port, host="0.0.0.0"):
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    link.bind((host, port))
    link.listen()
    return link
def udp(port, domain=socket.AF_INET):
    link = socket.socket(domain, socket.SOCK_DGRAM)
    link.bind(("", port))
    return link
"""

ELSEWHERE = """
def elsewhere(program, *, address="10.9.9.9/32", inside=()):
    # A child in a network namespace of its own; an address of its own is a way out to the kernel.
    setup = "ip link set lo up; " + (f"ip addr add {address} dev lo; " if address else "") + 'exec "$@"'
    command = [*(inside or ("unshare", "--net")), "sh", "-euc", setup, "sh", sys.executable, "-I", "-c", program]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "ready\\n"
    return child
SERVER = '''
import socket, sys
link = socket.create_server(("", PORT))
print("ready", flush=True)
sys.stdin.read()
'''
"""

PORTS = """
import json
from vps_sentry.checks import Context, ports
from vps_sentry.host import Host
from vps_sentry.tick import heartbeat, quiet, record
def collect(memory=(), noted=frozenset(), expected=(), baseline=()):
    options = ports.Options(expected=expected)
    context = Context(Host(), options, int(time.time()), dict(memory), noted=noted, baseline=dict(baseline))
    return ports.CHECK.collect(context)
def show(items):
    print(json.dumps(items, separators=(",", ":")).replace(" ", "_"))
"""


def alone(script: str) -> List[str]:
    """Words printed by ``script``, run where the only processes and sockets are its own."""
    if not shutil.which("unshare") or subprocess.run([*_UNSHARE, "true"], capture_output=True).returncode:
        pytest.skip("no right to make a network namespace")
    program = _PRELUDE + textwrap.dedent(script)
    done = subprocess.run([*_UNSHARE, sys.executable, "-I", "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()
