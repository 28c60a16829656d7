# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet over real ssh: two groups, a host that is not there, secrets in a vault's stead, upgrade and way back."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Callable, List

import pytest
from support.lab import ROOT, Lab
from support.machine import Machine
from support.older import MARK, VERSION, make_older
from support.play import Play, changed, listing

pytestmark = pytest.mark.container
TOKEN = "s3cret-tok3n"
HOOK = f"https://discord.com/api/webhooks/123/{TOKEN}"
CONFIG = "/etc/vps-sentry.json"
UNIT = "/etc/systemd/system/vps-sentry.service"
DROP_IN = "/etc/systemd/system/vps-sentry.service.d/zz-broken.conf"


@pytest.fixture(scope="module", name="machines")
def _machines(fleet: Callable[[int], List[Machine]]) -> List[Machine]:
    return fleet(3)


@pytest.fixture(name="play")
def _play(lab: Lab, machines: List[Machine]) -> Play:
    """Each test has an inventory of its own: what one changes there is no other's business."""
    play = Play(lab, {"web": machines[:2], "db": machines[2:]}, name="rollout")
    play.variables = {
        "all": {"vps_sentry_fleet_id": "lab", "vps_sentry_config_all": {"checks": {"ports": {"expected": ["tcp:22"]}}}},
        "web": {"vps_sentry_config_web": {"checks": {"ports": {"expected": ["tcp:80"]}, "files": {"watch": ["/srv"]}}}},
        machines[1].name: {"vps_sentry_config": {"checks": {"ports": {"expected": ["tcp:9000"]}}}},
    }
    play.variables["db"] = {}
    play.variables["all"]["vps_sentry_config_sinks"] = {"notify": {"discord": {"webhook_url": HOOK}}}
    return play


@pytest.fixture(name="bare")
def _bare(play: Play, machines: List[Machine]) -> List[Machine]:
    """The hosts without anything of ours, whatever ran before."""
    if any(is_installed(machine) for machine in machines):
        play.run("uninstall", "-e", "vps_sentry_purge=true")
    return machines


@pytest.fixture(name="hosts")
def _hosts(play: Play, machines: List[Machine]) -> List[Machine]:
    """The hosts with the agent as this inventory wants it, whatever ran before."""
    if not all(is_installed(machine) for machine in machines):
        play.run("install")
    return machines


def is_installed(host: Machine) -> bool:
    return host.run(["systemctl", "is-active", "--quiet", "vps-sentry.timer"], check=False).returncode == 0


def test_check_mode_tells_changes_nothing_and_keeps_secrets(play: Play, bare: List[Machine]) -> None:
    before = [listing(host) for host in bare]
    said = play.run("install", "--check", "--diff", "-vvv")

    assert all(count > 0 for count in changed(said).values())
    assert "would install release" in said
    assert before == [listing(host) for host in bare]
    assert TOKEN not in said


def test_one_command_installs_all_and_names_who_is_missing(play: Play, bare: List[Machine]) -> None:
    ghost = "ghost"
    path = play.write()
    path.with_name("ghost.yml").write_text(
        f"db: {{hosts: {{{ghost}: {{ansible_host: 127.0.0.1, ansible_port: 1}}}}}}\n"
    )
    said = play.run("install", "--diff", "-vvv", "-i", str(path.with_name("ghost.yml")), code=2)

    assert TOKEN not in said
    told = said.split("installed: 3 of 4 hosts")[1]
    assert f"{ghost}: not reached: " in told
    assert "check that it runs" in told
    assert f"--limit {ghost}" in told
    for host in bare:
        host.run(["systemctl", "is-active", "vps-sentry.timer"])


def test_parts_of_a_configuration_add_up(play: Play, hosts: List[Machine]) -> None:
    found = [json.loads(host.read(CONFIG))["checks"] for host in hosts]

    assert [["tcp:22", "tcp:80"], ["tcp:22", "tcp:80", "tcp:9000"], ["tcp:22"]] == [
        c["ports"]["expected"] for c in found
    ]
    assert ["/srv"] == found[1]["files"]["watch"]
    assert "600 root" == hosts[0].run(["stat", "-c", "%a %U", CONFIG]).stdout.strip()


def test_a_second_run_changes_nothing(play: Play, hosts: List[Machine]) -> None:
    assert dict.fromkeys((host.name for host in hosts), 0) == changed(play.run("install"))


def test_a_managed_host_ships_no_baseline_never(hosts: List[Machine]) -> None:
    last = json.loads(hosts[2].read("/var/lib/vps-sentry/last.json"))

    assert "no_baseline" in {alert["code"] for alert in last["alerts"]}, "nothing was accepted on this one"
    assert 1 == hosts[2].run(["grep", "-r", "no_baseline", "/var/lib/vps-sentry/outbox"], check=False).returncode


