#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Prints what an installation must know of this host before it changes anything, KEY=VALUE a line; no Python needed.
# Run by scripts/install.sh, and by the role as one remote command. Wants in the variables
#   wanted     lines "SHA256  PATH": the files that are going to be installed
#   overwrite  yes: replace what was changed by hand or put there by others
#   hint       how a person says so
#   release    no: another runtime is used, so neither Python nor space for a release is needed
# The line obstacle= says, with the remedy, why an installation could not end well.
wanted=${wanted:-}
overwrite=${overwrite:-no}
hint=${hint:-}
release=${release:-yes}
# KiB: a release, its bytecode, and the one before.
space=16384
edited=
foreign=
blocked=

inspect_python() {
    python=missing
    [ -x /usr/bin/python3 ] || return 0
    python=$(/usr/bin/python3 -V 2>&1)
    ! /usr/bin/python3 -I -S -c 'import sys; sys.exit(sys.version_info < (3, 9))' || python=usable
}

inspect_systemd() {
    ! command -v systemctl >/dev/null || echo systemd=installed
    [ ! -d /run/systemd/system ] || echo systemd=running
    [ ! -e /etc/systemd/system/vps-sentry.timer ] || echo timer=installed
}

# $1 is the digest that is going to be installed at $2.
inspect_file() {
    [ -e "$2" ] || [ -L "$2" ] || return 0
    if [ -d "$2" ] && [ ! -L "$2" ]; then
        blocked="$blocked $2"
        return 0
    fi
    there=$(sha256sum <"$2" 2>/dev/null) || there=unreadable
    there=${there%% *}
    [ -L "$2" ] || [ "$there" != "$1" ] || return 0
    recorded=$(sed -n "s|  $2\$||p" /opt/vps-sentry/installed 2>/dev/null)
    if [ -n "$recorded" ]; then
        [ ! -L "$2" ] && [ "$there" = "$recorded" ] || edited="$edited $2"
    # Else it was installed by a release that kept no record.
    elif [ -L "$2" ] || ! head -n 3 -- "$2" | grep -q '^# SPDX-License-Identifier: GPL-3.0-or-later$'; then
        foreign="$foreign $2"
    fi
}

inspect_places() {
    while read -r digest path; do
        [ -z "$path" ] || inspect_file "$digest" "$path"
    done <<END
$wanted
END
    for link in venv previous; do
        [ ! -e "/opt/vps-sentry/$link" ] || [ -L "/opt/vps-sentry/$link" ] || blocked="$blocked /opt/vps-sentry/$link"
    done
    [ ! -L /var/lib/vps-sentry ] || blocked="$blocked /var/lib/vps-sentry"
}

# KiB that are free where releases go.
inspect_space() {
    place=/opt/vps-sentry
    [ -d "$place" ] || place=/opt
    [ -d "$place" ] || place=/
    free=$(df -Pk "$place" | {
        read -r _
        read -r _ _ _ free _
        echo "$free"
    })
}

inspect_obstacle() {
    if [ "$release" = no ]; then
        :
    elif [ "$python" = missing ]; then
        echo "the agent needs /usr/bin/python3 and there is none; install the distribution's package python3" && return
    elif [ "$python" != usable ]; then
        echo "the agent needs Python 3.9 or newer and /usr/bin/python3 is $python; upgrade the distribution" && return
    elif [ "$free" -lt "$space" ]; then
        echo "only $free KiB are free in $place and $space are needed; free some space and run this again" && return
    fi
    if [ -n "$blocked" ]; then
        echo "in the way, and nothing that can be replaced by what belongs there:$blocked; move it away and run this again"
    elif [ "$overwrite" = yes ]; then
        :
    elif [ -n "$edited" ]; then
        echo "changed by hand since vps-sentry installed it:$edited; put the change into a drop-in" \
            "(systemctl edit vps-sentry.timer), or replace the file with $hint"
    elif [ -n "$foreign" ]; then
        echo "in the way, and not installed by vps-sentry:$foreign; move it away, or replace it with $hint"
    fi
}

inspect_python
inspect_systemd
inspect_places
inspect_space
echo "python=$python"
echo "obstacle=$(inspect_obstacle)"
[ ! -e /var/lib/vps-sentry/last.json ] || echo run=taken
! grep -Eqs '^[0-9a-f]{32}$' /etc/machine-id || echo machine=known
for link in venv previous; do
    echo "$link=$(readlink "/opt/vps-sentry/$link" 2>/dev/null)"
done
