#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Exit 1, saying why, unless the remembered release is active, works, and has the remembered baseline.
set -eu
[ "$(readlink /opt/vps-sentry/venv)" = "$(cat /root/remembered-release)" ] || { readlink /opt/vps-sentry/venv; exit 1; }
sha256sum --check --quiet /root/remembered-baseline
code=0
vps-sentry || code=$?
[ "$code" = 3 ] || { echo "exit code $code instead of 3"; exit 1; }
systemctl is-active vps-sentry.timer
systemctl start vps-sentry.service
