#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# act.sh change: what is reviewed. act.sh meanwhile HOST: what happens before it is applied. act.sh hide HOST: what root
# does there to stay unseen, each in another way.
set -eu

change() {
    cp -a /var/lib/vps-sentry /root/sentry-copy
    echo 'id >/dev/null' >/etc/profile.d/sentry-test.sh
    vps-sentry --exit-zero
}

meanwhile() {
    case $1 in
        sentry-fleet-2) echo 'id -u >/dev/null' >/etc/profile.d/sentry-test.sh ;;
        sentry-fleet-3) echo 'id -g >/dev/null' >/etc/profile.d/sentry-planted.sh ;;
    esac
}

put_back() {
    rm -rf /var/lib/vps-sentry
    cp -a /root/sentry-copy /var/lib/vps-sentry
}

# Another release: sources, MANIFEST and name agree, as after an upgrade.
replace_agent() {
    cd /opt/vps-sentry
    old=$(readlink -f venv)
    cp -a "$old" releases/fresh
    cd releases/fresh
    source=lib/vps_sentry/checks/ssh_keys.py
    before=$(sha256sum "$source" | cut -d ' ' -f 1)
    echo '# nothing to see' >>"$source"
    sed -i "s/^$before /$(sha256sum "$source" | cut -d ' ' -f 1) /" MANIFEST
    find . -name __pycache__ -prune -exec rm -r {} +
    name=$(basename "$old")
    name=${name%-*}-$(sha256sum MANIFEST | cut -c 1-12)
    cd /opt/vps-sentry
    mv releases/fresh "releases/$name"
    ln -sfn "releases/$name" venv
}

hide() {
    case $1 in
        sentry-fleet-1)
            key='ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN/Cr3JXqmLW7u+g9pTh+wyqDHpSQEIQczXkVx9q guest'
            echo "$key" >>/home/deploy/.ssh/authorized_keys
            vps-sentry --accept-baseline --reason 'nothing to see' >/dev/null
            ;;
        sentry-fleet-2)
            put_back
            replace_agent
            ;;
        sentry-fleet-3) put_back ;;
        sentry-fleet-4)
            vps-sentry bundle </dev/null >/root/sentry-bundle
            printf '#!/bin/sh\ncat >/dev/null\nexec cat /root/sentry-bundle\n' >/usr/local/bin/vps-sentry
            return
            ;;
        sentry-fleet-5)
            systemctl disable --now vps-sentry.timer
            ln -sf /dev/null /etc/systemd/system/vps-sentry.timer
            ;;
    esac
    vps-sentry --exit-zero
}

case $1 in
    change) change ;;
    meanwhile) meanwhile "$2" ;;
    hide) hide "$2" ;;
esac
