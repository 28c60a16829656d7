# SPDX-License-Identifier: GPL-3.0-or-later
"""Where playbook and command line meet: plan, review, begin and recap, with the same words and the same effects."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, FrozenSet, Mapping, Optional, Tuple

from ..core import codec
from ..moment import now
from ..store import Store
from . import applying, explaining, guards, ledger, log, mirror, planfile, planning, profile, recap, signing
from .applying import Consent
from .planfile import PlanError, PlanFile
from .planning import Ask
from .signing import Signers
from .situation import Wanted
from .wording import plan_text

Options = Mapping[str, Any]
"""Names as in the action ``accept``; what is missing has its default."""


@dataclass(frozen=True)
class Told:
    """What one step has to say. ``conditions`` are words of ``fail_on`` that hold."""

    text: str
    brief: str
    exit_code: int
    changed: bool = False
    plan: Optional[str] = None
    document: Dict[str, Any] = field(default_factory=dict)

    @property
    def conditions(self) -> FrozenSet[str]:
        """The words of ``fail_on`` that hold."""
        return {2: frozenset({"drift"}), 3: frozenset({"drift", "critical"}), 4: frozenset({"incomplete"})}.get(
            self.exit_code, frozenset()
        )


@dataclass(frozen=True)
class Desk:
    """``by``: who sits at it. Without ``may_write`` nothing is kept, neither file nor row."""

    store: Store
    by: str
    may_write: bool = True

    def plan(self, options: Options, *, folder: Path) -> Told:
        """Write a plan and show it; hosts and store stay as they are."""
        with self.store.write() as connection:
            ask = _ask(options, by=self.by)
            found = planning.plan(connection, ask, explain=explaining.explainer(connection, at=ask.now))
            sizes = planning.cohort_sizes(connection)
        path = self._write(found, folder)
        text = plan_text(found, cohorts=sizes, path=None if path is None else str(path))
        code = 2 if found.hosts else 4 if any(not one.check for one in found.withheld) else 0
        return Told(
            text,
            f"planned {found.items} items",
            code,
            plan=None if path is None else str(path),
            document=_document(found),
        )

    def profile(self, options: Options, *, folder: Path) -> Told:
        """Write the profile of a cohort and show it; hosts and store stay as they are."""
        with self.store.write() as connection:
            found = profile.make(connection, _ask(options, by=self.by), cohort=options["cohort"])
            sizes = planning.cohort_sizes(connection)
        path = self._write(found, folder)
        text = plan_text(found, cohorts=sizes, path=str(path), source=profile.FILE)
        return Told(text, f"a profile of {found.items} items", 0, plan=str(path), document=_document(found))

    def _write(self, found: PlanFile, folder: Path) -> Optional[Path]:
        if not self.may_write or not found.hosts:
            return None
        try:
            return planfile.write(found, folder)
        except OSError as exc:
            raise PlanError(f"cannot write the plan into {folder}: {exc.strerror}; name another place") from exc

    def review(self, path: Path) -> Tuple[str, str, str]:
        """The plan as text, the question about it and the one answer that means yes."""
        found = planfile.read(path)
        with self.store.read() as connection:
            sizes = planning.cohort_sizes(connection)
        return (plan_text(found, cohorts=sizes), *guards.question(found))

    def begin(self, path: Path, options: Options) -> Told:
        """Record what each host is asked from now on."""
        found = planfile.read(path)
        if options.get("profile") and not found.cohort:
            raise PlanError(f"{path} is a plan for the hosts it names, no profile; apply it with: accept.yml -e plan=")
        if not self.may_write:
            return Told("", f"would apply {found.plan_id}", 0, document=_document(found))
        consent = _consent(options, signature=signing.read(path))
        with self.store.write() as connection:
            given, whole = (profile.fill(connection, found, at=consent.at), found) if found.cohort else (found, None)
            begun = applying.begin(connection, given, consent=consent, profile=whole)
            head, sizes = log.head(connection), planning.cohort_sizes(connection)
        mirror.update(self.store)
        if whole is not None and not given.hosts and not given.withheld:
            return Told(f"profile {whole.plan_id}: no new host of {whole.cohort}\n{log.told(head)}", "nothing to do", 0)
        shown = "" if whole is None else plan_text(given, cohorts=sizes, source=profile.FILE)
        first = f", first on {', '.join(begun.canaries)}" if begun.canaries else ""
        left = "".join(f"\n  not asked: {name}: {reason}" for name, reason in begun.left)
        text = (
            f"{shown}applying plan {given.plan_id} for {begun.by} on {len(begun.hosts)} hosts{first}{left}\n"
            f"{log.told(head)}"
        )
        changed = whole is None or bool(begun.hosts)
        return Told(text, "begun", 0, changed=changed, plan=str(path), document=_document(given))

    def recap(self, path: Path) -> Told:
        """What came of the plan so far."""
        found = planfile.read(path)
        with self.store.write() as connection:
            ledger.expire(connection, at=now())
            if found.cohort:
                rows = profile.rows(connection, found)
            else:
                rows = ledger.rows(connection, plan_id=found.plan_id)
            head = log.head(connection)
        mirror.update(self.store)
        asked = {row.host for row in rows}
        left = [(host.name, "not begun") for host in found.hosts if host.name not in asked and not found.cohort]
        kind = "profile" if found.cohort else "plan"
        text = recap.recap(found.plan_id, rows, head=head, left=left, kind=kind)
        document = recap.to_json(found.plan_id, rows, head=head, left=left)
        code = recap.exit_code(rows) or (4 if left else 0)
        return Told(text, text.splitlines()[0], code, plan=str(path), document=document)


def _document(found: PlanFile) -> Dict[str, Any]:
    plain: Dict[str, Any] = json.loads(json.dumps(codec.encode(found)))
    return plain


def _ask(options: Options, *, by: str) -> Ask:
    hosts = options.get("hosts")
    wanted = Wanted(
        hosts=None if hosts is None else frozenset(hosts),
        cohorts=frozenset(options.get("cohorts") or ()),
        adopt=bool(options.get("adopt")),
    )
    return Ask(
        now=now(),
        by=by,
        reason=options.get("reason") or "",
        fleet_id=options.get("fleet_id"),
        wanted=wanted,
        only=tuple(options.get("only") or ()),
        critical=bool(options.get("critical")),
        expires=options.get("expires"),
        rollback=options.get("rollback"),
    )


def _consent(options: Options, *, signature: Optional[str]) -> Consent:
    allowed, revoked = options.get("signers"), options.get("revoked")
    signers = Signers(Path(allowed), Path(revoked) if revoked else None) if allowed else None
    return Consent(
        at=now(),
        signature=signature,
        signers=signers,
        critical_signers=options.get("critical_signers") or 1,
        maximum=options.get("max"),
        canary=options.get("canary"),
    )
