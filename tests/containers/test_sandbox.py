# SPDX-License-Identifier: GPL-3.0-or-later
"""The units' sandbox, proven on each Debian release: in copies of the units what must fail is tried, and fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Dict, Tuple

import pytest
from support.lab import Lab
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
    probe = "\n".join(kept).replace("[Service]", "[Service]\nExecStart=/usr/bin/python3 -I /srv/probe.py")
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


PREAMBLE = """
import ctypes, errno, mmap, os, socket, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(*arguments):
    if libc.syscall(*arguments) == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
def attempt(name, action):
    try:
        found = action()
    except OSError as exc:
        found = errno.errorcode.get(exc.errno, exc.errno)
    print(name + ": " + str(found), flush=True)
def write(path):
    return lambda: open(path, "w").close() or "written"
def read(path):
    return lambda: str(len(open(path, "rb").read(10))) + " bytes"
def run(*argv):
    return lambda: subprocess.run(argv, capture_output=True, text=True).stdout.strip()
def sock(*kind):
    return lambda: socket.socket(*kind).close() or "opened"
def writable_code():
    try:
        mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()
    except PermissionError:
        return "refused"  # EPERM by the filter, EACCES by the kernel's own bit since systemd 253
    return "mapped"
"""

AGENT_PROBE = """
attempt("usr", write("/usr/evil"))
attempt("etc", write("/etc/evil"))
attempt("root's home", write("/root/evil"))
attempt("a home", write("/home/alice/evil"))
attempt("tmp", write("/tmp/evil"))
attempt("run", write("/run/evil"))
attempt("var", write("/var/evil"))
attempt("logs", write("/var/log/journal/evil"))
attempt("shared memory", write("/dev/shm/evil"))
attempt("kernel setting", lambda: open("/proc/sys/kernel/domainname", "w").write("x"))
attempt("control group", lambda: os.mkdir("/sys/fs/cgroup/evil"))
attempt("its own state", write("/var/lib/vps-sentry/probe"))
attempt("setuid", lambda: os.chmod("/var/lib/vps-sentry/probe", 0o4755))
os.unlink("/var/lib/vps-sentry/probe")
attempt("inet", sock(socket.AF_INET, socket.SOCK_STREAM))
attempt("inet6", sock(socket.AF_INET6, socket.SOCK_DGRAM))
attempt("packet", sock(socket.AF_PACKET, socket.SOCK_RAW))
attempt("unix", sock(socket.AF_UNIX, socket.SOCK_STREAM))
attempt("netlink", sock(socket.AF_NETLINK, socket.SOCK_RAW, 4))
attempt("other user by setuid", run("/srv/id-other", "-un"))
attempt("user namespace", lambda: call(272, 0x10000000) or "made")
attempt("mount", lambda: call(165, b"tmpfs", b"/mnt", b"tmpfs", 0, 0) or "mounted")
attempt("trace", lambda: call(101, 16, 1, 0, 0) or "attached")
attempt("memory of others", lambda: call(310, 1, 0, 0, 0, 0, 0) or "read")
attempt("module", lambda: call(313, 0, b"", 0) or "loaded")
attempt("clock", lambda: call(164, ctypes.create_string_buffer(16), 0) or "set")
attempt("host name", lambda: call(170, b"x", 1) or "set")
attempt("ids", lambda: os.setuid(65534) or "changed")
attempt("writable code", writable_code)
attempt("shadow", read("/etc/shadow"))
attempt("a home's file", read("/root/.profile"))
attempt("programs of others", lambda: "seen" if os.readlink("/proc/1/exe") else "")
attempt("descriptors of others", lambda: "seen" if os.listdir("/proc/1/fd") else "")
"""

AGENT_FINDS = {
    "usr": "EROFS",
    "etc": "EROFS",
    "root's home": "EROFS",
    "a home": "EROFS",
    "tmp": "EROFS",
    "run": "EROFS",
    "var": "EROFS",
    "logs": "EROFS",
    "shared memory": "EROFS",
    "kernel setting": "EROFS",
    "control group": "EROFS",
    "its own state": "written",
    "setuid": "EPERM",
    "inet": "EAFNOSUPPORT",
    "inet6": "EAFNOSUPPORT",
    "packet": "EAFNOSUPPORT",
    "unix": "opened",
    "netlink": "opened",
    "other user by setuid": "root",
    "user namespace": "EPERM",
    "mount": "EPERM",
    "trace": "EPERM",
    "memory of others": "EPERM",
    "module": "EPERM",
    "clock": "EPERM",
    "host name": "EPERM",
    "ids": "EPERM",
    "writable code": "refused",
    "shadow": "10 bytes",
    "a home's file": "10 bytes",
    "programs of others": "seen",
    "descriptors of others": "seen",
}

SHIP_PROBE = """
state = "/var/lib/vps-sentry"
attempt("usr", write("/usr/evil"))
attempt("etc", write("/etc/evil"))
attempt("run", write("/run/evil"))
attempt("shared memory", write("/dev/shm/evil"))
attempt("outbox", write(state + "/outbox/evil"))
attempt("state", write(state + "/evil"))
attempt("acks", write(state + "/acks/.probe"))
os.unlink(state + "/acks/.probe")
attempt("outbox read", lambda: "listed" if os.listdir(state + "/outbox") is not None else "")
attempt("report", read(state + "/last.json"))
attempt("baseline", read(state + "/baseline.json"))
attempt("shadow", read("/etc/shadow"))
attempt("configuration itself", read("/etc/vps-sentry.json"))
attempt("its copy", read(os.environ["CREDENTIALS_DIRECTORY"] + "/vps-sentry.json"))
attempt("homes", lambda: os.listdir("/home"))
attempt("root's home", lambda: os.listdir("/root"))
attempt("processes of others", lambda: "seen" if "1" in os.listdir("/proc") else "hidden")
attempt("kernel's own files", read("/proc/meminfo"))
attempt("root by setuid", run("/srv/id-root", "-un"))
attempt("inet", sock(socket.AF_INET, socket.SOCK_STREAM))
attempt("netlink", sock(socket.AF_NETLINK, socket.SOCK_RAW, 0))
attempt("packet", sock(socket.AF_PACKET, socket.SOCK_RAW))
attempt("user namespace", lambda: call(272, 0x10000000) or "made")
attempt("trace", lambda: call(101, 16, os.getppid(), 0, 0) or "attached")
attempt("writable code", writable_code)
attempt("tmp", lambda: (write("/tmp/mine")(), os.listdir("/tmp"))[1])
attempt("setuid", lambda: os.chmod("/tmp/mine", 0o4755))
attempt("a program of its own", run("/usr/bin/id", "-un"))
"""

SHIP_FINDS = {
    "usr": "EROFS",
    "etc": "EROFS",
    "run": "EROFS",
    "shared memory": "EROFS",
    "outbox": "EROFS",
    "state": "EROFS",
    "acks": "written",
    "outbox read": "listed",
    "report": "EACCES",
    "baseline": "EACCES",
    "shadow": "EACCES",
    "configuration itself": "EACCES",
    "its copy": "10 bytes",
    "homes": "EACCES",
    "root's home": "EACCES",
    "processes of others": "hidden",
    "kernel's own files": "ENOENT",
    "root by setuid": "vps-sentry-ship",
    "inet": "opened",
    "netlink": "EAFNOSUPPORT",
    "packet": "EAFNOSUPPORT",
    "user namespace": "EPERM",
    "trace": "EPERM",
    "writable code": "refused",
    "tmp": "['mine']",
    "setuid": "EPERM",
    "a program of its own": "vps-sentry-ship",
}


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
    verified = host.machine.run(["systemd-analyze", "verify", *(f"{UNITS}/{name}" for name in names)], check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    for name, most in (("vps-sentry.service", 2.5), ("vps-sentry-ship.service", 2.0)):
        said = host.machine.run(["systemd-analyze", "security", "--no-pager", name]).stdout
        assert float(said.split("level for")[1].split(": ")[1].split()[0]) <= most, said
    assert str(SUITES[suite]) in host.machine.run(["systemctl", "--version"]).stdout.split()[1]


SECRET = "k3y-of-my-own"


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

    assert "installed /etc/systemd/system/vps-sentry-ship.service.d/secrets.conf" in host.script("install.sh")
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
    assert "removed /etc/systemd/system/vps-sentry-ship.service.d/secrets.conf" in host.script("install.sh")
    host.machine.run(["systemctl", "stop", "vps-sentry.timer"])
