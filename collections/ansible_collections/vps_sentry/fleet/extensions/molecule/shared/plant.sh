#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Accepts what is there, lets the real timer fire more often (nobody waits five minutes in a test), and changes something
# behind the agent's back. From now on nobody but the timer looks.
set -eu
vps-sentry --accept-baseline --reason 'molecule' >/dev/null
mkdir -p /etc/systemd/system/vps-sentry.timer.d
cat >/etc/systemd/system/vps-sentry.timer.d/often.conf <<'END'
[Timer]
OnCalendar=
OnCalendar=*:*:0/10
RandomizedDelaySec=0
AccuracySec=1s
END
systemctl daemon-reload
systemctl restart vps-sentry.timer
date +%s >/root/planted
# Every login would run it.
echo 'id >/dev/null' >/etc/profile.d/sentry-planted.sh
