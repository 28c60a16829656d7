# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to hosts in the course of years: rotated journals, certificates, another Python under the agent."""

from __future__ import annotations

import json
from typing import Set

import pytest
from support.engine import build_image, image
from support.lab import wait_for
from support.watched import STATE, Watched

pytestmark = pytest.mark.container
OTHER, OTHER_SUITE = "python3.9", "bullseye"
PLACES = f"usr/bin/{OTHER} usr/lib/{OTHER}"
FFI = "usr/lib/*-linux-gnu/libffi.so.7 usr/lib/*-linux-gnu/libssl.so.1.1 usr/lib/*-linux-gnu/libcrypto.so.1.1"


def _standing(watched: Watched) -> Set[str]:
    return {alert["code"] for alert in watched.last()["alerts"] if alert["state"] != "resolved"}


@pytest.fixture(scope="module", name="calm")
def _calm(host: Watched) -> Watched:
    """Everything accepted and told."""
    host.accept()
    host.tick()
    host.heard()
    return host


def test_a_rotated_and_vacuumed_journal_is_no_alert_and_hides_no_login(calm: Watched) -> None:
    calm.machine.run(["journalctl", "--rotate"])
    calm.tick()
    assert [] == calm.heard()

    calm.machine.ssh("deploy", "true")
    calm.machine.run(["sh", "-c", "journalctl --rotate; journalctl --vacuum-files=1 --rotate"])
    calm.tick()
    assert "ok" == calm.last()["checks"]["ssh_auth"]["status"]
    assert set() == {code for severity, _, code, _ in calm.heard() if severity == "critical"} - {"ssh_log_truncated"}


def test_a_certificate_is_another_way_in(calm: Watched) -> None:
    """A key of the same account, signed by an authority that sshd was told to trust."""
    script = """
cd /root; ssh-keygen -q -t ed25519 -N '' -f authority; ssh-keygen -q -t ed25519 -N '' -f visitor
ssh-keygen -q -s authority -I visitor@test -n alice visitor.pub
cp authority.pub /etc/ssh/authority.pub; echo 'TrustedUserCAKeys /etc/ssh/authority.pub' >/etc/ssh/sshd_config.d/ca.conf
systemctl reload ssh
# sshd begins anew on a reload and refuses everybody for a moment.
for _ in 1 2 3 4 5 6 7 8; do
    ! ssh -o StrictHostKeyChecking=no -o BatchMode=yes -i visitor alice@127.0.0.1 true || exit 0
    sleep 1
done
exit 1
"""
    calm.machine.run(["sh", "-euc", script])
    calm.tick()
    logins = [key for _, state, code, key in calm.heard() if (state, code) == ("open", "ssh_first_login")]

    assert 1 == len(logins)
    assert "alice" in logins[0]
    calm.accept()
    calm.tick()
    calm.heard()


def test_another_python_under_the_agent(calm: Watched) -> None:
    """The release was compiled for one Python; a dist-upgrade brings another. It goes on, from source.

    First without the library ctypes needs, as in the middle of an upgrade: what reads the journal fails, alone.
    """
    engine = calm.machine.engine
    build_image(OTHER_SUITE, engine.environment)
    for places, failed in ((PLACES, ["ssh_auth"]), (FFI, [])):
        pack = ["sh", "-c", f"tar -C / -ch --hard-dereference {places}"]
        packed = engine.run("run", "--rm", image(OTHER_SUITE), *pack).stdout
        calm.machine.run(["tar", "-x", "-C", "/"], stdin=packed)
        calm.machine.run(["ln", "-sfn", OTHER, "/usr/bin/python3"])
        before = calm.last()["time"]
        calm.machine.run(["sh", "-euc", f"sleep 1; echo {len(failed)} >/etc/motd.moved"])
        assert 3 == calm.tick()

        assert before < calm.last()["time"]
        assert failed == [name for name, check in calm.last()["checks"].items() if check["status"] == "failed"]
        assert {"file_added", "runtime_changed"} <= _standing(calm)
    compiled = "find /opt/vps-sentry/venv/lib -name '*.cpython-39.pyc' | head -1"
    assert "" == calm.machine.run(["sh", "-c", compiled]).stdout
    calm.heard()


def test_a_second_install_compiles_for_the_new_python(calm: Watched) -> None:
    calm.script("install.sh")
    compiled = "find /opt/vps-sentry/venv/lib -name '*.cpython-39.pyc' | head -1"
    assert "" != calm.machine.run(["sh", "-c", compiled]).stdout

    calm.tick()
    assert [] == [name for name, check in calm.last()["checks"].items() if check["status"] == "failed"]


def test_the_timer_alone_tells_of_a_change(calm: Watched) -> None:
    """Nobody starts anything by hand: the timer ticks, the alert arrives."""
    drop_in = "[Timer]\nOnCalendar=\nOnCalendar=*:*:0/5\nRandomizedDelaySec=0\n"
    calm.machine.write("/run/systemd/system/vps-sentry.timer.d/often.conf", drop_in)
    calm.machine.run(["systemctl", "daemon-reload"])
    calm.machine.run(["systemctl", "restart", "vps-sentry.timer"])
    calm.machine.write("/usr/local/bin/by-timer", "#!/bin/sh\n", mode=0o4755)
    told = wait_for(
        lambda: [
            code
            for severity, _, code, key in calm.heard()
            if (severity, key) == ("critical", "/usr/local/bin/by-timer")
        ],
        seconds=90,
        what="the alert",
    )
    calm.machine.run(["rm", "-r", "/run/systemd/system/vps-sentry.timer.d"])
    calm.machine.run(["systemctl", "daemon-reload"])

    assert ["file_setuid"] == told
    assert json.loads(calm.machine.read(f"{STATE}/last.json"))["alerts"]
