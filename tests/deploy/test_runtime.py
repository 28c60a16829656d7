# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that starts a release: the host's Python, isolated, with nothing on its path but the release."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.sandbox import sandbox

REPORT = "[{arguments}] ['lib', 'vendor'] 1 1 True\n"
INSTALL = "rm -r /opt/vps-sentry; umask 077; /usr/bin/python3 -I -B {checkout}/deploy/release.py install {archive}\n"
EVIL = (
    "mkdir /opt/evil; echo 'raise SystemExit(99)' | tee /opt/evil/sitecustomize.py >/opt/evil/json.py; cd /opt/evil\n"
)

STARTS = [
    pytest.param("/usr/local/bin/vps-sentry a 'b c'", "'a', 'b c'", id="through the wrapper"),
    pytest.param("/opt/vps-sentry/venv/bin/vps-sentry", "", id="the contract's path"),
    pytest.param(
        "PYTHONPATH=/opt/evil PYTHONHOME=/x PYTHONSTARTUP=x /opt/vps-sentry/venv/bin/vps-sentry", "", id="isolated"
    ),
    pytest.param(f"{EVIL}/opt/vps-sentry/venv/bin/vps-sentry", "", id="not from the working directory"),
    pytest.param("setpriv --reuid 65534 --clear-groups /usr/local/bin/vps-sentry", "", id="not only root's"),
]


@pytest.mark.parametrize(("command", "arguments"), STARTS)
def test_a_release_starts_isolated(checkout: Path, archive: Path, command: str, *, arguments: str) -> None:
    done = sandbox(f"{INSTALL.format(checkout=checkout, archive=archive)}set +e; {command}")

    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout.splitlines()[1:] == [REPORT.format(arguments=arguments).rstrip()]


def test_a_run_leaves_the_release_as_it_was(checkout: Path, archive: Path) -> None:
    remove = "find /opt/vps-sentry -name '*.pyc' -delete\n"
    install = INSTALL.format(checkout=checkout, archive=archive)
    done = sandbox(f"{install}{remove}/usr/local/bin/vps-sentry || true; find /opt/vps-sentry -name '*.pyc'")

    assert done.stdout.splitlines()[1:] == ["[] ['lib', 'vendor'] 1 1 True"], "no bytecode but the installation's"


RELEASE = "/opt/vps-sentry/releases/*"
REFUSED = [
    pytest.param("chmod 777 /opt", "/opt", id="others may replace everything"),
    pytest.param(f"chmod 775 {RELEASE}", "/opt/vps-sentry/releases/", id="the release"),
    pytest.param(f"chmod 757 {RELEASE}/bin", "/bin", id="its bin"),
    pytest.param(f"chown 65534 {RELEASE}/bin/vps-sentry", "/bin/vps-sentry", id="the file itself"),
]


@pytest.mark.parametrize(("loosen", "place"), REFUSED)
def test_root_loads_nothing_others_could_have_written(
    checkout: Path, archive: Path, *, loosen: str, place: str
) -> None:
    install = INSTALL.format(checkout=checkout, archive=archive)
    done = sandbox(f"{install}{loosen}\nset +e; /usr/local/bin/vps-sentry")

    assert done.returncode == 127
    assert done.stderr.startswith("vps-sentry: /opt")
    assert f"{place}" in done.stderr
    assert done.stderr.endswith(" refused: it is not owned by root, or group or others may write to it\n")
