# SPDX-License-Identifier: GPL-3.0-or-later
"""Collecting twenty hosts over real ssh, both transports, against ``ansible.builtin.fetch`` of the same bundle."""

from __future__ import annotations

import itertools
import json
import shutil
import statistics
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any, Dict, List

from localsshd import Server, prepare

from .rows import PYTHON, ROOT, Measured, Row, SkippedError
from .ticks import RUNTIME, Installed

_HOSTS, _ROUNDS = 20, 3
_STORED, _ITEMS = 10_000, 3_000
_INGEST = f"unchanged bundles a CPU second into a store of {_STORED:,} hosts with {_ITEMS:,} items"
_WHOLE = Path(__file__).with_name("whole.py")
_NOTHING = "- hosts: all\n  gather_facts: false\n  tasks:\n    - ansible.builtin.meta: noop\n"
_FETCH = """\
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.fetch: {{src: {source}, dest: "{target}/{{{{ visit }}}}/", flat: false}}
"""


class Fleet:
    """One sshd, twenty names for it in an inventory, and the programs that visit them."""

    def __init__(self, scratch: Path, installed: Installed) -> None:
        self._folder = scratch / "fleet"
        self._installed = installed
        self._costs: Dict[str, float] = {}
        self._visits = itertools.count()
        self._server: Server

    def rows(self) -> List[Row]:
        """Ratios to fetch, controller and hosts together, net of a program that visits nobody."""
        about = f"{_HOSTS} hosts over ssh, controller and hosts, against ansible.builtin.fetch"
        return [
            Row("collect-cold", f"playbook, new connections: {about}", 0.35, partial(self._ratio, "play", "cold")),
            Row("collect-warm", f"playbook, kept connections: {about}", 0.2, partial(self._ratio, "play", "warm")),
            Row("collect-pull", f"vps-sentry-fleet pull: {about}", 0.1, partial(self._ratio, "pull", "cold")),
            Row("ingest-unchanged", _INGEST, 80, self._ingest, least=True),
        ]

    def _ingest(self) -> Measured:
        store, script = self._folder.with_name("ingest.sqlite"), Path(__file__).with_name("ingesting.py")
        arguments = [f"sqlite:///{store}", str(_STORED), str(_ITEMS)]
        command = [str(_bin() / "python"), str(script), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SkippedError(f"the measurement failed: {done.stderr.strip()[-300:]}")
        found = json.loads(done.stdout)
        detail = f"{found['cpu'] / found['bundles'] * 1000:.1f} ms a bundle of {found['bytes'] // 1024} KiB"
        return Measured(found["bundles"] / found["cpu"], detail=detail)

    def _ratio(self, transport: str, kind: str) -> Measured:
        self._ready()
        ours, theirs = (self._net(name, kind=kind) / _HOSTS for name in (transport, "fetch"))
        size = (self._folder / "bundle.json").stat().st_size // 1024
        detail = f"{ours * 1000:.1f} ms a host, fetch {theirs * 1000:.1f} ms (bundle of {size} KiB)"
        return Measured(ours / theirs, detail=detail)

    def _net(self, name: str, *, kind: str) -> float:
        """CPU seconds of one visit to all hosts; a warm one is the second of two."""
        nothing = "pull-nobody" if name == "pull" else "nothing"
        if kind == "cold":
            return self._cost(name) - self._cost(nothing)
        return self._cost(name, name) - self._cost(name) - (self._cost(nothing, nothing) - self._cost(nothing))

    def _cost(self, *names: str) -> float:
        place = " ".join(names)
        if place not in self._costs:
            self._costs[place] = statistics.median(self._run(names) for _ in range(_ROUNDS))
        return self._costs[place]

    def _run(self, names: Any) -> float:
        asked = {
            "server": self._server.command,
            "ready": self._server.port,
            "commands": [self._commands()[name] for name in names],
            "environment": {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_HOME": str(self._folder / "ansible")},
        }
        done = subprocess.run(
            [PYTHON, "-I", str(_WHOLE)], input=json.dumps(asked), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise SkippedError(f"the measurement failed: {done.stderr.strip()[-300:]}")
        shutil.rmtree(self._folder / "fetched", ignore_errors=True)
        found = json.loads(done.stdout)
        # pull says 3 when it doubts a host: twenty names for one machine are clones of each other.
        if not set(found["codes"]) <= {0, 3}:
            raise SkippedError(f"{' and '.join(names)} ended {found['codes']}; is ansible-core in {_bin()}?")
        return float(found["cpu"])

    def _commands(self) -> Dict[str, List[str]]:
        store = f"sqlite:///{self._folder}/fleet.sqlite"
        play = [str(_bin() / "ansible-playbook"), "-f", "5", "-i", str(self._folder / "hosts.json")]
        pull = [str(_bin() / "vps-sentry-fleet"), "pull", "--no-fallback", "--store", store]
        return {
            "nothing": [*play, str(self._folder / "nothing.yml")],
            # No two bundles are the same bytes (nonce, time, run), so a file that was fetched before saves nothing.
            "fetch": [*play, str(self._folder / "fetch.yml"), "-e", f"visit={next(self._visits)}"],
            "play": [*play, str(ROOT / "playbooks" / "collect.yml"), "-e", f"vps_sentry_store={store}"],
            "pull": [*pull, "-i", str(self._folder / "hosts.json")],
            "pull-nobody": [*pull, "-i", str(self._folder / "nobody.json")],
        }

    def _ready(self) -> None:
        if self._folder.exists():
            return
        self._installed.settle(defaults=True)
        if not (_bin() / "vps-sentry-fleet").exists() or shutil.which("ssh") is None:
            raise SkippedError("this needs ssh and the checkout's .venv: scripts/test makes it")
        self._folder.mkdir()
        try:
            self._server = prepare(self._folder)
        except FileNotFoundError as exc:
            raise SkippedError(f"sshd is not installed (Debian: openssh-server): {exc}") from exc
        hosts = {f"host-{number}": self._server.admit(f"host-{number}") for number in range(_HOSTS)}
        for variables in hosts.values():
            variables.update({"vps_sentry_agent": RUNTIME, "ansible_python_interpreter": PYTHON})
        self._write("hosts.json", json.dumps({"all": {"hosts": hosts}}))
        self._write("nobody.json", json.dumps({"all": {"hosts": {}}}))
        self._write("nothing.yml", _NOTHING)
        bundle = self._folder / "bundle.json"
        bundle.write_bytes(subprocess.run([RUNTIME, "bundle"], input=b"", capture_output=True, check=True).stdout)
        self._write("fetch.yml", _FETCH.format(source=bundle, target=self._folder / "fetched"))
        # What counts is the usual collect, which finds everything known.
        self._run(["play"])

    def _write(self, name: str, text: str) -> None:
        (self._folder / name).write_text(text)


def _bin() -> Path:
    """Where this checkout's controller is installed."""
    own = ROOT / ".venv" / "bin"
    return own if own.exists() else Path(sys.executable).parent
