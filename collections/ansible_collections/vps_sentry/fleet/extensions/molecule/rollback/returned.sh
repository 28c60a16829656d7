#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Exit 1, saying why, unless the remembered release is active with its units and commands, works, and has the remembered
# baseline.
set -eu
[ "$(readlink /opt/vps-sentry/venv)" = "$(cat /root/remembered-release)" ] || { readlink /opt/vps-sentry/venv; exit 1; }
sha256sum --check --quiet /root/remembered-baseline
sha256sum --check --quiet /root/remembered-units
grep -q '^# Of release 0.0.9' /etc/systemd/system/vps-sentry.service || { echo 'the unit is not of that release'; exit 1; }
vps-sentry --version | grep -q ' 0\.0\.9'
code=0
vps-sentry >/root/said || code=$?
cat /root/said
[ "$code" = 3 ] || { echo "exit code $code instead of 3"; exit 1; }
[ "$(grep -c CRITICAL /root/said)" = 0 ] || { echo 'a rollback is no critical alert'; exit 1; }
