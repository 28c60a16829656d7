#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Exit 1, saying why, unless the timer fired since something was planted and the look it started has ended.
set -eu
fired=$(systemctl show vps-sentry.timer --property=LastTriggerUSec --value)
looked=$(stat --format %Y /var/lib/vps-sentry/heartbeat)
planted=$(cat /root/planted)
if [ "$(date --date "$fired" +%s)" -lt "$planted" ] || [ "$looked" -lt "$planted" ]; then
    printf 'planted %s; the timer fired %s, the last look was %s\n' "$planted" "$fired" "$looked"
    exit 1
fi
