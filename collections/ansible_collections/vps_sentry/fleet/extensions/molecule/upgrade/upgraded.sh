#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Exit 1, saying why, unless another release is active, the one before is kept, and the baseline is the same file.
set -eu
old=$(cat /root/remembered-release)
new=$(readlink /opt/vps-sentry/venv)
[ "$old" != "$new" ] || { echo "still the release of before: $new"; exit 1; }
[ -d "/opt/vps-sentry/$old" ] || { echo "the release of before is not kept: $old"; exit 1; }
sha256sum --check --quiet /root/remembered-baseline

code=0
vps-sentry >/root/said || code=$?
cat /root/said
[ "$code" = 3 ] || { echo "exit code $code instead of 3"; exit 1; }
grep -q '/etc/profile.d/sentry-test.sh appeared' /root/said || { echo 'the alert of before is gone'; exit 1; }
[ "$(grep -c CRITICAL /root/said)" = 0 ] || { echo 'an upgrade is no critical alert'; exit 1; }
