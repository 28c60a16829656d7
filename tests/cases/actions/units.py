# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd is made to start, and to start no more."""

from actions import Action

SERVICE = "printf '[Service]\\nExecStart=/opt/evil\\n'"
UNITS = "/etc/systemd/system"
TOLD = "x.service appeared: runs ExecStart=/opt/evil as root"


def unit(number: str, what: str, path: str, *, title: str = TOLD) -> Action:
    folder = path.rpartition("/")[0]
    return Action(
        number,
        "T1543.002",
        what,
        f"{SERVICE} >{path}",
        f"rm {path}",
        check="units",
        code="unit_added",
        severity="warning",
        title=title,
        before=f"mkdir -p {folder}",
    )


ROWS = [
    unit("A17", "a service in /etc/systemd/system", f"{UNITS}/x.service"),
    Action(
        "A17b",
        "T1543.002",
        "the same, `systemctl enable`d, its program in /dev/shm",
        f"printf '[Service]\\nExecStart=/dev/shm/x\\n[Install]\\nWantedBy=multi-user.target\\n' >{UNITS}/x.service; "
        "systemctl enable x",
        f"systemctl disable x; rm {UNITS}/x.service; systemctl daemon-reload",
        check="units",
        code="unit_suspicious",
        severity="critical",
        title="x.service: /dev/shm/x lies where everybody may write",
    ),
    Action(
        "A18",
        "T1543.002",
        "a drop-in for ssh.service with ExecStartPost=",
        f"mkdir -p {UNITS}/ssh.service.d; printf '[Service]\\nExecStartPost=/opt/evil\\n' "
        f">{UNITS}/ssh.service.d/x.conf",
        f"rm -r {UNITS}/ssh.service.d",
        check="units",
        code="unit_changed",
        severity="warning",
        title="ssh.service: now runs ExecStartPost=/opt/evil as root",
    ),
    Action(
        "A18b",
        "T1574.006",
        "a drop-in for cron.service with LD_PRELOAD",
        f"mkdir -p {UNITS}/cron.service.d; printf '[Service]\\nEnvironment=LD_PRELOAD=/opt/x.so\\n' "
        f">{UNITS}/cron.service.d/x.conf",
        f"rm -r {UNITS}/cron.service.d",
        check="units",
        code="unit_suspicious",
        severity="critical",
        title="cron.service: it makes programs load code by LD_PRELOAD=/opt/x.so",
    ),
    Action(
        "A19",
        "T1543.002",
        "a link in multi-user.target.wants to a unit in /opt",
        f"{SERVICE} >/opt/x.service; ln -s /opt/x.service {UNITS}/multi-user.target.wants/x.service",
        f"rm /opt/x.service {UNITS}/multi-user.target.wants/x.service",
        check="units",
        code="unit_added",
        severity="warning",
        title="x.service appeared: without a file; started by multi-user.target.wants -> /opt/x.service",
    ),
    unit("A20", "a service among those of packages", "/usr/lib/systemd/system/x.service"),
    unit("A21", "a service in /usr/local/lib/systemd/system", "/usr/local/lib/systemd/system/x.service"),
    unit(
        "A22",
        "a unit of root's own manager",
        "/root/.config/systemd/user/x.service",
        title="x.service of root's own manager appeared: runs ExecStart=/opt/evil as root",
    ),
    Action(
        "A22b",
        "T1543.002",
        "lingering, so that a user's units start at boot",
        "mkdir -p /var/lib/systemd/linger; touch /var/lib/systemd/linger/alice",
        "rm /var/lib/systemd/linger/alice",
        check="units",
        code="unit_added",
        severity="warning",
        title="units of alice start at boot, whether or not anybody logs in",
    ),
    unit("A23", "a service in /run/systemd/system", "/run/systemd/system/x.service"),
    Action(
        "A23b",
        "T1543.002",
        "`systemd-run`",
        "systemd-run --unit=x sleep 600",
        "systemctl stop x",
        check="units",
        code="unit_added",
        severity="warning",
        title='x.service appeared: runs ExecStart="*sleep" "600" as root*',
    ),
    Action(
        "A24",
        "T1543.002",
        "a generator",
        "mkdir -p /etc/systemd/system-generators; install -m 755 /bin/true /etc/systemd/system-generators/x",
        "rm -r /etc/systemd/system-generators",
        check="units",
        code="unit_added",
        severity="warning",
        title="/etc/systemd/system-generators/x appeared: runs /etc/systemd/system-generators/x as root",
    ),
    Action(
        "A25",
        "T1053.006",
        "a timer, every minute",
        f"printf '[Timer]\\nOnCalendar=minutely\\n' >{UNITS}/x.timer; {SERVICE} >{UNITS}/x.service",
        f"rm {UNITS}/x.timer {UNITS}/x.service",
        check="units",
        code="unit_added",
        severity="warning",
        title="x.timer appeared: OnCalendar=minutely",
    ),
    Action(
        "A26",
        "T1037.004",
        "/etc/rc.local, executable",
        "printf '#!/bin/sh\\n/opt/evil\\n' >/etc/rc.local; chmod 755 /etc/rc.local",
        "rm /etc/rc.local",
        check="units",
        code="unit_added",
        severity="warning",
        title="/etc/rc.local appeared: runs /etc/rc.local as root",
    ),
    Action(
        "A27",
        "T1037",
        "an init script and its link in rc2.d",
        "install -m 755 /bin/true /etc/init.d/x; ln -s ../init.d/x /etc/rc2.d/S01x",
        "rm /etc/init.d/x /etc/rc2.d/S01x",
        check="units",
        code="unit_added",
        severity="warning",
        title="init:x appeared: runs /etc/init.d/x as root; started by rc2.d/S01x",
    ),
    Action(
        "A43",
        "T1543",
        "a service that D-Bus starts as root",
        "mkdir -p /usr/share/dbus-1/system-services; "
        "printf '[D-BUS Service]\\nName=org.x\\nExec=/opt/x\\nUser=root\\n' "
        ">/usr/share/dbus-1/system-services/org.x.service",
        "rm /usr/share/dbus-1/system-services/org.x.service",
        check="units",
        code="unit_added",
        severity="warning",
        title="/usr/share/dbus-1/system-services/org.x.service appeared: runs Exec=/opt/x as root",
    ),
    Action(
        "A56",
        "T1562.001",
        "`systemctl mask` of the journal",
        "systemctl mask systemd-journald.service",
        "systemctl unmask systemd-journald.service",
        check="units",
        code="unit_stopped",
        severity="warning",
        title="systemd-journald.service is masked: nothing can start it any more",
    ),
    Action(
        "A56b",
        "T1562.001",
        "`systemctl disable ssh`",
        "systemctl disable ssh.service",
        "systemctl enable ssh.service",
        check="units",
        code="unit_stopped",
        severity="warning",
        title="ssh.service is disabled: * no longer starts it",
    ),
    Action(
        "A59",
        "T1574.006",
        "LD_PRELOAD for all services by system.conf.d",
        "mkdir -p /etc/systemd/system.conf.d; printf '[Manager]\\nDefaultEnvironment=LD_PRELOAD=/opt/x.so\\n' "
        ">/etc/systemd/system.conf.d/x.conf",
        "rm -r /etc/systemd/system.conf.d",
        check="units",
        code="unit_suspicious",
        severity="critical",
        title="manager:system: it makes programs load code by LD_PRELOAD=/opt/x.so",
    ),
]
