#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs the release in /root/previous, lets it work, and writes down what must survive: release, baseline, units.
set -eu
/root/previous/scripts/install.sh
vps-sentry --accept-baseline --reason 'before the upgrade' | tail -n 1
echo 'id >/dev/null' >/etc/profile.d/sentry-test.sh
vps-sentry --exit-zero
sha256sum /var/lib/vps-sentry/baseline.json >/root/remembered-baseline
readlink /opt/vps-sentry/venv >/root/remembered-release
find /usr/local/bin /etc/systemd/system -path '*/vps-sentry*' -type f -exec sha256sum {} + >/root/remembered-units
