# SPDX-License-Identifier: GPL-3.0-or-later
"""The units' sandbox, proven on each Debian release: in copies of the units what must fail is tried, and fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Dict, List, Tuple

import pytest
from support.lab import Lab, wait_for
from support.probes import AGENT_FINDS, AGENT_PROBE, PREAMBLE, SHIP_FINDS, SHIP_PROBE
from support.receiver import Receiver
from support.watched import STATE, Watched, watch

pytestmark = pytest.mark.container

SUITES = {"bullseye": 247, "bookworm": 252, "trixie": 257}
UNITS = "/etc/systemd/system"
RESULT = "/run/probe"


@pytest.fixture(scope="module", name="suite", params=sorted(SUITES))
def _suite(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", name="host")
def _host(lab: Lab, receiver: Receiver, suite: str) -> Iterator[Watched]:
    machines = lab.start(1, suite=suite)
    watched = watch(machines[0], receiver)
    watched.accept()
    # A program that would be root for whoever starts it, or nobody for root.
    prepare = "cp /usr/bin/id /srv/id-root; chmod 4755 /srv/id-root; cp /usr/bin/id /srv/id-other; "
    prepare += "chown 65534 /srv/id-other; chmod 4755 /srv/id-other; touch /root/.profile; mkdir -p /home/alice"
    watched.machine.run(["sh", "-euc", prepare])
    yield watched
    lab.remove(machines)


def within(host: Watched, unit: str, program: str) -> Tuple[int, str]:
    """Run Python inside a copy of a unit, every other line kept; exit code and what it printed."""
    name = f"probe-{unit.removeprefix('vps-sentry').removesuffix('.service') or '-agent'}.service"
    lines = host.machine.read(f"{UNITS}/{unit}").splitlines()
    kept = [line for line in lines if not line.startswith(("ExecStart=", "SuccessExitStatus="))]
    return started(host, name, lines=kept, program=program)


def started(host: Watched, name: str, *, lines: List[str], program: str) -> Tuple[int, str]:
    """Run Python in a unit of these lines; exit code and what it printed."""
    probe = "\n".join(lines).replace("[Service]", "[Service]\nExecStart=/usr/bin/python3 -I /srv/probe.py")
    host.machine.write(f"/run/systemd/system/{name}", probe)
    host.machine.write("/srv/probe.py", program)
    host.machine.run(["systemctl", "daemon-reload"])
    host.machine.run(["journalctl", "--rotate"])
    host.machine.run(["journalctl", "--vacuum-time=1s"])
    host.machine.run(["systemctl", "start", name], check=False)
    host.machine.run(["journalctl", "--sync"])
    status = host.machine.run(["systemctl", "show", "--property=ExecMainStatus", name]).stdout
    said = host.machine.run(["journalctl", "-u", name, "-o", "cat", "-t", "python3"]).stdout
    return int(status.strip().partition("=")[2]), said


CAP_SYS_ADMIN = 21
WRITES = PREAMBLE + 'attempt("usr", write("/usr/evil"))\nattempt("etc", write("/etc/evil"))\n'


def test_this_machine_has_a_sandbox_to_prove(host: Watched) -> None:
    """Without CAP_SYS_ADMIN systemd skips it in silence, and all that follows would prove nothing.

    What a unit without one may write, the agent's may not; and the agent's own doctor tries it as well.
    """
    (bounds,) = [line for line in host.machine.read("/proc/1/status").splitlines() if line.startswith("CapBnd:")]
    assert int(bounds.split()[1], 16) >> CAP_SYS_ADMIN & 1, "start the machine with SYS_ADMIN: Lab._create"
    bare = started(host, "probe-bare.service", lines=["[Service]", "Type=oneshot"], program=WRITES)
    host.machine.run(["rm", "/usr/evil", "/etc/evil"])

    assert (0, "usr: written\netc: written\n") == bare
    assert (0, "usr: EROFS\netc: EROFS\n") == within(host, "vps-sentry.service", WRITES)
    assert "ok    sandbox: in effect" in host.machine.run(["vps-sentry", "doctor"], check=False).stdout


@pytest.mark.parametrize(
    ("unit", "probe", "expected"),
    [
        pytest.param("vps-sentry.service", AGENT_PROBE, AGENT_FINDS, id="the agent"),
        pytest.param("vps-sentry-ship.service", SHIP_PROBE, SHIP_FINDS, id="the ship process"),
    ],
)
def test_what_is_closed_is_closed_and_what_is_open_is_open(
    host: Watched, unit: str, probe: str, *, expected: Dict[str, str]
) -> None:
    code, said = within(host, unit, PREAMBLE + probe)
    found = dict(line.split(": ", 1) for line in said.splitlines() if ": " in line)

    assert (code, found) == (0, expected), said


@pytest.mark.weakness(17)
def test_the_unit_sees_what_root_sees(host: Watched) -> None:
    """The sandbox hides nothing: the snapshot of the unit is the one taken outside it."""
    host.machine.run(["rm", "-f", f"{STATE}/stamps/tick"])
    host.tick()
    inside = _roots(host)
    host.machine.run(["vps-sentry", "--exit-zero"])

    assert inside == _roots(host)


def _roots(host: Watched) -> Dict[str, Any]:
    checks = json.loads(host.machine.run(["vps-sentry", "bundle"]).stdout)["checks"]
    return {name: check["root"] for name, check in checks.items()}


def test_systemd_understands_the_units_and_finds_them_closed(host: Watched, suite: str) -> None:
    names = ["vps-sentry.service", "vps-sentry-ship.service", "vps-sentry.timer"]
    places = " ".join(f"{UNITS}/{name}" for name in names)
    verified = host.machine.run(["sh", "-c", f"systemd-analyze verify {places} 2>&1"], check=False)
    assert (verified.returncode, verified.stdout) == (0, "")
    for name, most in (("vps-sentry.service", 2.5), ("vps-sentry-ship.service", 2.0)):
        said = host.machine.run(["systemd-analyze", "security", "--no-pager", name]).stdout
        assert float(said.split("level for")[1].split(": ")[1].split()[0]) <= most, said
    assert str(SUITES[suite]) in host.machine.run(["systemctl", "--version"]).stdout.split()[1]


SECRET = "k3y-of-my-own"
SECRETS_CONF = f"{UNITS}/vps-sentry-ship.service.d/vps-sentry-secrets.conf"


def test_any_file_of_the_secrets_reaches_the_process_that_ships(host: Watched) -> None:
    """Under a name of one's own: by the line that the installation adds; a removed one stops nothing."""
    good = host.machine.read("/etc/vps-sentry.json")
    notify = json.loads(good)["notify"]
    notify["webhook"]["secret_file"] = "/etc/vps-sentry.d/my-secret"
    host.machine.run(["sh", "-euc", "umask 077; mkdir -p /etc/vps-sentry.d"])
    host.machine.write("/etc/vps-sentry.d/my-secret", SECRET + "\n", mode=0o600)
    host.machine.write("/etc/vps-sentry.d/odd name", "x", mode=0o600)
    host.machine.write("/etc/vps-sentry.json", json.dumps({"notify": notify}), mode=0o600)
    said = host.machine.run(["vps-sentry", "check-config"]).stderr
    assert "my-secret is not handed to vps-sentry-ship.service; run scripts/install.sh" in said

    assert "installed /etc/systemd/system/vps-sentry-ship.service.d/vps-sentry-secrets.conf" in host.script(
        "install.sh"
    )
    host.machine.run(["systemctl", "stop", "vps-sentry.timer"])
    assert "not handed" not in host.machine.run(["vps-sentry", "check-config"]).stderr
    host.heard()
    host.tick()
    assert "config_changed" in {code for _, _, code, _ in host.heard()}
    assert "x-vps-sentry-signature" in host.last_headers()

    host.machine.run(["rm", "-r", "/etc/vps-sentry.d"])
    host.machine.write("/etc/vps-sentry.json", good, mode=0o600)
    host.tick()
    assert "config_changed" in {code for _, state, code, _ in host.heard() if state == "resolved"}
    assert f"removed {SECRETS_CONF}" in host.script("install.sh")
    host.machine.run(["systemctl", "stop", "vps-sentry.timer"])


