# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys, and settings of sshd."""

from actions import Action

_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJfVbUZTN8xl3bWgl4ZCVc0Y8NzrB2mYkFJ0m7kQ0o0x"
_DROP_IN = "/etc/ssh/sshd_config.d/x.conf"

ROWS = [
    Action(
        "A08",
        "T1098.004",
        "a key in /root/.ssh/authorized_keys",
        f"mkdir -p /root/.ssh; echo '{_KEY} admin' >/root/.ssh/authorized_keys",
        "rm /root/.ssh/authorized_keys",
        check="ssh_keys",
        code="ssh_key_added",
        severity="critical",
        title="new SSH key for root: ssh-ed25519 SHA256:*, called admin (unverified), without limits, "
        "in /root/.ssh/authorized_keys",
    ),
    Action(
        "A08b",
        "T1098.004",
        "a second life for a key that is there: its forced command taken away",
        "sed -i 's/^restrict,command=[^ ]* //' /home/alice/.ssh/authorized_keys",
        "sed -i 's,^ssh,restrict\\,command=\"/bin/true\" ssh,' /home/alice/.ssh/authorized_keys",
        check="ssh_keys",
        code="ssh_key_options",
        severity="critical",
        title="options of an SSH key changed: for alice: ssh-ed25519 SHA256:*, without limits, "
        'in /home/alice/.ssh/authorized_keys: without restrict, without command="/bin/true"',
        before="install -d -m 700 -o alice /home/alice/.ssh; "
        f"echo 'restrict,command=\"/bin/true\" {_KEY}' >/home/alice/.ssh/authorized_keys; "
        "chown alice /home/alice/.ssh/authorized_keys; chmod 600 /home/alice/.ssh/authorized_keys",
        after="rm -r /home/alice/.ssh",
    ),
    Action(
        "A09",
        "T1098.004",
        "a key in authorized_keys2 of an account without a login shell",
        f"mkdir -p /usr/games/.ssh; echo '{_KEY}' >/usr/games/.ssh/authorized_keys2",
        "rm -r /usr/games/.ssh",
        check="ssh_keys",
        code="ssh_key_added",
        severity="critical",
        title="new SSH key for games: ssh-ed25519 SHA256:*, without limits, in /usr/games/.ssh/authorized_keys2",
    ),
    Action(
        "A10",
        "T1556",
        "`PermitRootLogin yes` in sshd_config.d",
        f"echo 'PermitRootLogin yes' >{_DROP_IN}",
        f"rm {_DROP_IN}",
        check="sshd_config",
        code="sshd_loosened",
        severity="critical",
        title=f"sshd: PermitRootLogin prohibit-password -> yes, by {_DROP_IN}",
    ),
    Action(
        "A10b",
        "T1556",
        "`AuthorizedKeysFile` elsewhere",
        f"echo 'AuthorizedKeysFile .ssh/authorized_keys /srv/.k/%u' >{_DROP_IN}",
        f"rm {_DROP_IN}",
        check="sshd_config",
        code="sshd_loosened",
        severity="critical",
        title="sshd: AuthorizedKeysFile .ssh/authorized_keys .ssh/authorized_keys2 -> .ssh/authorized_keys /srv/.k/%u, "
        f"by {_DROP_IN}",
    ),
    Action(
        "A10c",
        "T1556",
        "`AuthorizedKeysCommand`",
        f"printf 'AuthorizedKeysCommand /usr/bin/cat /srv/.k\\nAuthorizedKeysCommandUser root\\n' >{_DROP_IN}",
        f"rm {_DROP_IN}",
        check="sshd_config",
        code="sshd_loosened",
        severity="critical",
        title=f"sshd: AuthorizedKeysCommand none -> /usr/bin/cat /srv/.k, by {_DROP_IN}",
    ),
    Action(
        "A10d",
        "T1556",
        "`TrustedUserCAKeys`",
        f"echo 'TrustedUserCAKeys /srv/.ca' >{_DROP_IN}",
        f"rm {_DROP_IN}",
        check="sshd_config",
        code="sshd_loosened",
        severity="critical",
        title=f"sshd: TrustedUserCAKeys none -> /srv/.ca, by {_DROP_IN}",
    ),
    Action(
        "A10e",
        "T1556",
        "passwords for one address alone, in a Match block",
        f"printf 'Match Address 203.0.113.7\\n  PermitRootLogin yes\\n' >{_DROP_IN}",
        f"rm {_DROP_IN}",
        check="sshd_config",
        code="sshd_loosened",
        severity="critical",
        title=f"sshd: PermitRootLogin set: yes (Match Address 203.0.113.7), by {_DROP_IN}",
    ),
]
