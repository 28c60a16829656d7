# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to the agent without touching one of its files."""

from actions import Action

UNITS = "/etc/systemd/system"


def ground(number: str, what: str, do: str, undo: str, *, title: str, code: str = "agent_ground") -> Action:
    return Action(number, "T1562.001", what, do, undo, check="agent", code=code, severity="critical", title=title)


ROWS = [
    ground(
        "S01",
        "a drop-in for all services that holds them down",
        f"mkdir -p {UNITS}/service.d; printf '[Service]\\nCPUQuota=1%%\\n' >{UNITS}/service.d/x.conf",
        f"rm -r {UNITS}/service.d",
        title=f"{UNITS}/service.d/x.conf changes how the agent's units run: CPUQuota=1%",
    ),
    ground(
        "S02",
        "`systemctl set-property --runtime`",
        "systemctl set-property --runtime vps-sentry.service MemoryMax=300M",
        "rm -r /run/systemd/system.control/vps-sentry.service.d; systemctl daemon-reload",
        title="/run/systemd/system.control/vps-sentry.service.d/50-MemoryMax.conf changes how the agent's units run: "
        "MemoryMax=*",
    ),
    ground(
        "S04",
        "`systemctl disable vps-sentry.timer`",
        "systemctl disable vps-sentry.timer",
        "systemctl enable vps-sentry.timer",
        code="agent_timer",
        title="the agent's timer is disabled",
    ),
    ground(
        "S05",
        "a module's bytecode in Python's library, its header right",
        "python3 -c \"import json.decoder as m, marshal; p = m.__cached__; d = open(p, 'rb').read(); "
        "open('/root/kept.pyc', 'wb').write(d); "
        "open(p, 'wb').write(d[:16] + marshal.dumps(compile(open(m.__file__).read() + 'VALUE = 1', 'x', 'exec')))\"",
        "python3 -IS -c \"import importlib.util as u; p = u.cache_from_source(u.find_spec('json').origin.replace("
        "'__init__', 'decoder')); open(p, 'wb').write(open('/root/kept.pyc', 'rb').read())\"; rm /root/kept.pyc",
        title="the Python that runs the agent is not what was installed: */json/__pycache__/decoder.*.pyc (bytecode "
        "that its source does not compile to)",
    ),
]
