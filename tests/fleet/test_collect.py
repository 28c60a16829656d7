# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks against real agents on small disks: what is collected, what is not reached, what is compared."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Sequence, Tuple

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import roster
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance import planfile, signing
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance.desk import Desk
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import open_store
from support.orders import Signer

TOP = Path(__file__).parents[2]
AGENT = [sys.executable, "-m", "vps_sentry"]
PLAYBOOK = shutil.which("ansible-playbook", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")

pytestmark = pytest.mark.skipif(PLAYBOOK is None, reason="needs ansible-core")


def environment(home: Path) -> Dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(TOP / "agent/src"),
        "ANSIBLE_CONFIG": str(TOP / "ansible.cfg"),
        "ANSIBLE_HOME": str(home / "ansible"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOCALHOST_WARNING": "0",
    }


def make_host(folder: Path, name: str, *, accepted: bool = True, **files: str) -> Dict[str, Any]:
    """A small disk, watched by the real agent, accepted unless said; its inventory entry."""
    root, state = folder / name / "root", folder / name / "state"
    (root / "etc").mkdir(parents=True)
    content = {"machine-id": hashlib.md5(name.encode()).hexdigest(), "hostname": name, "motd": "hello", **files}
    for path, text in content.items():
        (root / "etc" / path).write_text(text + "\n")
    for action in (["run"], ["--accept-baseline"])[: 1 + accepted]:
        command = [*AGENT, *action, "--root", str(root), "--state-dir", str(state)]
        subprocess.run(command, env=environment(folder), check=False, capture_output=True, timeout=60)
    script = folder / name / "vps-sentry"
    script.write_text(f'#!/bin/sh\nexec {" ".join(AGENT)} "$@" --state-dir {state}\n')
    script.chmod(0o755)
    return {"ansible_connection": "local", "vps_sentry_agent": str(script)}


def write_script(path: Path, text: str) -> Dict[str, Any]:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return {"ansible_connection": "local", "vps_sentry_agent": str(path)}


def play(
    folder: Path, name: str, hosts: Dict[str, Any], *, options: Sequence[str] = (), **variables: Any
) -> Tuple[int, str]:
    """Exit code and output of one of the project's playbooks over these hosts, all in the group ``web``."""
    inventory = folder / "hosts.json"
    inventory.write_text(json.dumps({"all": {"children": {"web": {"hosts": hosts}}}}))
    given = {"vps_sentry_store": f"sqlite:///{folder}/fleet.sqlite", "ansible_become": False, **variables}
    command = [str(PLAYBOOK), "-i", str(inventory), str(TOP / "playbooks" / name), "-e", json.dumps(given), *options]
    done = subprocess.run(command, env=environment(folder), cwd=TOP, check=False, capture_output=True, timeout=180)
    return done.returncode, done.stdout.decode() + done.stderr.decode()


def rows(folder: Path) -> Dict[str, roster.HostRow]:
    with open_store(f"sqlite:///{folder}/fleet.sqlite", environ={}) as store, store.read() as connection:
        return {row.name: row for row in roster.hosts(connection)}


def test_three_hosts_one_differs(tmp_path: Path) -> None:
    hosts = {name: make_host(tmp_path, name) for name in ("web-1", "web-2")}
    hosts["web-3"] = make_host(tmp_path, "web-3", motd="{{ 7 * 191 }}", extra="x")

    code, told = play(tmp_path, "collect.yml", hosts)
    assert code == 0, told
    assert "collected 3 of 3\n" in told
    assert {(row.cohort, row.baseline, row.missed) for row in rows(tmp_path).values()} == {("web", "accepted", 0)}

    code, told = play(tmp_path, "compare.yml", hosts, result_file=f"{tmp_path}/result.json")
    assert code == 0, told
    assert "/etc/extra" in told
    assert "no quorum" in told
    result = json.loads((tmp_path / "result.json").read_text())
    assert [(one["key"], one["outliers"]) for one in result["findings"]] == [
        ("/etc/extra", ["web-3"]),
        ("/etc/motd", ["web-3"]),
    ]
    assert stat.S_IMODE((tmp_path / "result.json").stat().st_mode) == 0o600

    code, told = play(tmp_path, "compare.yml", hosts, fail_on="drift")
    assert code == 2
    assert "failed on: drift" in told


def test_a_second_collect_moves_nothing_but_the_clock(tmp_path: Path) -> None:
    hosts = {"web-1": make_host(tmp_path, "web-1")}
    play(tmp_path, "collect.yml", hosts)
    size = sum(path.stat().st_size for path in tmp_path.glob("fleet.sqlite*"))

    code, told = play(tmp_path, "collect.yml", hosts)

    assert (code, "collected 1 of 1\n" in told) == (0, True)
    assert sum(path.stat().st_size for path in tmp_path.glob("fleet.sqlite*")) == size


def test_hosts_that_bring_nothing_are_named_and_hurt_nobody(tmp_path: Path) -> None:
    hosts = {
        "bomb": write_script(tmp_path / "bomb", "exec cat /dev/zero"),
        "garbage": write_script(tmp_path / "garbage", "echo '{{ 7 * 191 }}'; printf '\\033[2J'"),
        "gone": {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1},
        "no-agent": {"ansible_connection": "local", "vps_sentry_agent": "/nonexistent/vps-sentry"},
        "web-1": make_host(tmp_path, "web-1"),
        "wordy": write_script(tmp_path / "wordy", "printf 'cannot read \\033[2J state' >&2; exit 4"),
    }

    code, told = play(tmp_path, "collect.yml", hosts)

    assert code == 0, told
    assert "collected 1 of 6; not reached: " in told
    assert "1337" not in told
    assert "\x1b[2J" not in told
    found = {name: (row.outcome, row.reason) for name, row in rows(tmp_path).items()}
    assert found["bomb"] == ("failed", "`vps-sentry bundle` ended with 141: its bundle is larger than 16777216 bytes")
    assert found["garbage"][0] == "refused"
    assert found["garbage"][1].startswith("not strict JSON: ")
    assert found["gone"][0] == "unreachable"
    assert found["no-agent"][1].startswith("`vps-sentry bundle` ended with 127: ")
    assert found["web-1"] == ("collected", "")
    assert found["wordy"] == ("failed", r"`vps-sentry bundle` ended with 4: cannot read \x1b[2J state")

    code, told = play(tmp_path, "collect.yml", hosts, fail_on="incomplete")
    assert code == 2


def test_an_old_answer_is_refused(tmp_path: Path) -> None:
    hosts = {"web-1": make_host(tmp_path, "web-1")}
    agent = hosts["web-1"]["vps_sentry_agent"]
    kept = subprocess.run([agent, "bundle"], input=b"", check=True, capture_output=True, env=environment(tmp_path))
    (tmp_path / "kept.json").write_bytes(kept.stdout)
    hosts["web-1"] = write_script(tmp_path / "replay", f"cat {tmp_path}/kept.json")

    play(tmp_path, "collect.yml", hosts)

    assert rows(tmp_path)["web-1"].reason == "the nonce is not the one that was asked with: an old or a foreign answer"


def test_check_mode_asks_nobody(tmp_path: Path) -> None:
    hosts = {"web-1": write_script(tmp_path / "agent", f"touch {tmp_path}/asked")}

    code, _ = play(tmp_path, "collect.yml", hosts, options=("--check",))

    assert code == 0
    assert not (tmp_path / "asked").exists()


def test_planning_prints_the_plan_and_no_word_of_handing_over(tmp_path: Path) -> None:
    hosts = {name: make_host(tmp_path, name) for name in ("web-1", "web-2")}

    code, told = play(tmp_path, "accept.yml", hosts)

    assert code == 0, told
    assert "Nothing to accept." in told
    assert "skipping: [" not in told
    assert "Hand over what waits" not in told


def test_collecting_hands_over_what_waits_and_does_nothing_more_on_the_other_hosts(tmp_path: Path) -> None:
    hosts = {name: make_host(tmp_path, name) for name in ("web-1", "web-2")}
    (tmp_path / "web-1" / "root" / "etc" / "motd").write_text("changed\n")
    run = [*AGENT, "run", "--root", f"{tmp_path}/web-1/root", "--state-dir", f"{tmp_path}/web-1/state"]
    subprocess.run(run, env=environment(tmp_path), check=False, capture_output=True, timeout=60)
    play(tmp_path, "collect.yml", hosts)
    with open_store(f"sqlite:///{tmp_path}/fleet.sqlite", environ={}) as store:
        desk = Desk(store, by="anna")
        plan = desk.plan({"reason": "the new motd"}, folder=tmp_path).plan
        assert plan is not None
        desk.begin(Path(plan), {"max": "100%"})
    for name in hosts:
        script = tmp_path / name / "vps-sentry"
        script.write_text(script.read_text().replace("exec", f'echo "$1" >> {tmp_path}/{name}/calls\nexec'))

    code, told = play(tmp_path, "collect.yml", hosts, options=("-v",))

    assert code == 0, told
    assert told.count("TASK [") == 2, "one for the hosts, one that sums up"
    calls = {name: (tmp_path / name / "calls").read_text().split() for name in hosts}
    assert calls == {"web-1": ["bundle", "apply-acceptance"], "web-2": ["bundle"]}
    # The machine is not the disk's, and its agent says so.
    assert '"state": "refused"' in told


def test_collecting_offers_a_signed_profile_to_new_hosts_alone(tmp_path: Path) -> None:
    hosts = {f"web-{number}": make_host(tmp_path, f"web-{number}", accepted=number < 5) for number in range(1, 6)}
    play(tmp_path, "collect.yml", hosts)
    anna = Signer.make(tmp_path, "anna@example.org")
    (tmp_path / "signers").write_text(anna.allowed())
    with open_store(f"sqlite:///{tmp_path}/fleet.sqlite", environ={}) as store:
        path = Path(Desk(store, by="anna").profile({"cohort": "web", "expires": "90d"}, folder=tmp_path).plan or "")
    given = {"profile": str(path), "vps_sentry_signers": str(tmp_path / "signers")}
    signing.add(path, signing.sign(planfile.read(path), anna.key))
    code, told = play(tmp_path, "collect.yml", hosts, options=("-v",), **given)
    assert code == 0, told
    assert "for anna@example.org (signed) on 1 hosts" in told
    # The machine is not the disk's, and its agent says so, besides that it knows neither signers nor its cohort.
    assert "refused 1" in told
    assert "a profile counts only where accept.allowed_signers names who may sign it" in told
    assert {f"web-{number}": 1 for number in range(1, 5)} | {"web-5": 0} == {
        name: row.sequence for name, row in rows(tmp_path).items()
    }
