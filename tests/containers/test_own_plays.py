# SPDX-License-Identifier: GPL-3.0-or-later
"""An operator's own play over real ssh, inside a maintenance window, and an acceptance of just what it changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Callable, List

import pytest
from support.lab import Lab
from support.machine import Machine
from support.office import Office

pytestmark = pytest.mark.container
LOOK = ["vps-sentry", "run", "--exit-zero"]
SITE = """
- name: Deploy
  hosts: all
  gather_facts: false
  become: true
  tasks:
    - name: Greet
      ansible.builtin.copy: {content: "welcome\\n", dest: /etc/motd, mode: "0644", owner: root, group: root}
    - name: Render
      ansible.builtin.template: {src: app.conf.j2, dest: /etc/app.conf, mode: "0644", owner: root, group: root}
      diff: true
    - name: Let the application restart
      ansible.builtin.copy: {content: "app ALL=(root) /bin/true\\n", dest: /etc/sudoers.d/app, mode: "0440"}
"""
PLANTED = "/etc/profile.d/planted.sh"


@pytest.fixture(scope="module", name="office")
def _office(lab: Lab, fleet: Callable[[int], List[Machine]], tmp_path_factory: pytest.TempPathFactory) -> Office:
    office = Office(lab, fleet(2), tmp_path_factory.mktemp("office"))
    hook = {"notify": {"webhook": {"url": "https://127.0.0.1:1/nobody"}}}
    office.play("install", "-e", json.dumps({"vps_sentry_config": hook}))
    office.everywhere("systemctl", "stop", "vps-sentry.timer")
    office.apply(office.plan(), "-e", "canary=false")
    return office


def waiting(machine: Machine) -> List[str]:
    """Severity and key of the alerts in the outbox, each once."""
    script = "cat /var/lib/vps-sentry/outbox/*.json 2>/dev/null || true"
    entries = [json.loads(line) for line in machine.run(["sh", "-c", script]).stdout.splitlines()]
    return sorted({f"{alert['severity']} {alert['key']}" for entry in entries for alert in entry["alerts"]})


def clear(office: Office) -> None:
    office.everywhere("sh", "-c", "rm -f /var/lib/vps-sentry/outbox/*")


def deploy(office: Office, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator's playbook, with the callback enabled."""
    folder = office.folder / "site"
    (folder / "templates").mkdir(parents=True)
    (folder / "templates" / "app.conf.j2").write_text("name = {{ inventory_hostname }}\n")
    (folder / "site.yml").write_text(SITE)
    monkeypatch.setenv("ANSIBLE_CALLBACKS_ENABLED", "vps_sentry.fleet.change_record")
    monkeypatch.setenv("VPS_SENTRY_STORE", office.store)
    done = lab.playbook(folder / "site.yml", lab.inventory(office.machines, group="web"))
    assert (0, False) == (done.returncode, "WARNING" in done.stderr), f"{done.stdout}\n{done.stderr}"


def test_the_story(office: Office, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """One test, because each part starts from what the one before left."""
    first, second = office.machines
    told = office.play("window", "-e", "window=2h", "-e", "reason=deploy")
    assert f"  {first.name}: maintenance window of " in told
    clear(office)
    deploy(office, lab, monkeypatch)
    second.write(PLANTED, "not by us\n")
    office.everywhere(*LOOK)
    assert all(alert.startswith("critical ") for machine in office.machines for alert in waiting(machine))
    assert any("sudoers" in alert or "app" in alert for alert in waiting(first))

    office.play("collect")
    plan = office.plan("-e", "only=change-record")
    items = {key for group in json.loads(plan.read_text())["groups"] for key in [group["key"]]}
    assert {"/etc/motd", "/etc/app.conf", "/etc/sudoers.d/app"} == items, plan.read_text()
    done = office.apply(plan)
    assert {"active"} == {done[machine.name] for machine in office.machines}, done["text"]

    clear(office)
    office.play("window", "-e", "window=close")
    assert [f"warning {PLANTED}"] == [alert for alert in waiting(second) if PLANTED in alert]
    log = second.run(["vps-sentry", "baseline", "log"]).stdout
    assert "over, it was open from" in log
    assert Path(PLANTED).name in log
