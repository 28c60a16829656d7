# SPDX-License-Identifier: GPL-3.0-or-later
"""``bundle``: one object on standard output, whatever the environment or the caller's command line say."""

from __future__ import annotations

import argparse
import sys

from .. import handout, reply
from ..checks import discover
from ..core import canonical
from ..host import Host
from ..report import EXIT_OK
from ..store import Store
from .setup import digest


def bundle(options: argparse.Namespace) -> int:
    """Answer the request on standard input the long way."""
    source = handout.Source(Host(), tuple(discover()), digest(), footing=reply.footing())
    asked: bytes = reply.question() if options.asked is None else options.asked
    document = handout.build(Store(options.state_dir), source, request=handout.read_request(asked))
    sys.stdout.buffer.write(canonical.dumps(document) + b"\n")
    sys.stdout.buffer.flush()
    return EXIT_OK
