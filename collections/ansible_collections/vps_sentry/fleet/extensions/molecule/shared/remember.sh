#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Writes down the baseline and the active release of a host.
set -eu
sha256sum /var/lib/vps-sentry/baseline.json >/root/remembered-baseline
readlink /opt/vps-sentry/venv >/root/remembered-release
