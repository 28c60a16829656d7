# SPDX-License-Identifier: GPL-3.0-or-later
"""``pull``: collect the hosts of Ansible's inventory over paramiko."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence, TypedDict

from .. import collecting, host_report, report, roster, trust_store
from .._libraries import require_paramiko
from ..acceptance import ledger, log
from ..cohort import CohortError
from ..limits import show
from ..moment import now
from ..pulling import crowd, fallback, handing, inventory
from ..pulling.crowd import Pulled
from ..pulling.handing import Told
from ..pulling.target import Target
from ..store import Store
from . import Command

_FORKS, _SECONDS, _EVERY = 16, 120, 100
_CRITICAL, _INCOMPLETE, _ERROR = 3, 4, 1


class _Limits(TypedDict):
    """How many hosts at a time, and how many seconds each."""

    forks: int
    seconds: float


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-i", "--inventory", action="append", default=[], metavar="SOURCE", help="as for Ansible")
    parser.add_argument("-l", "--limit", metavar="PATTERN", help="only these hosts, as for Ansible")
    parser.add_argument("-f", "--forks", type=int, default=_FORKS, metavar="N", help="at a time (default: %(default)s)")
    parser.add_argument("--timeout", type=float, default=_SECONDS, metavar="SECONDS", help="for one host's answer")
    parser.add_argument("--vault-id", action="append", default=[], metavar="ID@SOURCE")
    parser.add_argument("--vault-password-file", action="append", default=[], metavar="FILE")
    parser.add_argument("-J", "--ask-vault-pass", action="store_true")
    parser.add_argument("--become-password-file", metavar="FILE", help="for hosts whose inventory names none")
    parser.add_argument("--no-fallback", action="store_true", help="no playbook for hosts that paramiko cannot serve")


def _run(store: Store, options: argparse.Namespace) -> int:
    require_paramiko()
    try:
        found = inventory.load(_asked(options))
        targets = list(_with_password(found.targets, options.become_password_file))
    except (inventory.InventoryError, CohortError, OSError, ValueError) as exc:
        print(f"vps-sentry-fleet: {show(str(exc), limit=400)}", file=sys.stderr)
        return _ERROR
    asked = crowd.pull(store, targets, forks=max(1, options.forks), seconds=options.timeout)
    results = {result.name: result for result in _told(asked, len(targets))}
    unfit = {name: result.reason for name, result in results.items() if result.outcome == "unfit"}
    if unfit:
        _serve(store, [target for target in targets if target.name in unfit], reasons=unfit, options=options)
    over = _hand_over(store, targets, results=results, options=options)
    with store.write() as connection:
        gone = roster.note_inventory(connection, found.everybody, at=now())
    return _summary(store, list(results.values()), over=over, gone=gone, as_json=options.format == "json")


@dataclass(frozen=True)
class _Over:
    """What was handed over, and the hosts whose login may not take what waits for them."""

    told: List[Told]
    kept: List[str]

    def is_whole(self) -> bool:
        """Whether nothing is left to do."""
        return not self.kept and all(one.state == "accepted" for one in self.told)


def _hand_over(
    store: Store, targets: Sequence[Target], *, results: Dict[str, Pulled], options: argparse.Namespace
) -> _Over:
    """Hand over what waits for the hosts that answered, and collect those again that took it, into ``results``."""
    limits: _Limits = {"forks": max(1, options.forks), "seconds": options.timeout}
    there = {name for name, result in results.items() if result.outcome == "collected"}
    able = [target for target in targets if target.name in there and not results[target.name].collects_only]
    told = sorted(handing.hand_over(store, able, **limits), key=lambda one: one.name)
    took = {one.name for one in told if one.state == "accepted"}
    again = crowd.pull(store, [target for target in able if target.name in took], **limits)
    results.update({result.name: result for result in again})
    with store.read() as connection:
        waiting = ledger.open_hosts(connection)
    return _Over(told, sorted(name for name in there & waiting if results[name].collects_only))


def _asked(options: argparse.Namespace) -> inventory.Asked:
    return inventory.Asked(
        sources=options.inventory,
        limit=options.limit,
        vault_ids=options.vault_id,
        vault_password_files=options.vault_password_file,
        ask_vault_password=options.ask_vault_pass,
    )


def _with_password(targets: Sequence[Target], path: Optional[str]) -> Iterator[Target]:
    password = None if path is None else Path(path).read_text("utf-8").rstrip("\n")
    for target in targets:
        if password is not None and target.become is not None and target.become.password is None:
            yield replace(target, become=replace(target.become, password=password))
        else:
            yield target


def _told(results: Iterator[Pulled], total: int) -> Iterator[Pulled]:
    """Progress on standard error: who brought nothing at once, the others by the hundred."""
    for number, result in enumerate(results, 1):
        if result.outcome not in ("collected", "unfit"):
            print(f"{show(result.name)}: {result.outcome}: {result.reason}", file=sys.stderr)
        if number % _EVERY == 0 or number == total:
            print(f"asked {number} of {total}", file=sys.stderr, flush=True)
        yield result


def _serve(store: Store, targets: Sequence[Target], *, reasons: Dict[str, str], options: argparse.Namespace) -> None:
    """The other transport for those hosts; without it they count as not reached."""
    kinds = Counter(reasons.values())
    told = "; ".join(f"{count} x {reason}" for reason, count in kinds.most_common())
    if options.no_fallback:
        for target in targets:
            asked = collecting.begin(store, target.name, cohort=target.cohort, max_age=target.max_age)
            collecting.miss(store, asked, outcome="unreachable", reason=f"not by pull: {reasons[target.name]}")
        return
    hosts = "1 host" if len(targets) == 1 else f"{len(targets)} hosts"
    print(f"over the playbook's transport: {hosts} ({told})", file=sys.stderr, flush=True)
    fallback.playbook([target.name for target in targets], store=options.store, arguments=_passed_on(options))


def _passed_on(options: argparse.Namespace) -> List[str]:
    words = [word for source in options.inventory for word in ("-i", source)]
    words += [word for source in options.vault_id for word in ("--vault-id", source)]
    words += [word for source in options.vault_password_file for word in ("--vault-password-file", source)]
    words += ["--ask-vault-pass"] if options.ask_vault_pass else []
    return words + (["--become-password-file", options.become_password_file] if options.become_password_file else [])


def _summary(store: Store, results: Sequence[Pulled], *, over: _Over, gone: Sequence[str], as_json: bool) -> int:
    asked = {result.name for result in results}
    with store.read() as connection:
        rows = [row for row in roster.hosts(connection) if row.name in asked]
        doubts = [doubt for doubt in trust_store.standing(connection) if doubt.host in asked]
        head = log.head(connection)
    missing = [row for row in rows if row.missed]
    unknown = sorted(asked - {row.name for row in rows})
    fallen_back = sorted(result.name for result in results if result.outcome == "unfit")
    if as_json:
        counts = {"asked": len(asked), "collected": len(asked) - len(missing) - len(unknown)}
        moved = sorted(result.name for result in results if result.moved)
        document = {**counts, "moved": moved, "missing": [row.name for row in missing] + unknown, "gone": list(gone)}
        handed = {one.name: {"state": one.state, "reason": one.reason} for one in over.told}
        document.update(handed_over=handed, not_handed_over=over.kept, over_playbook=fallen_back, audit_head=head)
        print(json.dumps({"schema": report.SCHEMA, **document}))
    else:
        other = f"; over the playbook's transport: {host_report.names(fallen_back)}" if fallen_back else ""
        print(report.coverage_text(len(asked), missing=missing, unknown=unknown) + other)
        print("".join(f"{line}\n" for line in _over_lines(over)), end="")
        print(host_report.gone_text(gone).lstrip("\n"), end="")
        print(host_report.doubts_text(doubts, told=[row.name for row in missing]), end="")
        print(log.told(head))
    critical = any(doubt.severity == "critical" for doubt in doubts)
    return _CRITICAL if critical else _INCOMPLETE if missing or unknown or not over.is_whole() else 0


def _over_lines(over: _Over) -> Iterator[str]:
    for one in over.told:
        yield f"handed over to {show(one.name)}: {one.state}" + (f": {one.reason}" if one.reason else "")
    if over.kept:
        limit = shlex.quote(",".join(over.kept))
        yield f"not handed over, their login may only collect: {host_report.names(over.kept)}"
        yield f"  as a user who may become root: ansible-playbook playbooks/collect.yml --limit {limit}"


COMMAND = Command(
    about="collect the hosts of Ansible's inventory, many at a time", arguments=_arguments, run=_run, creates=True
)
