# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine with the agent on it, ticked by hand, and the receiver its alerts go to."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Set, Tuple

from .lab import ROOT, introduce
from .machine import Machine
from .receiver import Receiver

CHECKOUT = "/root/vps-sentry"
STATE = "/var/lib/vps-sentry"
# systemd answers a start while the unit runs by waiting for that run, which began before what a test did last.
FRESH = "while [ $(systemctl show --property=ActiveState --value vps-sentry.service) = activating ]; do sleep 0.1; done"
# A receiver that a busy machine keeps from answering in time is one the agent leaves in peace for a while.
LATE = f"""
late=$(grep -ls 'gave no answer within' {STATE}/acks/*.json || true)
[ -z "$late" ] || {{ rm -f $late; systemctl start vps-sentry-ship.service; }}
"""


class Watched:
    """A machine with the agent, and the receiver its alerts go to."""

    def __init__(self, machine: Machine, receiver: Receiver) -> None:
        self.machine = machine
        self._receiver = receiver
        self._heard = 0

    def script(self, name: str) -> str:
        return self.machine.run([f"{CHECKOUT}/scripts/{name}"]).stdout

    def tick(self) -> int:
        """One run as the timer starts it, and the shipping that follows; the agent's exit code."""
        # A run with a bad configuration ends in a failed unit, which is what the operator should see.
        self.machine.run(["sh", "-c", f"{FRESH}; systemctl start vps-sentry.service"], check=False)
        self.machine.run(["systemctl", "start", "vps-sentry-ship.service"])
        shown = self.machine.run(["systemctl", "show", "--property=ExecMainStatus", "vps-sentry.service"]).stdout
        return int(shown.strip().partition("=")[2])

    def heard(self) -> List[Tuple[str, str, str, str]]:
        """Severity, state, code and key of every alert received since the last call."""
        self.machine.run(["sh", "-euc", LATE])
        # A sign of life is a GET and says nothing.
        posts = [request for request in list(self._receiver.requests) if request.method == "POST"]
        bodies = [json.loads(request.body) for request in posts[self._heard :]]
        self._heard += len(bodies)
        return [(a["severity"], a["state"], a["code"], a["key"]) for body in bodies for a in body["alerts"]]

    def last_headers(self) -> Dict[str, str]:
        """The headers of the last request that was received."""
        return list(self._receiver.requests)[-1].headers

    def accept(self, *words: str) -> str:
        return self.machine.run(["vps-sentry", "--accept-baseline", *words]).stdout

    def calm(self) -> None:
        """Everything as it is now is accepted and told, so that what is heard next is what a test does."""
        # A host may tell only so much an hour, and not to whom it could not reach: the tests before this one did that.
        self.machine.run(["sh", "-c", f"rm -f {STATE}/acks/.sent {STATE}/acks/*"])
        self.accept("--reason", "as the test finds it")
        self.tick()
        self.heard()

    def forget(self) -> None:
        """As before the first run on a host whose log holds nothing."""
        self.machine.run(["sh", "-euc", "journalctl -q --rotate; journalctl -q --vacuum-time=1s 2>/dev/null"])
        self.machine.run(["vps-sentry", "reset", "--for-image"])

    def anew(self) -> None:
        """Forget, and accept."""
        self.forget()
        self.calm()

    def standing(self) -> Set[Tuple[str, str, str]]:
        """Severity, code and key of what stands after the last run, what is told to nobody included."""
        alerts = self.last()["alerts"]
        return {(a["severity"], a["code"], a["key"]) for a in alerts if a["state"] != "resolved"}

    def last(self) -> Dict[str, Any]:
        found: Dict[str, Any] = json.loads(self.machine.read(f"{STATE}/last.json"))
        return found


def watch(machine: Machine, receiver: Receiver) -> Watched:
    """Install on ``machine``, send to ``receiver``, take the first run; nothing is accepted yet."""
    machine.copy_in(ROOT, CHECKOUT)
    url = introduce(machine, receiver)
    machine.write("/etc/vps-sentry.json", json.dumps({"notify": {"webhook": {"url": url}}}), mode=0o600)
    watched = Watched(machine, receiver)
    machine.write("/srv/tool", "#!/bin/sh\n", mode=0o755)
    machine.run(["sh", "-euc", "cp /srv/tool /usr/local/bin/kept-content; cp /srv/tool /usr/local/bin/kept-time"])
    machine.run(["cp", "/srv/tool", "/usr/local/bin/replaced"])
    watched.script("install.sh")
    # The timer would tick in between; these tests tick by hand.
    machine.run(["systemctl", "stop", "vps-sentry.timer"])
    machine.ssh("deploy", "true")
    watched.tick()
    return watched
