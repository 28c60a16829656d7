# SPDX-License-Identifier: GPL-3.0-or-later
"""``accept``: plan, sign, begin, follow and withdraw acceptances; hosts are asked by the playbook."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from pathlib import Path
from typing import Any, Callable, Dict

from ..acceptance import ledger, log, mirror, planfile, recap, signing
from ..acceptance.desk import Desk, Told
from ..acceptance.planfile import PlanError
from ..moment import now
from ..store import Store
from . import Command

_ERROR = 1


def _arguments(parser: argparse.ArgumentParser) -> None:
    steps = parser.add_subparsers(dest="step", metavar="STEP", required=True, parser_class=type(parser))
    _plan(steps.add_parser("plan", help="write a plan of what differs, and show it; nothing changes"))
    _profile(steps.add_parser("profile", help="write what a cohort accepted alike, to be signed for its new hosts"))
    sign = steps.add_parser("sign", help="sign a plan or profile with an SSH key, of an agent or a security key too")
    _file(sign)
    # Whoever reviews and signs may sit at a machine that has no store.
    sign.set_defaults(alone=_signed)
    sign.add_argument("--key", required=True, metavar="FILE", type=Path, help="a private key, or the public half")
    begin = steps.add_parser("apply", help="begin a reviewed plan or a signed profile; collecting hands it over")
    _file(begin)
    _consent(begin)
    status = steps.add_parser("status", help="what came of a plan or profile, or of all of them")
    status.add_argument("plan", nargs="?", metavar="PLAN", help="a plan's file")
    reset = steps.add_parser("reset", help="hand over no more of a plan; what hosts carried out stays")
    reset.add_argument("plan", metavar="PLAN_ID")
    reset.add_argument("--reason", required=True, metavar="TEXT")
    for step in steps.choices.values():
        # What every command takes may stand behind the step as well as before it.
        step.add_argument("--store", metavar="URL", default=argparse.SUPPRESS)
        step.add_argument("--format", choices=("text", "json"), default=argparse.SUPPRESS)


def _file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("plan", type=Path, metavar="PLAN", help="its file")


def _plan(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", action="append", metavar="WHAT", help="CHECK[:KEYGLOB], package:NAME, change-record")
    parser.add_argument("--host", action="append", dest="hosts", metavar="HOST")
    parser.add_argument("--cohort", action="append", dest="cohorts", metavar="COHORT")
    parser.add_argument("--critical", action="store_true", help="critical items that --only does not name, too")
    parser.add_argument("--adopt", action="store_true", help="hosts without a baseline: what their cohort accepted")
    parser.add_argument("--rollback", type=int, metavar="SEQ", help="back to that baseline; 0: the one before")
    parser.add_argument("--expires", metavar="2h", help="for a time only")
    parser.add_argument("--reason", default="", metavar="TEXT")
    parser.add_argument("--fleet-id", metavar="NAME", help="the fleet's name in the hosts' configuration")
    parser.add_argument("--folder", type=Path, default=Path(), metavar="DIR", help="where the plan is written")


def _profile(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cohort", required=True, metavar="COHORT", help="as vps-sentry-fleet hosts has it")
    parser.add_argument("--expires", required=True, metavar="90d", help="for how long new hosts may accept it")
    parser.add_argument("--reason", default="", metavar="TEXT")
    parser.add_argument("--fleet-id", metavar="NAME", help="the fleet's name in the hosts' configuration")
    parser.add_argument("--folder", type=Path, default=Path(), metavar="DIR", help="where the profile is written")


def _consent(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--confirm", action="store_true", help="do not ask")
    parser.add_argument("--max", metavar="N|P%", help="how many hosts one plan may change")
    parser.add_argument("--canary", action=argparse.BooleanOptionalAction, help="one host of each cohort first")
    parser.add_argument("--signers", metavar="FILE", help="allowed_signers: the plan must be signed")
    parser.add_argument("--revoked", metavar="FILE", help="revoked keys")
    parser.add_argument("--critical-signers", type=int, default=1, metavar="N")


def _run(store: Store, options: argparse.Namespace) -> int:
    try:
        return _STEPS[options.step](store, options)
    except PlanError as exc:
        return _refused(exc)


def _refused(exc: PlanError) -> int:
    print(f"vps-sentry-fleet: {exc}", file=sys.stderr)
    return _ERROR


def _planned(store: Store, options: argparse.Namespace) -> int:
    return _tell(Desk(store, getpass.getuser()).plan(vars(options), folder=options.folder), options)


def _profiled(store: Store, options: argparse.Namespace) -> int:
    return _tell(Desk(store, getpass.getuser()).profile(vars(options), folder=options.folder), options)


def _signed(options: argparse.Namespace) -> int:
    try:
        target = signing.add(options.plan, signing.sign(planfile.read(options.plan), options.key))
    except PlanError as exc:
        return _refused(exc)
    print(f"signed: {target}")
    return 0


def _begun(store: Store, options: argparse.Namespace) -> int:
    desk = Desk(store, getpass.getuser())
    text, question, answer = desk.review(options.plan)
    if options.format == "text":
        print(text)
    if not options.confirm:
        _ask(question, answer)
    return _tell(desk.begin(options.plan, vars(options)), options)


def _ask(question: str, answer: str) -> None:
    if not sys.stdin.isatty():
        raise PlanError(f"nothing accepted: {question}; there is no terminal to ask at, say --confirm")
    if input(f"{question}: ").strip() != answer:
        raise PlanError(f"nothing accepted: the answer was not {answer}")


def _followed(store: Store, options: argparse.Namespace) -> int:
    if options.plan is not None:
        return _tell(Desk(store, getpass.getuser()).recap(Path(options.plan)), options)
    with store.write() as connection:
        ledger.expire(connection, at=now())
        rows, head = ledger.rows(connection), log.head(connection)
    plans: Dict[str, list[ledger.Row]] = {}
    for row in rows:
        plans.setdefault(row.plan_id, []).append(row)
    if options.format == "json":
        print(json.dumps([recap.to_json(name, found, head=head) for name, found in plans.items()]))
    else:
        print(
            "\n".join(recap.recap(name, found, head=head) for name, found in plans.items())
            or "nothing was accepted from here yet"
        )
    return recap.exit_code(row for row in rows if row.state in ledger.OPEN)


def _reset(store: Store, options: argparse.Namespace) -> int:
    with store.write() as connection:
        gone = ledger.withdraw(connection, options.plan, at=now(), by=getpass.getuser(), reason=options.reason)
        head = log.head(connection)
    mirror.update(store)
    print(f"withdrawn from {len(gone)} hosts: {', '.join(row.host for row in gone) or 'none was waiting'}")
    print(log.told(head))
    return 0


def _tell(told: Told, options: argparse.Namespace) -> int:
    if options.format == "json":
        print(json.dumps(told.document))
    else:
        print(told.text)
    return told.exit_code


_STEPS: Dict[str, Callable[[Store, Any], int]] = {
    "plan": _planned,
    "profile": _profiled,
    "apply": _begun,
    "status": _followed,
    "reset": _reset,
}

COMMAND = Command(about="accept on the fleet exactly what was reviewed", arguments=_arguments, run=_run)
