# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines and settings as they may be shown and sent: printable, short, without secrets."""

from __future__ import annotations

import re
from hashlib import sha256

from ..core.canonical import escape

LONGEST = 600
"""Bytes of a line that are shown."""
_HEX = 16
_SECRET = re.compile(
    rb"(?i)((?:pass(?:word|wd|phrase)?|secret|token|api[_-]?key|credentials?)[\w-]*(?:=|:\s*|\s+))(?!\$|/|-)[^\s\"';|&]{3,}"
    rb"|(://[^\s/:@]*:)[^\s/@]+(?=@)"
)
# What these hold decides which code a program loads or runs, so it is told; of others only that it changed.
_TELLING = re.compile(
    rb"(?:LD_\w+|GLIBC_TUNABLES|GCONV_PATH|PATH|SHELL|HOME|LOGNAME|USER|LANG|LC_\w+|TZ|MAILTO|MAILFROM|CRON_TZ|TERM"
    rb"|RANDOM_DELAY|START_HOURS_RANGE|BASH_ENV|BASH_FUNC_.*|ENV|PROMPT_COMMAND|IFS|PYTHON\w*|PERL5\w*|RUBY(?:OPT|LIB)"
    rb"|NODE_(?:OPTIONS|PATH)|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|DOTNET_STARTUP_HOOKS|OPENSSL_\w+|LISTEN_\w+|XDG_\w+)"
)
LOADER = re.compile(
    r"(?:LD_PRELOAD|LD_AUDIT|LD_LIBRARY_PATH|LD_PROFILE_OUTPUT|GCONV_PATH|GLIBC_TUNABLES|BASH_ENV|ENV|BASH_FUNC_.*"
    r"|PYTHON(?:PATH|HOME|STARTUP)|PERL5(?:OPT|LIB|DB)|RUBY(?:OPT|LIB)|NODE_OPTIONS|_?JAVA_\w*OPTIONS|OPENSSL_CONF)=.+"
)
"""Assignments as shown that make programs load somebody's code."""


def line(raw: bytes) -> str:
    """A command line. Where something is left out, a digest of the whole makes any change of it visible."""
    safe = _SECRET.sub(lambda found: (found[1] or found[2]) + b"***", raw)
    if safe == raw and len(raw) <= LONGEST:
        return escape(raw)
    return f"{escape(safe[:LONGEST])} [{digest(raw)}]"


def assignment(raw: bytes) -> str:
    """One ``NAME=VALUE``; of values that may be secrets only a digest is shown."""
    name, _, value = raw.partition(b"=")
    if _TELLING.fullmatch(name) or not value:
        return line(raw)
    return f"{escape(name[:LONGEST])}=[{digest(value)}]"


def digest(raw: bytes) -> str:
    """The first 64 bits of a SHA-256, enough to tell two lines apart."""
    return "sha256:" + sha256(raw).hexdigest()[:_HEX]
