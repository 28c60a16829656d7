#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# differ.sh HOST: what happens to this one of the five. Then a look, as the timer takes it.
set -eu
case $1 in
    sentry-fleet-2)
        key='ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN/Cr3JXqmLW7u+g9pTh+wyqDHpSQEIQczXkVx9q guest'
        echo "$key" >>/home/deploy/.ssh/authorized_keys
        ;;
    sentry-fleet-3)
        serve='import socket, time; s = socket.create_server(("", 8099)); time.sleep(3600)'
        setsid python3 -c "$serve" >/dev/null 2>&1 </dev/null &
        ;;
    sentry-fleet-4) dpkg -i /root/sentry-tool-1.1.deb >/dev/null ;;
esac
sleep 1
vps-sentry --exit-zero
