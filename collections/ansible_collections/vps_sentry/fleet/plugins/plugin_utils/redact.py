# SPDX-License-Identifier: GPL-3.0-or-later
"""A survey for strangers: no host, cohort or account names, no addresses, no contents. Pure but for the salt.

Equal values stay equal and different ones different, so that the report still shows what it is about.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
from dataclasses import replace
from typing import Any, Dict, Mapping, Optional, Tuple

from .compare import Finding, Text
from .roster import HostRow, Problem
from .survey import Cohort, Survey
from .vouchers import Stack

_HIDDEN = "redacted"
_HOMES = re.compile(r"^(/home|/var/home|/var/spool/cron/crontabs|/var/spool/cron|/var/mail)/[^/]+")
# What identifies somebody in a key: addresses, and the words that accounts, logins and keys are named by.
_ADDRESS = re.compile(r"(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7})(?![\w.])")
_NAMED_BY_PERSON = frozenset({"accounts", "ssh_keys", "sudoers", "cron", "ssh_auth"})


def redacted(survey: Survey, *, salt: Optional[bytes] = None) -> Survey:
    """The same survey without what identifies anybody. A fresh ``salt`` each time, so that no list can be guessed."""
    return _Redaction(survey, salt or secrets.token_bytes(16)).survey()


class _Redaction:
    """The names given instead, for one survey."""

    def __init__(self, survey: Survey, salt: bytes) -> None:
        self._survey, self._salt = survey, salt
        cohorts = sorted({cohort.name for cohort in survey.cohorts})
        self._cohorts = {name: f"cohort-{number}" for number, name in enumerate(cohorts, 1)}
        # Not in the order of the names, which would tell them to whoever knows the inventory.
        rows = sorted(survey.rows, key=lambda row: self._mark(row.name))
        self._hosts = {row.name: f"host-{number:03d}" for number, row in enumerate(rows, 1)}

    def survey(self) -> Survey:
        survey = self._survey
        return replace(
            survey,
            missing=tuple(
                replace(one, host=self._hosts[one.host], reason=one.reason.partition(":")[0]) for one in survey.missing
            ),
            left_out=tuple(replace(one, host=self._hosts[one.host], reason=_HIDDEN) for one in survey.left_out),
            unchecked=tuple(Problem(self._hosts[one.host], one.check, one.status, _HIDDEN) for one in survey.unchecked),
            cohorts=tuple(self._cohort(cohort) for cohort in survey.cohorts),
            findings=tuple(self._finding(finding) for finding in survey.findings),
            doubts=tuple(replace(one, host=self._hosts[one.host], subject="", detail=_HIDDEN) for one in survey.doubts),
            waves=tuple(
                replace(
                    one,
                    subject=f"#{self._mark(one.subject)}",
                    hosts=self._names(one.hosts),
                    accounts=tuple(sorted(f"#{self._mark(account)}" for account in one.accounts)),
                )
                for one in survey.waves
            ),
            rows=tuple(self._row(row) for row in survey.rows),
            packages=tuple(self._stack(one) for one in survey.packages),
        )

    def _mark(self, text: str) -> str:
        return hmac.new(self._salt, text.encode("utf-8", "surrogatepass"), "sha256").hexdigest()[:8]

    def _cohort(self, cohort: Cohort) -> Cohort:
        return replace(cohort, name=self._cohorts[cohort.name])

    def _row(self, row: HostRow) -> HostRow:
        return replace(row, name=self._hosts[row.name], cohort=self._cohorts[row.cohort], reason="")

    def _stack(self, one: Stack) -> Stack:
        return replace(one, holders=tuple((self._value(value), hosts) for value, hosts in one.holders))

    def _names(self, hosts: Tuple[str, ...]) -> Tuple[str, ...]:
        return tuple(sorted(self._hosts[host] for host in hosts))

    def _finding(self, finding: Finding) -> Finding:
        return replace(
            finding,
            cohort=self._cohorts[finding.cohort],
            key=self._key(finding.check, finding.key),
            outliers=self._names(finding.outliers),
            changed=self._names(finding.changed),
            unaccepted=self._names(finding.unaccepted),
            doubted=self._names(finding.doubted),
            variants=tuple(
                replace(one, value=self._value(one.value), hosts=self._names(one.hosts)) for one in finding.variants
            ),
            steps=tuple(
                replace(one, before=self._value(one.before), after=self._value(one.after), hosts=self._names(one.hosts))
                for one in finding.steps
            ),
            reasons=tuple(replace(one, why=_HIDDEN, hosts=self._names(one.hosts)) for one in finding.reasons),
            explains=tuple(replace(one, key=self._key(one.check, one.key)) for one in finding.explains),
        )

    def _key(self, check: str, key: str) -> str:
        if check in _NAMED_BY_PERSON:
            return f"#{self._mark(key)}"
        key = _HOMES.sub(lambda match: f"{match[1]}/#{self._mark(match[0])}", key)
        key = _ADDRESS.sub(lambda match: f"#{self._mark(match[0])}", key)
        return re.sub(self._host_pattern(), lambda match: self._hosts[match[0]], key) if self._hosts else key

    def _host_pattern(self) -> str:
        names = sorted(self._hosts, key=len, reverse=True)
        return rf"(?<![\w-])(?:{'|'.join(map(re.escape, names))})(?![\w-])"

    def _value(self, text: Text) -> Text:
        if text is None:
            return None
        fields: Mapping[str, Any] = json.loads(text)
        hidden: Dict[str, str] = {name: f"#{self._mark(json.dumps(fields[name]))}" for name in fields}
        return json.dumps(hidden, sort_keys=True, separators=(",", ":"))
