# SPDX-License-Identifier: GPL-3.0-or-later
"""Where units and their kin lie: the load paths of systemd.unit(5), the most important folder first, and the rest."""

from __future__ import annotations

from typing import Any, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from ..proc.activation import FOLDERS
from ..watch import entries
from ..watch.entries import Target, Watch
from .accounts import Account

SYSTEM = tuple(folder.encode() for folder in FOLDERS)
TRANSIENT = b"transient"
"""Last part of the folders where units lie that programs make and unmake as they run."""
_CONFIG = (b"/etc/", b"/run/", b"/usr/local/lib/", b"/usr/lib/", b"/lib/")
"""Where one looks for pieces of a configuration; of pieces with one name the first counts."""
SHARED = (
    *(b"/etc/xdg/systemd/user", b"/etc/systemd/user", b"/run/systemd/user"),
    *(b"/usr/local/share/systemd/user", b"/usr/share/systemd/user"),
    *(b"/usr/local/lib/systemd/user", b"/usr/lib/systemd/user", b"/lib/systemd/user"),
)
"""Units for the managers of all users."""
HOOKS = tuple(
    base + b"systemd/" + kind
    for base in _CONFIG
    for kind in (
        *(b"system-generators", b"user-generators", b"system-environment-generators", b"user-environment-generators"),
        *(b"system-shutdown", b"system-sleep"),
    )
)
"""Programs that systemd runs as root (those of users' managers as the user) without any unit."""
ENVIRONMENTS = tuple(base + b"environment.d" for base in _CONFIG)
PRESETS = tuple(base + b"systemd/" + kind + b"-preset" for base in _CONFIG for kind in (b"system", b"user"))
BUSES = tuple(
    base + b"/dbus-1/" + kind
    for base in (b"/usr/local/share", b"/usr/share", b"/lib", b"/etc", b"/run")
    for kind in (b"system-services", b"services")
)
LINGER = b"/var/lib/systemd/linger"
INIT = b"/etc/init.d"
RUNLEVELS = tuple(b"/etc/rc%s.d" % level for level in (b"S", *(b"%d" % number for number in range(7))))
RC_LOCAL = (b"/etc/rc.local", b"/etc/rc.d/rc.local")
MANAGERS = (b"system", b"user")
PASSWD = b"/etc/passwd"

_HOME_UNITS = (b".config/systemd/user.control", b".config/systemd/user", b".local/share/systemd/user")
_RUNTIME_UNITS = (b"user.control", TRANSIENT, b"generator.early", b"user", b"generator", b"generator.late")
HOME_ENTRIES = 2000
"""Entries that are looked at in one folder of a home: its owner could else make the agent run out of memory."""
ENTRIES = 20_000
"""The same for a folder of root's."""
# Scopes and slices run no program (systemd.scope(5), systemd.slice(5)); each login and container makes some.
VOLATILE = (b".scope", b".slice", b".scope.d", b".slice.d")
_LASTING = tuple(
    b"." + kind + end
    for kind in (b"service", b"socket", b"timer", b"path", b"target", b"mount", b"automount", b"swap")
    for end in (b"", b".d", b".wants", b".requires", b".upholds")
)
"""Ends of the names below ``transient`` that are looked at: the folder itself changes with each login."""


class Owned(NamedTuple):
    """What lies in an account's own folders."""

    account: Account
    units: Tuple[bytes, ...]
    environments: Tuple[bytes, ...]
    buses: Tuple[bytes, ...]


def owned(account: Account) -> Owned:
    """The folders of one account."""
    home = account.home.rstrip(b"/") + b"/"
    running = b"/run/user/%d/" % account.uid
    units = [home + name for name in _HOME_UNITS[:1]]
    units += [running + b"systemd/" + name for name in _RUNTIME_UNITS[:3]]
    units += [home + _HOME_UNITS[1], *(running + b"systemd/" + name for name in _RUNTIME_UNITS[3:5])]
    units += [home + _HOME_UNITS[2], running + b"systemd/" + _RUNTIME_UNITS[5]]
    buses = (home + b".local/share/dbus-1/services", running + b"dbus-1/services")
    return Owned(account, tuple(units), (home + b".config/environment.d",), buses)


def manager_files(kind: bytes) -> Tuple[bytes, ...]:
    """The main files of systemd-system.conf(5) or systemd-user.conf(5); the first that is there counts."""
    return tuple(base + b"systemd/" + kind + b".conf" for base in _CONFIG)


def manager_folders(kind: bytes) -> Tuple[bytes, ...]:
    """The folders of additions to the main file."""
    return tuple(base + b"systemd/" + kind + b".conf.d" for base in _CONFIG)


def targets(accounts: Iterable[Account], beyond: Iterable[bytes]) -> Iterator[Target]:
    """What a stamp must find unmoved; ``beyond`` are the places outside of all these that a link leads to."""
    folders = [*SYSTEM, *SHARED, *HOOKS, *ENVIRONMENTS, *PRESETS, *BUSES, LINGER, INIT, *RUNLEVELS]
    files = [PASSWD, *RC_LOCAL]
    for kind in MANAGERS:
        folders += manager_folders(kind)
        files += manager_files(kind)
    for path in (*folders, *files, *beyond):
        base, _, name = path.rpartition(b"/")
        if name == TRANSIENT:
            yield Target(path + b"/", (_LASTING,), 1, limit=ENTRIES)
        else:
            yield Target(base + b"/", (name,), 2, limit=ENTRIES)
    for account in accounts:
        home = account.home.rstrip(b"/") + b"/"
        for base, name in ((b".config/", b"systemd"), (b".config/", b"environment.d"), (b".local/share/", b"systemd")):
            yield Target(home + base, (name,), 3, limit=HOME_ENTRIES)
    for kinds in ("systemd/{user.control,generator.early,user,generator,generator.late}", "dbus-1/services"):
        yield entries.target(Watch(f"/run/user/*/{kinds}"))._replace(depth=2, limit=HOME_ENTRIES)
    passing = entries.target(Watch("/run/user/*/systemd/transient/x"))
    yield passing._replace(components=(*passing.components[:-1], _LASTING), depth=1, limit=HOME_ENTRIES)


def layout(accounts: List[Account], beyond: Iterable[bytes], *, host: Any) -> Tuple[entries.Compiled, ...]:
    """``targets`` as the stamp kind ``tree`` takes them."""
    watches, aliases = entries.lay_out(targets(accounts, beyond), host, excluded=())
    return watches + aliases


def limit_of(folder: bytes, owner: Optional[int]) -> int:
    """How many entries of a folder are looked at. ``owner``: whose home it lies in."""
    return ENTRIES if owner is None or folder.startswith(b"/run/systemd/") else HOME_ENTRIES