def test_a_program_of_one_s_own_is_told_inside_the_sandbox(host: Watched) -> None:
    """It runs as the user that ships, is given the message and keeps what it makes of it in its own /tmp."""
    good = host.machine.read("/etc/vps-sentry.json")
    told = f"{STATE}/acks/.told"
    script = f"#!/bin/sh\ncat >/tmp/m && cp /tmp/m {told} && id -un >>{told}\n"
    host.machine.write("/usr/local/sbin/tell", script, mode=0o755)
    notify = {**json.loads(good)["notify"], "command": {"argv": ["/usr/local/sbin/tell"]}}
    host.machine.write("/etc/vps-sentry.json", json.dumps({"notify": notify}), mode=0o600)
    host.tick()
    message, user = host.machine.read(told).rsplit("}", 1)
    host.machine.write("/etc/vps-sentry.json", good, mode=0o600)
    host.machine.run(["rm", told, "/usr/local/sbin/tell"])
    host.tick()
    host.heard()

    assert "config_changed" in {alert["code"] for alert in json.loads(message + "}")["alerts"]}
    assert user.strip() == "vps-sentry-ship"


KILL = """
rm -f /var/lib/vps-sentry/stamps/tick
systemctl start --no-block vps-sentry.service
until [ -e /var/lib/vps-sentry/running ]; do :; done
systemctl kill --signal=KILL vps-sentry.service
"""


@pytest.mark.weakness(10)
def test_a_run_that_is_killed_is_told_by_the_next(host: Watched) -> None:
    """As when time or memory runs out: systemd kills, and nothing of the run itself can say so."""
    host.tick()
    host.heard()
    host.machine.run(["sh", "-euc", KILL])
    wait_for(
        lambda: host.machine.run(["systemctl", "is-failed", "vps-sentry.service"], check=False).returncode == 0,
        seconds=20,
        what="the run to be killed",
    )
    host.tick()

    assert ("warning", "open", "run_killed", "run") in host.heard()