def test_a_mistake_in_the_inventory_is_told_before_its_host_is_contacted(play: Play, hosts: List[Machine]) -> None:
    wrong = hosts[2]
    play.variables[wrong.name] = {"vps_sentry_config": {"checks": {"portz": {}}, "notify": {"x": TOKEN}}}
    said = play.run("install", code=2)
    del play.variables[wrong.name]

    told = said.split("installed: 2 of 3 hosts")[1]
    assert f"{wrong.name}: " in told
    assert "unknown key" in told
    assert "this host was not contacted" in told
    assert TOKEN not in said


def test_a_network_that_would_lock_the_collecting_key_out_is_told_before_its_host_is_contacted(
    play: Play, lab: Lab, hosts: List[Machine]
) -> None:
    play.variables["db"].update(
        vps_sentry_collect_user="collector",
        vps_sentry_collect_keys=[lab.key.with_suffix(".pub").read_text().strip()],
        vps_sentry_collect_from=["10.0.0.5/24"],
    )
    told = play.run("install", code=2).split("installed: 2 of 3 hosts")[1]

    words = [hosts[2].name, "10.0.0.5/24 is an address inside a network", "write 10.0.0.0/24", "was not contacted"]
    assert [word for word in words if word not in told] == [], told


def test_a_cohort_waits_for_the_host_that_goes_first(play: Play, hosts: List[Machine]) -> None:
    first, second, other = hosts
    first.write(DROP_IN, "[Service]\nExecStart=\nExecStart=/nonexistent\n")
    for host in (first, second, other):
        host.run(["rm", "/usr/local/bin/vps-sentry-ship"])
    said = play.run("install", code=2)
    first.run(["rm", DROP_IN])
    first.run(["systemctl", "daemon-reload"])

    told = said.split("installed: 1 of 3 hosts")[1]
    assert f"{first.name}: the self-test failed: FAIL" in told
    assert f"{second.name}: held back, because {first.name}" in told
    assert 1 == second.run(["test", "-e", "/usr/local/bin/vps-sentry-ship"], check=False).returncode
    other.run(["test", "-x", "/usr/local/bin/vps-sentry-ship"])


def test_one_batch_that_fails_is_not_in_the_way_of_the_next(play: Play, hosts: List[Machine]) -> None:
    broken = hosts[0]
    broken.run(["rm", "-f", "/usr/local/bin/vps-sentry-ship"])
    broken.run(["mount", "--bind", "/usr/local/bin", "/usr/local/bin"])
    broken.run(["mount", "-o", "remount,ro,bind", "/usr/local/bin"])
    said = play.run("install", "-e", "vps_sentry_serial=1", "-e", "vps_sentry_canary=false", code=2)
    broken.run(["umount", "/usr/local/bin"])

    assert f"{broken.name}: " in said.split("installed: 2 of 3 hosts")[1]
    play.run("install")


def test_upgrade_and_way_back_keep_state_and_baseline(play: Play, hosts: List[Machine], tmp_path: Path) -> None:
    host = hosts[0]
    place_older_release(host, tmp_path)
    host.run(["systemctl", "stop", "vps-sentry.timer"])
    host.run(["vps-sentry", "--accept-baseline", "--reason", "before the upgrade"])
    baseline = host.read("/var/lib/vps-sentry/baseline.json")

    only = ["--limit", host.name]
    assert (VERSION, True) == (version(host), MARK in host.read(UNIT))
    play.run("install", *only)
    assert (False, False) == (version(host) == VERSION, MARK in host.read(UNIT))
    play.run("install", *only, "-e", "vps_sentry_rollback=true")
    assert (VERSION, True) == (version(host), MARK in host.read(UNIT)), "the units come back, too"
    assert {host.name: 0} == changed(play.run("install", *only, "-e", "vps_sentry_rollback=true"))
    assert baseline == host.read("/var/lib/vps-sentry/baseline.json")
    host.write("/var/lib/vps-sentry/format", "2\n")
    refused = play.run("install", *only, code=2)
    host.write("/var/lib/vps-sentry/format", "1\n", mode=0o600)
    assert "newer release" in refused.split("installed: 0 of 1 hosts")[1]
    assert VERSION == version(host)
    play.run("install", *only)
    host.run(["vps-sentry", "--exit-zero"])
    last = json.loads(host.read("/var/lib/vps-sentry/last.json"))
    assert [] == [alert for alert in last["alerts"] if alert["severity"] == "critical" and alert["state"] != "resolved"]


