# SPDX-License-Identifier: GPL-3.0-or-later
"""``doctor``: the command line of the diagnosis."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from .. import __file__ as package_file
from ..core import codec
from ..doctor import Patient, agent, diagnose
from ..errors import ConfigError
from ..host import Host
from ..report import EXIT_FAILED, EXIT_OK
from ..store import Store
from .output import print_json, print_lines
from .setup import load_config
from .text import visible


def doctor(options: argparse.Namespace) -> int:
    """One line a finding; 4 when one of them is FAIL."""
    config, problem = None, ""
    try:
        config = load_config(options.config)
    except ConfigError as exc:
        problem = str(exc)
    patient = Patient(
        host=Host(),
        store=Store(options.state_dir),
        package=str(Path(package_file).parent),
        config_path=options.config,
        config=config,
        config_problem=problem,
        now=int(time.time()),
        user=os.geteuid(),
    )
    found = [*([agent.fix(patient)] if options.fix else []), *diagnose(patient)]
    if options.format == "json":
        print_json([codec.encode(advice) for advice in found])
    else:
        print_lines(visible(f"{advice.verdict:<5} {advice.name}: {advice.text}") for advice in found)
    return EXIT_FAILED if any(advice.verdict == "FAIL" for advice in found) else EXIT_OK
