#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# unchanged.sh record|note: write down what lies on this host, bare or now. unchanged.sh modes|tree|exact: print what
# differs from that, exit 1 if anything does.
#   modes  owner and permissions of every directory of the system that was there on the bare host
#   tree   every file, as on the bare host
#   exact  every file as noted, to the time of its last change
set -eu

modes() {
    find /etc /usr /opt /var -xdev -type d -not -path '/var/lib/systemd/*' -not -path '/var/tmp/*' -printf '%p %m %u %g\n' |
        LC_ALL=C sort
}

# The copies that passwd(5) tools leave are of the change before the last one; what Python compiles is a cache. Below the
# state only directories count: the timer goes on looking.
tree() {
    find /etc /usr /opt /var/lib /var/spool -xdev -not -path '/var/lib/systemd/*' -not -path '/etc/*-' \
        -not -path '*/__pycache__*' \( -type d -o -not -path '/var/lib/vps-sentry/*' \) "$@" | LC_ALL=C sort
}

exact() {
    tree \( -type d -printf '%p %m %u %g\n' -o -printf '%p %m %u %g %s %l %T@\n' \)
}

case $1 in
    record)
        modes >/root/before-modes
        tree -printf '%p %m %u %g %s %l\n' >/root/before-tree
        ;;
    note) exact >/root/before-exact ;;
    modes)
        modes >/root/now
        # A directory more is no matter, one that is another now is.
        LC_ALL=C comm -23 /root/before-modes /root/now >/root/differs
        cat /root/differs
        [ ! -s /root/differs ]
        ;;
    tree)
        tree -printf '%p %m %u %g %s %l\n' >/root/now
        diff /root/before-tree /root/now
        ;;
    exact)
        exact >/root/now
        diff /root/before-exact /root/now
        ;;
esac