def version(machine: Machine) -> str:
    return machine.run(["vps-sentry", "--version"]).stdout.split()[1]


def place_older_release(machine: Machine, place: Path) -> None:
    """What an earlier version would have left: its release, active, with its own units."""
    machine.copy_in(make_older(place / "older"), "/root/older")
    machine.run(["/root/older/scripts/install.sh"])
    machine.run(["rm", "-r", "/root/older"])


def test_status_run_and_selftest_speak_of_every_host(play: Play, hosts: List[Machine]) -> None:
    for playbook, words in (
        ("status", "answered: 3 of 3"),
        ("run", "looked at: 3 of 3"),
        ("selftest", "tried: 3 of 3"),
    ):
        said = play.run(playbook)
        assert words in said
        assert [host.name for host in hosts if f"{host.name}" not in said.split(words)[1]] == []
    wrapper = hosts[1].read("/usr/local/bin/vps-sentry")
    hosts[1].write("/usr/local/bin/vps-sentry", '#!/bin/sh\necho \'{"alerts": "\\u001b[2J"}\'\n', mode=0o755)
    said = play.run("status", code=2)
    hosts[1].write("/usr/local/bin/vps-sentry", wrapper, mode=0o755)
    assert f"{hosts[1].name}: its answer is no status" in said.split("answered: 2 of 3 hosts")[1]


def test_a_user_that_collects_can_do_nothing_else(play: Play, lab: Lab, hosts: List[Machine]) -> None:
    host, user = hosts[0], "collector"
    play.variables["web"].update(
        vps_sentry_collect_user=user,
        vps_sentry_collect_keys=[lab.key.with_suffix(".pub").read_text().strip()],
        vps_sentry_collect_from=[host.gateway],
    )
    play.run("install", "--limit", host.name)
    assert {host.name: 0} == changed(play.run("install", "--limit", host.name))

    for asked in ("true", "id; cat /etc/shadow", "sudo -n /usr/local/bin/vps-sentry --accept-baseline"):
        answer = knock(lab, host, user, asked)
        assert answer.stdout.startswith('{"agent_digest":'), answer
    denied = ["status", "bundle --state-dir /tmp", "--accept-baseline", ""]
    for arguments in denied:
        tried = host.run(["su", user, "-c", f"sudo -n /usr/local/bin/vps-sentry {arguments}"], check=False)
        assert (tried.returncode, "password is required" in tried.stderr) == (1, True), (arguments, tried)
    keys = f"/var/lib/{user}/.ssh/authorized_keys"
    assert 0 != host.run(["su", user, "-c", f"echo x >>{keys}"], check=False).returncode
    host.write(keys, host.read(keys).replace(host.gateway, "192.0.2.1"))
    assert 255 == knock(lab, host, user, "true").returncode
    host.run(["visudo", "-c"])


def knock(lab: Lab, machine: Machine, user: str, command: str) -> subprocess.CompletedProcess[str]:
    """A login with the laboratory's key, and nothing on standard input."""
    options = [f"-oUserKnownHostsFile={lab.known_hosts}", "-oBatchMode=yes", "-oControlPath=none", "-i", str(lab.key)]
    return subprocess.run(
        ["ssh", *options, f"{user}@{machine.address}", command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_removed_and_installed_again_from_the_wheel(play: Play, hosts: List[Machine], tmp_path: Path) -> None:
    assert "removed: 3 of 3 hosts" in play.run("uninstall", "-e", "vps_sentry_purge=true")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    tools = shutil.ignore_patterns(".git", ".venv", ".cache", ".*_cache", "__pycache__", "build", "*.egg-info")
    copy = shutil.copytree(ROOT, tmp_path / "copy", symlinks=True, ignore=tools)
    target = ["install", "--no-deps", "--no-build-isolation", "--target", str(tmp_path / "site")]
    subprocess.run([*pip, *target, str(copy)], check=True)
    shutil.rmtree(copy)
    settings = tmp_path / "ansible.cfg"
    settings.write_text("[ssh_connection]\npipelining = True\n")
    program = Path(sysconfig.get_path("scripts")) / "ansible-playbook"
    done = subprocess.run(
        [str(program), "-i", str(play.write()), "vps_sentry.fleet.install"],
        env={**play.lab.environment(), "PYTHONPATH": str(tmp_path / "site"), "ANSIBLE_CONFIG": str(settings)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "installed: 3 of 3 hosts" in done.stdout, f"{done.stdout}\n{done.stderr}"
    assert {host.name: 0 for host in hosts} == changed(play.run("install")), "the checkout finds nothing to change"
