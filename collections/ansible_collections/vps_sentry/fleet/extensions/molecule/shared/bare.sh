#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Leaves a test host as if the agent had never been there. Not by the product's own uninstall, which is on trial.
set -eu
systemctl disable --now vps-sentry.timer 2>/dev/null || true
systemctl unmask vps-sentry.timer 2>/dev/null || true
systemctl stop vps-sentry.service vps-sentry-ship.service 2>/dev/null || true
rm -rf /opt/vps-sentry /var/lib/vps-sentry /etc/vps-sentry.json /etc/vps-sentry.d /etc/default/vps-sentry
rm -rf /etc/systemd/system/vps-sentry* /usr/local/bin/vps-sentry* /etc/sysusers.d/vps-sentry.conf
rm -f /etc/profile.d/sentry-test.sh /etc/sudoers.d/vps-sentry*
userdel vps-sentry-ship 2>/dev/null || true
groupdel vps-sentry-ship 2>/dev/null || true
systemctl daemon-reload
systemctl reset-failed
