#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Exit 1, naming it, if something of the agent was left, or something of its owner's was not.
set -eu
for gone in /opt/vps-sentry /etc/default/vps-sentry /usr/local/bin/vps-sentry /usr/local/bin/vps-sentry-ship \
    /usr/local/bin/vps-sentry-selftest /etc/systemd/system/vps-sentry.service /etc/systemd/system/vps-sentry.timer \
    /etc/systemd/system/vps-sentry-ship.service /etc/systemd/system/vps-sentry.service.d \
    /etc/systemd/system/timers.target.wants/vps-sentry.timer; do
    if [ -e "$gone" ] || [ -L "$gone" ]; then
        echo "left: $gone"
        exit 1
    fi
done
for kept in /var/lib/vps-sentry/last.json /etc/vps-sentry.json; do
    [ -e "$kept" ] || { echo "lost: $kept"; exit 1; }
done
[ -z "$(systemctl list-units --all --no-legend --plain 'vps-sentry*')" ] || { systemctl list-units --all 'vps-sentry*'; exit 1; }
