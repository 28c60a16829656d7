#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# unchanged.sh record: write down what lies on this host. unchanged.sh modes|tree: print what differs from that, exit 1 if
# anything does. modes: owners and permissions of the system's directories; tree: every file.
set -eu

modes() {
    stat --format '%n %a %u %g' / /etc /etc/systemd /etc/systemd/system /etc/default /opt /usr /usr/local /usr/local/bin /var /var/lib
}

# The copies that passwd(5) tools leave are of the change before the last one.
tree() {
    find /etc /usr /opt /var/lib /var/spool -xdev -not -path '/var/lib/systemd/*' -not -path '/etc/*-' \
        -printf '%p %m %u %g %s %l\n' | sort
}

if [ "$1" = record ]; then
    modes >/root/before-modes
    tree >/root/before-tree
else
    "$1" >/root/now
    diff "/root/before-$1" /root/now
fi
