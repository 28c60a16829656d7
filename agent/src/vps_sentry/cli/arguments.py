# SPDX-License-Identifier: GPL-3.0-or-later
"""The grammar of the command line."""

from __future__ import annotations

import argparse
import importlib
from typing import Any, Callable, List

from .. import __version__
from ..config import DEFAULT_PATH as CONFIG_PATH
from ..store import DEFAULT_PATH as STATE_PATH

Parser = argparse.ArgumentParser


def parse(arguments: List[str], *, scheduled: bool) -> argparse.Namespace:
    """The options of one command; ``command`` is the function that carries it out. Exits with 2 on a wrong usage."""
    words = [word for word in arguments if not word.startswith("-")]
    leads = bool(words) and arguments[:1] == words[:1]
    if not leads and not set(arguments) & {"-h", "--help", "--version"}:
        # "vps-sentry --full" is "vps-sentry run --full".
        arguments = ["run", *arguments]
    return _parser().parse_args(arguments, argparse.Namespace(scheduled=scheduled, taken={}))


def _parser() -> Parser:
    parser = Parser(
        allow_abbrev=False,
        prog="vps-sentry",
        description="Watch this host and say what changed since the accepted baseline.",
        epilog="Without a command: run, whose options (--accept-baseline, --full, --root and more) show with: "
        "vps-sentry run --help. Exit codes: 0 nothing open, 3 alerts open, 4 a check failed, "
        "2 usage or configuration, 5 moved since reviewed, 1 internal.",
    )
    parser.add_argument("--version", action="version", version=f"vps-sentry {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_run(commands)
    _add_baseline(commands)
    _add_simple(commands)
    return parser


def _lazily(module: str, name: str) -> Callable[[argparse.Namespace], int]:
    """Only the command that is asked for is imported."""

    def command(options: argparse.Namespace) -> int:
        code: int = getattr(importlib.import_module(f"{__package__}.{module}"), name)(options)
        return code

    return command


def _add(commands: Any, name: str, about: str, target: str) -> Parser:
    parser: Parser = commands.add_parser(name, help=about, description=about, allow_abbrev=False)
    parser.add_argument("--config", default=CONFIG_PATH, metavar="FILE", help=f"configuration (default {CONFIG_PATH})")
    parser.add_argument("--state-dir", default=STATE_PATH, metavar="DIR", help=f"state (default {STATE_PATH})")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--no-color", action="store_true", help="plain text, as with NO_COLOR set")
    module, _, function = target.partition(".")
    parser.set_defaults(command=_lazily(module, function))
    return parser


def _add_run(commands: Any) -> None:
    parser = _add(commands, "run", "look once, compare with the baseline, record and report", "run.run")
    parser.add_argument("--full", action="store_true", help="hash every watched file again")
    parser.add_argument("--root", default="/", metavar="DIR", help="look at a mounted disk instead of this system")
    parser.add_argument("--exit-zero", action="store_true", help="exit 0 where it would be 3 or 4")
    accept = parser.add_argument_group("acceptance")
    accept.add_argument("--accept-baseline", action="store_true", help="trust what this run sees")
    accept.add_argument("--dry-run", action="store_true", help="only print and keep the plan")
    accept.add_argument("--digest", metavar="sha256:HEX", help="accept a kept plan, if nothing of it moved")
    accept.add_argument("--only", action="append", default=[], metavar="CHECK[:KEYGLOB]", help="may be repeated")
    accept.add_argument("--reason", default="", metavar="TEXT", help="why, kept in the history")
    accept.add_argument("--expires", metavar="2h", help="accept for a time only; then the values before hold again")


def _add_baseline(commands: Any) -> None:
    parser = _add(
        commands, "baseline", "show the accepted baseline, what differs, its history; or go back", "show.baseline"
    )
    parser.add_argument("what", choices=("show", "diff", "log", "rollback"))
    parser.add_argument(
        "sequence", nargs="?", type=int, metavar="SEQ", help="rollback: which one (default: the one before)"
    )
    parser.add_argument("--reason", default="", metavar="TEXT", help="rollback: why, kept in the history")
    parser.set_defaults(root="/", full=False)


def _add_simple(commands: Any) -> None:
    _add(commands, "status", "the last run and what stands open; takes no new look", "status.status")
    doctor = _add(commands, "doctor", "what is wrong with this installation, and what to do about it", "doctor.doctor")
    doctor.add_argument("--fix", action="store_true", help="compile the agent anew for this host's Python first")
    _add(commands, "checks", "the checks of this release and what they are set to", "show.checks")
    ack = _add(commands, "ack", "silence one alert without trusting anything", "ack.ack")
    ack.add_argument("id", metavar="ID", help="the alert's id, or enough of its beginning")
    ack.add_argument("--for", dest="time", metavar="7d", help="for so long; default: until it changes or ends")
    ack.add_argument("--reason", required=True, metavar="TEXT", help="why, kept in the history and told")
    ack.set_defaults(root="/", full=False)
    window = _add(commands, "window", "a maintenance window: only critical alerts are told at once", "window.window")
    window.add_argument("step", choices=("open", "show", "close"))
    window.add_argument("--for", dest="time", default="", metavar="2h", help="open: for so long, 24h at most")
    window.add_argument("--reason", default="", metavar="TEXT", help="open: why, kept in the history and told")
    window.set_defaults(root="/", full=False)
    reset = _add(commands, "reset", "before an image is made of this host: forget what is its own", "reset.reset")
    reset.add_argument("--for-image", action="store_true", help="really forget baseline, history and alerts")
    explain = _add(commands, "explain", "what an alert code means and what to do about it", "explain.explain")
    explain.add_argument("code", nargs="?", metavar="CODE", help="without one: all codes")
    bundle = _add(commands, "bundle", "hand out the last snapshot and the baseline as canonical JSON", "handout.bundle")
    bundle.set_defaults(format="json")
    order = _add(
        commands, "apply-acceptance", "accept what a controller planned, as reviewed or not at all", "order.apply"
    )
    order.add_argument("order", choices=("-",), metavar="-", help="the order as JSON on standard input")
    order.set_defaults(root="/", full=False, format="json")
    _add(commands, "ship", "send what waits in the outbox", "ship.ship")
    selftest = _add(commands, "selftest", "try the installation; nothing real is touched", "selftest.selftest")
    selftest.add_argument("--with-network", action="store_true", help="send one message marked TEST to every sink")
    selftest.set_defaults(root="/", full=False)
    auth = _add(commands, "auth", "read an sshd log and print what it says", "auth.auth")
    auth.add_argument("file", metavar="FILE|-", help="syslog text or journalctl -o json; - is standard input")
    check = _add(commands, "check-config", "check a configuration file and say what is wrong with it", "settings.check")
    check.add_argument("file", nargs="?", metavar="FILE", help="default: the configuration in force")
    config = _add(commands, "config", "print every option with its default", "settings.example")
    config.add_argument("what", choices=("example",))
