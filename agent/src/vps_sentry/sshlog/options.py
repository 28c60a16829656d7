# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``checks.ssh_auth`` can be told: thresholds, sources, logins that are nobody's business."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import Optional, Tuple, Union

from ..core.canonical import escape
from ..core.units import duration
from .addresses import within
from .messages import Event

_AUTO = ("journal", "/var/log/auth.log", "/var/log/secure")
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True)
class ExpectedLogin:
    """A login that is nobody's business: of ``user``, with this key if one is named, from a network or ``any``."""

    user: str
    """The account that is logged in to."""
    key: Optional[str] = None
    """Fingerprint as ``ssh-keygen -l`` prints it, ``SHA256:...``; without one any key or method is expected."""
    from_: str = field(default="any", metadata={"key": "from"})
    """Where it may come from: an address, a network such as ``192.0.2.0/24``, or ``any``."""
    expires: Optional[str] = None
    """Last day (UTC, ``2027-01-31``) on which the login is expected."""


@dataclass(frozen=True)
class Options:
    """Configuration of ``checks.ssh_auth``."""

    enabled: bool = True
    sources: Union[str, Tuple[str, ...]] = "auto"
    """``auto`` (the journal if readable, else auth.log, else secure), or a list of which the first readable is used."""
    failed_threshold: int = 25
    """So many failed attempts within ``window``, summed over all addresses, are a burst."""
    invalid_user_threshold: int = 10
    """So many attempts within ``window`` as users that do not exist are a burst."""
    window: str = "1h"
    """Sliding, by the time in the log."""
    seen_ttl: str = "30d"
    """A known login not seen for so long is a first one again."""
    expected_logins: Tuple[ExpectedLogin, ...] = ()
    """Logins that are never a first one; user and key must match, wherever they come from."""


def validate(options: Options) -> None:
    """Raises ValueError naming the option that cannot be used."""
    for name in ("window", "seen_ttl"):
        seconds(options, name)
    for name in ("failed_threshold", "invalid_user_threshold"):
        if not 1 <= getattr(options, name) <= 100_000:
            raise ValueError(f"{name}: must be 1 to 100000")
    for source in candidates(options):
        if source != "journal" and not source.startswith("/"):
            raise ValueError(f"sources: {source!r} is neither auto, journal nor an absolute path")
    for login in options.expected_logins:
        if login.expires is not None and not _DATE.fullmatch(login.expires):
            raise ValueError(f"expected_logins: expires {login.expires!r} is not a date such as 2027-01-31")
        if login.from_ != "any" and not (within(login.from_.partition("/")[0], login.from_)):
            raise ValueError(f"expected_logins: from {login.from_!r} is neither any, an address nor a network")


def seconds(options: Options, name: str) -> int:
    """A duration of the options. Raises ValueError naming it."""
    try:
        return duration(getattr(options, name))
    except ValueError as exc:
        raise ValueError(f"{name}: {exc}") from exc


def candidates(options: Options) -> Tuple[str, ...]:
    """The sources in the order in which they are tried."""
    if options.sources == "auto":
        return _AUTO
    return (options.sources,) if isinstance(options.sources, str) else options.sources


def expects(login: ExpectedLogin, event: Event, *, when: int) -> bool:
    """Whether a login at ``when`` (seconds since the epoch) is the one the configuration expects."""
    day = time.strftime("%Y-%m-%d", time.gmtime(when))
    return (
        event.user == escape(login.user.encode("utf-8", "surrogatepass"))
        and (login.key is None or login.key == event.key)
        and (login.from_ == "any" or (event.address is not None and within(event.address, login.from_)))
        and (login.expires is None or day <= login.expires)
    )
