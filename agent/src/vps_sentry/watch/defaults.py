# SPDX-License-Identifier: GPL-3.0-or-later
"""What is watched and left out without any configuration."""

from __future__ import annotations

from typing import List, Tuple

from ..tick import tree
from . import histories, patterns
from .entries import Target, Watch, target

WATCH: Tuple[Watch, ...] = (
    Watch("/etc"),
    Watch("/boot", depth=3),
    Watch("/usr/local", exclude=("share/man", "share/doc", "node_modules", "*.log")),
    Watch("/usr/bin"),
    Watch("/usr/sbin"),
    Watch("/usr/libexec"),
    # Links on a merged-usr host: turning one elsewhere replaces every command.
    Watch("/bin"),
    Watch("/sbin"),
    Watch("/usr/lib/systemd"),
    Watch("/lib/systemd"),
    Watch("/usr/lib/udev/rules.d"),
    Watch("/lib/udev/rules.d"),
    Watch("/usr/lib/sysctl.d"),
    Watch("/usr/lib/modules-load.d"),
    Watch("/usr/lib/*/security"),
    Watch("/lib/*/security"),
    Watch("/usr/lib64/security"),
    Watch("/usr/share/dbus-1/system-services"),
    Watch("/usr/share/polkit-1/rules.d"),
    Watch("/var/spool/cron"),
    Watch("/var/spool/at"),
    Watch("/var/spool/anacron"),
    Watch("/var/lib/systemd/linger"),
    Watch("/run/systemd/system"),
    # What lies in transient/ comes with each login and container; names there mean nothing without a judge of units.
    Watch("/run/systemd/{generator,generator.early,generator.late,system-generators,user-generators}"),
    Watch("/usr/lib/python3*/{sitecustomize,usercustomize}.py"),
    Watch("/usr/lib/python3*/{dist,site}-packages/{sitecustomize.py,usercustomize.py,*.pth}"),
    Watch("/usr/lib64/python3*/{dist,site}-packages/{sitecustomize.py,usercustomize.py,*.pth}"),
    Watch("/usr/local/lib/python3*/*/{sitecustomize.py,usercustomize.py,*.pth}"),
)

# Left out because something rewrites them all day or because they are derived from files that are watched;
# never a whole directory that something is executed from.
EXCLUDE: Tuple[str, ...] = (
    "/etc/mtab",
    "/etc/adjtime",
    "/etc/.pwd.lock",
    # Judged line by line, mode and owner included, by the check accounts; the second is the copy useradd leaves.
    "/etc/{passwd,group,shadow,gshadow,subuid,subgid}",
    "/etc/{passwd,group,shadow,gshadow,subuid,subgid}-",
    "/etc/ld.so.cache",
    "/etc/lvm/{archive,backup,cache}",
    "/etc/cups/subscriptions.conf*",
    "/etc/pki/ca-trust/extracted",
    "/etc/selinux/*/active",
    "/etc/selinux/targeted/contexts/files/*.bin",
    "/etc/udev/hwdb.bin",
    "/etc/tuned/{active_profile,profile_mode}",
    "/etc/fake-hwclock.data",
    "/etc/cloud/build.info",
    "/etc/**/.git/objects",
    # A counter that each job moves; the jobs themselves are told by the check cron.
    "/var/spool/{at,cron/atjobs}/.SEQ",
)

_ACCOUNT = (
    b".ssh",
    b".bashrc",
    b".bash_profile",
    b".bash_login",
    b".bash_logout",
    b".profile",
    b".zshrc",
    b".zshenv",
    b".zprofile",
    b".pam_environment",
)
_ACCOUNT_CONFIG = (b"systemd", b"autostart", b"environment.d")
_NO_LOGIN = (b"nologin", b"false", b"sync", b"shutdown", b"halt", b"true")


def targets() -> List[Target]:
    """``WATCH``, ready to be laid out."""
    return [target(watch) for watch in WATCH]


def exclusions() -> Tuple[patterns.Pattern, ...]:
    """``EXCLUDE``, ready to be applied."""
    return tuple(patterns.exclusion(text) for text in EXCLUDE)


HOME_ENTRIES = 2000
"""What one watch in a home may hold: its owner could else make so many files that the agent runs out of memory."""


def account_targets(passwd: bytes) -> List[Target]:
    """What is watched in the home of root and of every account with a login shell, from passwd(5) text."""
    found = []
    for home in login_homes(passwd):
        base = home.rstrip(b"/") + b"/"
        literals = tuple((name,) for name in _ACCOUNT)
        found.append(Target(base, (literals,), tree.MAX_DEPTH, limit=HOME_ENTRIES))
        user_units = (base + b".config/systemd/", (b"user",))
        found.append(Target(*user_units, tree.MAX_DEPTH, limit=HOME_ENTRIES))
        found += [
            Target(base + b".config/", (name,), tree.MAX_DEPTH, limit=HOME_ENTRIES) for name in _ACCOUNT_CONFIG[1:]
        ]
        found.append(Target(base, (histories.NAME,), tree.OUTLINE))
    return found


def of_an_account(path: bytes) -> bool:
    """Whether a path is one that ``account_targets`` watches in a home, whosever."""
    return any(part in (*_ACCOUNT, histories.NAME, b".config") for part in path.split(b"/"))


def login_homes(passwd: bytes) -> Tuple[bytes, ...]:
    """Home directories, sorted, of uid 0 and of accounts whose shell lets somebody in; lines that are none are skipped.

    An empty shell field means /bin/sh.
    """
    homes = set()
    for line in passwd.split(b"\n"):
        fields = line.split(b":")
        if len(fields) != 7 or not fields[5].startswith(b"/") or b"\0" in fields[5]:
            continue
        if fields[2].strip(b"0") == b"" or fields[6].rsplit(b"/", 1)[-1] not in _NO_LOGIN:
            homes.add(fields[5])
    return tuple(sorted(homes))
