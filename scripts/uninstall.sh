#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Removes vps-sentry from this host, except state, configuration and secrets, which it names. A second run does nothing.
set -eu

here=$(cd -- "$(dirname -- "$0")" && pwd -P)
units=/etc/systemd/system
ship_user=vps-sentry-ship

fail() {
    printf 'uninstall.sh: %s\n' "$1" >&2
    exit 1
}

become_root() {
    [ "$(id -u)" -ne 0 ] || return 0
    command -v sudo >/dev/null || fail 'root is needed and there is no sudo: run this script as root'
    exec sudo -- sh "$here/uninstall.sh"
}

removed=no
remove() {
    for path in "$@"; do
        if [ -e "$path" ] || [ -L "$path" ]; then
            rm -rf -- "$path"
            removed=yes
            echo "removed $path"
        fi
    done
}

stop_units() {
    [ -d /run/systemd/system ] || return 0
    for unit in vps-sentry.timer vps-sentry.service vps-sentry-ship.service; do
        if [ -e "$units/$unit" ]; then
            systemctl stop "$unit"
        fi
    done
}

forget_units() {
    [ "$removed" = yes ] && [ -d /run/systemd/system ] || return 0
    systemctl daemon-reload
    for unit in vps-sentry.service vps-sentry-ship.service; do
        # Fails where systemd has nothing to forget.
        systemctl reset-failed "$unit" 2>/dev/null || true
    done
}

# What is left is named with the command that removes it; nothing of it is made again without a new installation.
name_the_rest() {
    rest=
    for path in /var/lib/vps-sentry /etc/vps-sentry.json /etc/vps-sentry.d; do
        if [ -e "$path" ] || [ -L "$path" ]; then
            rest="$rest $path"
        fi
    done
    user=
    ! getent passwd "$ship_user" >/dev/null || user=$ship_user
    [ -n "$rest$user" ] || return 0
    echo 'Kept, and removed by:'
    [ -z "$rest" ] || echo "    sudo rm -rf$rest"
    # After the state: files of a removed user belong to whoever gets that number next.
    [ -z "$user" ] || echo "    sudo userdel $user"
}

case ${1:-} in
    '') ;;
    -h | --help)
        echo 'Usage: scripts/uninstall.sh'
        exit 0
        ;;
    *)
        echo 'Usage: scripts/uninstall.sh' >&2
        exit 2
        ;;
esac
become_root
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH

stop_units
remove "$units/timers.target.wants/vps-sentry.timer" /var/lib/systemd/timers/stamp-vps-sentry.timer
for unit in vps-sentry.timer vps-sentry.service vps-sentry-ship.service; do
    remove "$units/$unit" "$units/$unit.d"
done
remove /usr/local/bin/vps-sentry /usr/local/bin/vps-sentry-ship /usr/local/bin/vps-sentry-selftest
remove /etc/sysusers.d/vps-sentry.conf /etc/default/vps-sentry /opt/vps-sentry
forget_units
[ "$removed" = yes ] || echo 'Nothing to remove: vps-sentry is not installed.'
name_the_rest
