#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Exit 1, naming it, if a unit of the agent is not as an installed one is, or any unit of the host has failed.
set -eu
state=$(systemctl show vps-sentry.timer --property=ActiveState,UnitFileState,NeedDaemonReload | sort | tr '\n' ' ')
if [ "$state" != 'ActiveState=active NeedDaemonReload=no UnitFileState=enabled ' ]; then
    printf 'the timer: %s\n' "$state"
    exit 1
fi
failed=$(systemctl --failed --no-legend --plain)
if [ -n "$failed" ]; then
    printf 'failed: %s\n' "$failed"
    exit 1
fi
vps-sentry-selftest
