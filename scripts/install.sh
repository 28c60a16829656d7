#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs vps-sentry on this host out of a checkout. A second run changes nothing and says so.
set -eu

here=$(cd -- "$(dirname -- "$0")" && pwd -P)
deploy=${here%/*}/deploy
units=/etc/systemd/system
state=/var/lib/vps-sentry
ship_user=vps-sentry-ship

usage() {
    cat <<'END'
Usage: scripts/install.sh

Installs the release built from this checkout, the commands, the systemd units and the timer.
With VPS_SENTRY_RUNTIME=/path/to/executable set, that runtime is used and remembered instead of the release.
With VPS_SENTRY_OVERWRITE=yes, files that were changed by hand or are not from vps-sentry are replaced.
END
}

fail() {
    printf 'install.sh: %s\n' "$1" >&2
    exit 1
}

changed=no
did() {
    changed=yes
    printf '%s\n' "$1"
}

become_root() {
    [ "$(id -u)" -ne 0 ] || return 0
    command -v sudo >/dev/null || fail 'root is needed and there is no sudo: run this script as root'
    exec sudo -- env "VPS_SENTRY_RUNTIME=${VPS_SENTRY_RUNTIME:-}" "VPS_SENTRY_OVERWRITE=${VPS_SENTRY_OVERWRITE:-}" \
        sh "$here/install.sh"
}

# Lines "SHA256  PATH" of the files that are installed outside the release; /opt/vps-sentry/installed keeps them.
list_files() {
    for name in vps-sentry vps-sentry-ship vps-sentry-selftest; do
        list_file "bin/$name" "/usr/local/bin/$name"
    done
    list_file sysusers.d/vps-sentry.conf /etc/sysusers.d/vps-sentry.conf
    for name in vps-sentry.service vps-sentry.service.d/ship.conf vps-sentry-ship.service vps-sentry.timer; do
        list_file "systemd/$name" "$units/$name"
    done
}

list_file() {
    digest=$(sha256sum <"$deploy/$1")
    echo "${digest%% *}  $2"
}

# Ends, with nothing changed, where an installation could not end well.
look_first() {
    release=yes
    if [ -n "${VPS_SENTRY_RUNTIME:-}" ] || grep -Eqs '^[[:blank:]]*VPS_SENTRY_RUNTIME=' /etc/default/vps-sentry; then
        release=no
    fi
    obstacle=$(wanted=$(list_files) overwrite=${VPS_SENTRY_OVERWRITE:-no} hint=VPS_SENTRY_OVERWRITE=yes release=$release \
        sh "$deploy/inspect.sh" | sed -n 's/^obstacle=//p')
    [ -z "$obstacle" ] || fail "$obstacle. Nothing was changed"
}

# Puts file $1 at $2 with mode $3 and says in placed whether it had to; what is there and right is not touched.
place() {
    placed=no
    if [ -f "$2" ] && [ ! -L "$2" ] && cmp -s -- "$1" "$2" && [ "$(stat -c '%u:%g:%a' -- "$2")" = "0:0:$3" ]; then
        return 0
    fi
    [ ! -d "$2" ] || fail "$2 is a directory; move it away"
    make_directory "${2%/*}" 755 root
    rm -f -- "$2.new"
    cp -- "$1" "$2.new"
    chown root:root -- "$2.new"
    chmod "$3" -- "$2.new"
    mv -f -- "$2.new" "$2"
    placed=yes
    did "installed $2"
}

# Makes directory $1 with mode $2, owned by root and group $3.
make_directory() {
    [ ! -d "$1" ] || return 0
    install -d -o root -g "$3" -m "$2" -- "$1"
    did "created $1"
}

# The same for the state, where a wrong owner or mode is also put right.
state_directory() {
    [ ! -L "$1" ] || fail "$1 is a symbolic link; the state must be a directory"
    make_directory "$1" "$2" "$3"
    if [ "$(stat -c '%U:%G:%a' -- "$1")" != "root:$3:$2" ]; then
        chown "root:$3" -- "$1"
        chmod "$2" -- "$1"
        did "corrected owner and mode of $1"
    fi
}

install_runtime() {
    # The wrapper's own judgement of /etc/default/vps-sentry and of an override: refused here as at every start.
    # shellcheck source-path=SCRIPTDIR source=../deploy/bin/vps-sentry
    . "$deploy/bin/vps-sentry"
    configured=
    if [ -e "$settings" ] || [ -L "$settings" ]; then
        read_settings
    fi
    override=${VPS_SENTRY_RUNTIME:-$configured}
    if [ -n "$override" ]; then
        use_override
    else
        install_release
    fi
}

use_override() {
    if [ -n "${VPS_SENTRY_RUNTIME:-}" ]; then
        require_runtime "$override" 'the environment'
    else
        require_runtime "$override" "$settings"
    fi
    runtime="$override (override kept in $settings)"
    [ "$override" != "$configured" ] || return 0
    case $override in
        *[!A-Za-z0-9_./:@%+,=~\ -]*) fail "VPS_SENTRY_RUNTIME holds a character that $settings cannot keep" ;;
    esac
    kept=$work/settings
    {
        if [ -e "$settings" ]; then
            grep -v '^[[:blank:]]*VPS_SENTRY_RUNTIME=' -- "$settings" || true
        else
            echo '# The runtime that vps-sentry starts. Without this file: the installed release.'
        fi
        printf 'VPS_SENTRY_RUNTIME="%s"\n' "$override"
    } >"$kept"
    place "$kept" "$settings" 644
}

install_release() {
    python=/usr/bin/python3
    make_directory /opt 755 root
    require_root_owned /opt 'the place for releases'
    built=$("$python" -I -B "$deploy/release.py" build --output "$work")
    said=$("$python" -I -B "$deploy/release.py" install "${built#* }" --config /etc/vps-sentry.json --state "$state")
    runtime="release ${said#* }"
    [ "${said%% *}" = unchanged ] || did "installed release ${said#* } in /opt/vps-sentry"
}

# Minimal images come without one, and the agent knows a host by it.
make_machine_id() {
    ! grep -Eqs '^[0-9a-f]{32}$' /etc/machine-id || return 0
    tr -d - </proc/sys/kernel/random/uuid >"$work/machine-id"
    place "$work/machine-id" /etc/machine-id 444
}

install_commands() {
    for name in vps-sentry vps-sentry-ship vps-sentry-selftest; do
        place "$deploy/bin/$name" "/usr/local/bin/$name" 755
    done
}

make_user() {
    place "$deploy/sysusers.d/vps-sentry.conf" /etc/sysusers.d/vps-sentry.conf 644
    ! getent passwd "$ship_user" >/dev/null || return 0
    if command -v systemd-sysusers >/dev/null; then
        systemd-sysusers /etc/sysusers.d/vps-sentry.conf >"$work/sysusers" 2>&1 || fail "user $ship_user: $(cat "$work/sysusers")"
    else
        useradd --system --user-group --no-create-home --home-dir / --shell /usr/sbin/nologin "$ship_user"
    fi
    did "created user $ship_user"
}

make_state() {
    state_directory "$state" 711 root
    state_directory "$state/public" 755 root
    for name in history plans snapshot stamps test; do
        state_directory "$state/$name" 700 root
    done
    # Group-readable for the process that ships; the group comes down to new entries by the directory's setgid bit.
    state_directory "$state/outbox" 2750 "$ship_user"
    # Root's own, so the agent can remove acks without the power to override permissions.
    state_directory "$state/acks" 770 "$ship_user"
}

install_units() {
    reload=no
    restart=no
    for name in vps-sentry.service vps-sentry-ship.service vps-sentry.service.d/ship.conf; do
        place "$deploy/systemd/$name" "$units/$name" 644
        [ "$placed" = no ] || reload=yes
    done
    place "$deploy/systemd/vps-sentry.timer" "$units/vps-sentry.timer" 644
    if [ "$placed" = yes ]; then
        reload=yes
        restart=yes
    fi
}

# A secret under a name of its owner's choice reaches the process that ships by a line of its own, as those in the unit.
hand_over_secrets() {
    drop_in=$units/vps-sentry-ship.service.d/vps-sentry-secrets.conf
    printf '%s\n' '# Made by the installation: a line for each secret in /etc/vps-sentry.d.' '[Service]' >"$work/secrets.conf"
    for path in /etc/vps-sentry.d/*; do
        name=${path##*/}
        case $name in *[!A-Za-z0-9._-]* | allowed_signers) continue ;; esac
        if [ ! -f "$path" ] || [ -L "$path" ] || grep -Fq "LoadCredential=$name:" "$deploy/systemd/vps-sentry-ship.service"; then
            continue
        fi
        printf 'LoadCredential=%s:%s\nSetCredential=%s:\\n\n' "$name" "$path" "$name" >>"$work/secrets.conf"
    done
    if grep -Fq LoadCredential= "$work/secrets.conf"; then
        place "$work/secrets.conf" "$drop_in" 644
        [ "$placed" = no ] || reload=yes
    elif [ -e "$drop_in" ]; then
        rm -f -- "$drop_in"
        reload=yes
        did "removed $drop_in"
    fi
}

