# SPDX-License-Identifier: GPL-3.0-or-later
"""Contenders run by turns: reads ``{rounds, environment, contenders: {NAME: {argv, before}}}`` on standard input.

Prints ``{NAME: {cpu, rss, codes}}``: median user and system seconds, median peak KiB, the exit codes seen. A program of
its own, because the peak memory of a child begins with that of the process it was forked from.
"""

import json
import os
import subprocess
import sys
from statistics import median
from typing import Any, Dict, List, Tuple

Run = Tuple[float, int, int]


def run(argv: List[str], environment: Dict[str, str]) -> Run:
    """CPU seconds, peak KiB and exit code of one run; what it says is thrown away."""
    child = os.fork()
    if child == 0:
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        os.execve(argv[0], argv, environment)  # noqa: S606
    _, status, usage = os.wait4(child, 0)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss, os.waitstatus_to_exitcode(status)


def main() -> None:
    """Measure what standard input asks for."""
    asked = json.load(sys.stdin)
    taken: Dict[str, List[Run]] = {name: [] for name in asked["contenders"]}
    for _ in range(asked["rounds"]):
        for name, contender in asked["contenders"].items():
            for command in contender.get("before", ()):
                subprocess.run(command, check=True)
            taken[name].append(run(contender["argv"], {**asked["environment"], **contender.get("environment", {})}))
    print(json.dumps({name: figures(runs) for name, runs in taken.items()}))


def figures(runs: List[Run]) -> Dict[str, Any]:
    """The medians of some runs."""
    cpu, rss, codes = zip(*runs)
    return {"cpu": median(cpu), "rss": median(rss), "codes": sorted(set(codes))}


if __name__ == "__main__":
    main()
