#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Leaves a test host as if neither the agent nor another scenario had been there. Not by the product's own uninstall,
# which is on trial.
set -eu
systemctl disable --now vps-sentry.timer 2>/dev/null || true
systemctl unmask vps-sentry.timer 2>/dev/null || true
systemctl stop vps-sentry.service vps-sentry-ship.service 2>/dev/null || true
for place in /usr/local /usr; do
    if mountpoint --quiet "$place"; then umount --lazy "$place"; fi
done
# The distribution may have one of its own there.
if grep -q '^tmpfs /tmp tmpfs .*noexec' /proc/mounts; then umount --lazy /tmp; fi
rm -rf /opt/vps-sentry /var/lib/vps-sentry /etc/vps-sentry.json /etc/vps-sentry.d /etc/default/vps-sentry
rm -rf /etc/systemd/system/vps-sentry* /usr/local/bin/vps-sentry* /etc/sysusers.d/vps-sentry.conf /root/previous
rm -rf /etc/systemd/system/ssh.service.d
rm -f /etc/profile.d/sentry-test.sh /etc/profile.d/sentry-planted.sh /etc/sudoers.d/vps-sentry* /etc/sudoers.d/ops
userdel vps-sentry-ship 2>/dev/null || true
groupdel vps-sentry-ship 2>/dev/null || true
userdel --remove ops 2>/dev/null || true
# What the five equal hosts were changed by.
pkill -f 'create_server.*8099' || true
sed -i '/ guest$/d' /home/deploy/.ssh/authorized_keys
! dpkg --status sentry-tool >/dev/null 2>&1 || dpkg --purge sentry-tool >/dev/null
rm -f /root/sentry-tool-*
rm -rf /root/sentry-copy /root/sentry-bundle
systemctl daemon-reload
systemctl restart ssh
systemctl reset-failed
