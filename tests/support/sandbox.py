# SPDX-License-Identifier: GPL-3.0-or-later
"""A host of one's own: /etc/default, /opt and /usr/local/bin at their real paths, in a private mount namespace."""

from __future__ import annotations

import os
import subprocess

import pytest
from support.tree import ROOT

# Real files over real mounts; nothing of it is seen outside, and it is gone with the last process.
PRIVATE = f"""
for place in /etc/default /opt /usr/local/bin; do mount -t tmpfs -o mode=755 tmpfs "$place"; done
cp {ROOT}/deploy/bin/* /usr/local/bin/
mkdir -p /opt/vps-sentry/venv/bin
printf '#!/bin/sh\\necho "release $*"\\n' >/opt/vps-sentry/venv/bin/vps-sentry
chmod 755 /opt/vps-sentry/venv/bin/vps-sentry
printf '#!/bin/sh\\necho "override $*"\\n' >/opt/other
chmod 755 /opt/other
"""


def sandbox(script: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script as root where the wrappers are installed, a stand-in for the release and an override lie."""
    if os.geteuid() != 0:
        pytest.skip("private mounts need root")
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-euc", PRIVATE + script]
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
