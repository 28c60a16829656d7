# SPDX-License-Identifier: GPL-3.0-or-later
"""``scripts/install.sh`` and ``uninstall.sh`` on a real host: who may start them, what they refuse, what they keep."""

from __future__ import annotations

from typing import Iterator

import pytest
from support.lab import ROOT
from support.machine import Machine

pytestmark = pytest.mark.container

CHECKOUT = "/srv/vps-sentry"
INSTALL, UNINSTALL = f"{CHECKOUT}/scripts/install.sh", f"{CHECKOUT}/scripts/uninstall.sh"
PLACES = "/opt /usr/local /etc/default /etc/systemd/system /etc/sysusers.d /var/lib/vps-sentry /etc/passwd"


@pytest.fixture(name="bare")
def _bare(machine: Machine) -> Iterator[Machine]:
    """The machine with a checkout that everybody can read, and nothing installed."""
    if machine.run(["test", "-d", CHECKOUT], check=False).returncode:
        machine.copy_in(ROOT, CHECKOUT)
        machine.run(["chmod", "-R", "a+rX", CHECKOUT])
    yield machine
    machine.run([UNINSTALL])
    machine.run(["rm", "-rf", "/var/lib/vps-sentry", "/etc/vps-sentry.json", "/etc/vps-sentry.d"])
    # Where nothing was installed there is none.
    machine.run(["userdel", "vps-sentry-ship"], check=False)


def _fingerprint(machine: Machine) -> str:
    return machine.run(["sh", "-c", f"find {PLACES} -printf '%p %i %m %u %g %s %T@ %l\\n' 2>/dev/null | sort"]).stdout


def test_as_an_ordinary_user_through_sudo(bare: Machine) -> None:
    done = bare.ssh("deploy", INSTALL)

    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "vps-sentry is installed and starts release" in done.stdout
    assert "0:0:755" == bare.run(["stat", "-c", "%u:%g:%a", "/usr/local/bin/vps-sentry"]).stdout.strip()
    assert "active" == bare.run(["systemctl", "is-active", "vps-sentry.timer"]).stdout.strip()

    before = _fingerprint(bare)
    again = bare.ssh("deploy", INSTALL)
    assert again.stdout.startswith("Nothing to change: ")
    assert before == _fingerprint(bare)
    assert 0 == bare.ssh("deploy", UNINSTALL).returncode


def test_without_sudo_it_is_one_sentence(bare: Machine) -> None:
    bare.run(["mv", "/usr/bin/sudo", "/root/sudo"])
    before = _fingerprint(bare)
    told = [bare.ssh("deploy", script) for script in (INSTALL, UNINSTALL)]
    bare.run(["mv", "/root/sudo", "/usr/bin/sudo"])

    assert ["root is needed and there is no sudo: run this script as root"] * 2 == [
        done.stderr.strip().partition(": ")[2] for done in told
    ]
    assert [1, 1] == [done.returncode for done in told]
    assert before == _fingerprint(bare)


FOREIGN = [
    pytest.param("printf 'mine\\n' >{}", id="another program of that name"),
    pytest.param("ln -s /usr/bin/true {}", id="a link"),
    pytest.param("mkdir {}", id="a directory"),
]


@pytest.mark.parametrize("plant", FOREIGN)
@pytest.mark.parametrize("path", ["/usr/local/bin/vps-sentry", "/etc/systemd/system/vps-sentry.timer"])
def test_what_is_not_ours_is_not_overwritten(bare: Machine, plant: str, path: str) -> None:
    bare.run(["sh", "-euc", plant.format(path)])
    before = _fingerprint(bare)
    done = bare.run([INSTALL], check=False)
    same = before == _fingerprint(bare)
    bare.run(["rm", "-rf", path])

    assert (1, True) == (done.returncode, same)
    assert path in done.stderr
    assert "Nothing was changed" in done.stderr


def test_what_is_not_ours_is_overwritten_on_request(bare: Machine) -> None:
    bare.run(["sh", "-euc", "printf 'mine\\n' >/usr/local/bin/vps-sentry"])
    bare.run(["env", "VPS_SENTRY_OVERWRITE=yes", INSTALL])

    assert "SPDX" in bare.read("/usr/local/bin/vps-sentry")


def test_an_override_is_kept_and_installs_no_release(bare: Machine) -> None:
    bare.write("/opt/other", '#!/bin/sh\necho "override $*"\n', mode=0o755)
    said = bare.ssh("deploy", f"VPS_SENTRY_RUNTIME=/opt/other {INSTALL}")
    assert said.returncode == 0, said.stderr
    assert 0 != bare.run(["test", "-e", "/opt/vps-sentry/releases"], check=False).returncode
    assert 'VPS_SENTRY_RUNTIME="/opt/other"' in bare.read("/etc/default/vps-sentry")
    assert "override status\n" == bare.run(["vps-sentry", "status"]).stdout

    before = _fingerprint(bare)
    assert "Nothing to change" in bare.run([INSTALL]).stdout
    assert before == _fingerprint(bare)

    bare.run([UNINSTALL])
    assert 0 != bare.run(["test", "-e", "/etc/default/vps-sentry"], check=False).returncode
    bare.run(["rm", "/opt/other"])


def test_an_override_that_others_could_change_is_refused(bare: Machine) -> None:
    bare.write("/opt/other", "#!/bin/sh\n", mode=0o775)
    before = _fingerprint(bare)
    done = bare.run(["env", "VPS_SENTRY_RUNTIME=/opt/other", INSTALL], check=False)
    same = before == _fingerprint(bare)
    bare.run(["rm", "/opt/other"])

    assert (127, True) == (done.returncode, same), done.stderr
    assert "writable by group or others" in done.stderr


def test_a_sudo_that_does_not_look_in_usr_local_bin_is_told(bare: Machine) -> None:
    bare.write("/etc/sudoers.d/path", "Defaults secure_path=/usr/sbin:/usr/bin:/sbin:/bin\n", mode=0o440)
    said = bare.run([INSTALL]).stdout
    bare.run(["rm", "/etc/sudoers.d/path"])

    assert "Defaults secure_path = /usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin" in said
    assert "Next: sudo /usr/local/bin/vps-sentry " in said
    assert "secure_path" not in bare.run([INSTALL]).stdout


def test_uninstall_keeps_and_names_what_people_made(bare: Machine) -> None:
    bare.run(
        ["sh", "-euc", "mkdir -p /etc/vps-sentry.d; echo k >/etc/vps-sentry.d/mine; echo '{}' >/etc/vps-sentry.json"]
    )
    bare.run([INSTALL])
    bare.run(["vps-sentry", "--exit-zero"])
    said = bare.run([UNINSTALL]).stdout

    assert "sudo rm -rf /var/lib/vps-sentry /etc/vps-sentry.json /etc/vps-sentry.d" in said
    gone = "/opt/vps-sentry /usr/local/bin/vps-sentry* /etc/default/vps-sentry"
    gone += " /etc/systemd/system/*vps-sentry* /etc/systemd/system/*/vps-sentry*"
    left = bare.run(["sh", "-c", f"ls -d {gone} 2>/dev/null"], check=False)
    assert "" == left.stdout
    assert "k\n" == bare.read("/etc/vps-sentry.d/mine")
    before = _fingerprint(bare)
    assert "Nothing to remove" in bare.run([UNINSTALL]).stdout
    assert before == _fingerprint(bare)