start_timer() {
    if ! command -v systemctl >/dev/null; then
        timer='The timer was not started: there is no systemd here.'
        return 0
    fi
    if [ ! -d /run/systemd/system ]; then
        if ! systemctl is-enabled --quiet vps-sentry.timer 2>/dev/null; then
            systemctl enable --quiet vps-sentry.timer
            did 'enabled vps-sentry.timer for the next boot'
        fi
        timer='The timer was not started: systemd is not running here.'
        return 0
    fi
    timer='The timer looks at this host every five minutes.'
    [ "$reload" = no ] || systemctl daemon-reload
    if ! systemctl is-enabled --quiet vps-sentry.timer || ! systemctl is-active --quiet vps-sentry.timer; then
        systemctl enable --quiet --now vps-sentry.timer
        did 'enabled and started vps-sentry.timer'
    elif [ "$restart" = yes ]; then
        systemctl restart vps-sentry.timer
        did 'restarted vps-sentry.timer'
    fi
}

# EL's sudo looks for commands in its own list of places, without /usr/local/bin.
check_sudo() {
    command=vps-sentry
    command -v sudo >/dev/null || return 0
    places=$(sudo -V | sed -n "s/^Value to override user's \$PATH with: //p")
    case ":$places:" in
        :: | *:/usr/local/bin:*) return 0 ;;
    esac
    command=/usr/local/bin/vps-sentry
    echo "sudo does not look in /usr/local/bin. Type sudo $command, or add that directory with visudo:"
    echo "    Defaults secure_path = $places:/usr/local/bin"
}

case ${1:-} in
    '') ;;
    -h | --help)
        usage
        exit 0
        ;;
    *)
        usage >&2
        exit 2
        ;;
esac
become_root
# Only now: sudo's own idea of a PATH may lack the tools of an administrator.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
umask 022
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
trap 'exit 1' HUP INT TERM

look_first
install_runtime
make_machine_id
install_commands
make_user
make_state
install_units
hand_over_secrets
list_files | sort -k 2 >"$work/installed"
[ ! -d /opt/vps-sentry ] || place "$work/installed" /opt/vps-sentry/installed 644
start_timer

if [ "$changed" = no ]; then
    echo "Nothing to change: vps-sentry is installed and starts $runtime."
else
    echo "vps-sentry is installed and starts $runtime."
fi
echo "$timer"
check_sudo
echo "Next: sudo $command                      look at this host now"
echo "      sudo $command --accept-baseline    accept what that shows"
