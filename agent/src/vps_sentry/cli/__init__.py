# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: arguments in, text or JSON out, exit codes of docs/contracts.md section 2."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, List, Optional

from ..errors import BusyError, ConfigError, MovedError, SentryError
from ..report import EXIT_INTERNAL, EXIT_MOVED, EXIT_OK, EXIT_USAGE
from ..store import Store

if TYPE_CHECKING:
    import argparse


def main(arguments: List[str], *, scheduled: bool = False, asked: Optional[bytes] = None) -> int:
    """Run one command and say on stderr, in one sentence, why it could not be done.

    ``asked`` is the line that was read from standard input already.
    """
    from .arguments import parse

    options = parse(arguments, scheduled=scheduled)
    options.asked = asked
    return carry_out(options)


def carry_out(options: argparse.Namespace) -> int:
    """Run the command of ``options``; what goes wrong becomes a sentence and an exit code."""
    scheduled: bool = options.scheduled
    try:
        code: int = options.command(options)
    except BusyError as exc:
        if scheduled:
            Store(options.state_dir).count_busy()
        return _say(exc, EXIT_OK if scheduled else EXIT_INTERNAL)
    except MovedError as exc:
        return _say(exc, EXIT_MOVED)
    except ConfigError as exc:
        return _say(exc, EXIT_USAGE)
    except SentryError as exc:
        return _say(exc, EXIT_INTERNAL)
    except BrokenPipeError:
        # The reader (head, less) has seen enough; Python's own flush at exit must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return EXIT_OK
    return code


def _say(error: Exception, code: int) -> int:
    word = "busy: " if isinstance(error, BusyError) else ""
    print(f"vps-sentry: {word}{error}", file=sys.stderr)
    return code
