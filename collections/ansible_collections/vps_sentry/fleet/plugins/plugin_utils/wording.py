# SPDX-License-Identifier: GPL-3.0-or-later
"""A finding in words, the same ones on a terminal and in the HTML report. Every word of a host goes through ``show``.

The answers are plain text: who prints them escapes them for where they go.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Optional, Sequence

from .compare import Finding, Step, Text, Variant
from .grouping import Group
from .limits import show
from .vouchers import Stack

_NAMED = 3
_ASCII = 126
_HEX_DIGEST = 64


def headline(group: Group) -> str:
    """``web-3 differs from its peers in 2 items``."""
    return predicate(group) if group.wide else f"{names(group.hosts)} {predicate(group)}"


def predicate(group: Group) -> str:
    """What is said of a group's hosts; of a whole cohort all of it."""
    items = count(len(group.findings), "item")
    if group.wide:
        return f"the whole cohort changed as one, {count(len(group.hosts), 'host')}, in {items}"
    one = len(group.hosts) == 1
    what = _peers(group) if group.differs else f"what was accepted on {'it' if one else 'them'}"
    return f"{'differs' if one else 'differ'} from {what} in {items}"


def _peers(group: Group) -> str:
    if group.level == "reference":
        return "the reference host"
    if group.level in ("split", "no quorum") and len(group.hosts) > 1:
        return "each other"
    return "its peers" if len(group.hosts) == 1 else "their peers"


def name(text: str, *, limit: int = 200) -> str:
    """A key or a host's name; letters that may pass for others are pointed at."""
    foreign = sorted({char for char in text if ord(char) > _ASCII and char.isprintable()})
    told = f" [not ASCII: {' '.join(f'U+{ord(char):04X}' for char in foreign[:_NAMED])}]" if foreign else ""
    return show(text, limit=limit) + told


def names(hosts: Sequence[str], *, limit: int = 10) -> str:
    """``web-1, web-2 and 7 more``."""
    more = f" and {len(hosts) - limit} more" if len(hosts) > limit else ""
    return ", ".join(name(host) for host in hosts[:limit]) + more


def count(number: int, noun: str) -> str:
    """``1 host``, ``2 hosts``."""
    return f"{number} {noun}" if number == 1 else f"{number:,} {noun}s"


def difference(finding: Finding) -> str:
    """What is there, and what stands against it."""
    if len(finding.variants) < 2:
        return "; ".join(step(one) for one in finding.steps)
    if finding.level in ("strong", "majority", "reference"):
        common, *rest = finding.variants
        return "; ".join(_variant(variant, common, finding) for variant in rest)
    # Nobody is the norm here, so no value stands before another.
    return "; ".join(f"{_brief(variant, finding)} on {_holders(variant, finding)}" for variant in finding.variants)


def peers(finding: Finding) -> str:
    """The first axis."""
    if finding.level == "own past":
        return "each host's own"
    if not finding.outliers:
        return "equals its peers" if finding.voters > 1 else "no peers"
    without = len(set(finding.outliers).intersection(finding.doubted))
    voting = len(finding.outliers) - without
    told = [f"{voting} of {finding.voters} differ"] if voting or not without else []
    told += [f"{without} without a vote {'differs' if without == 1 else 'differ'}"] if without else []
    return f"{' and '.join(told)}, {finding.level}"


def past(finding: Finding) -> str:
    """The second axis: whether the hosts at issue changed since somebody accepted them."""
    hosts = finding.outliers or finding.changed
    moved = len(set(hosts) & set(finding.changed))
    unknown = len(finding.unaccepted)
    if finding.wide:
        return f"{len(set(finding.changed).difference(finding.doubted))} of {finding.voters} changed"
    if unknown == len(hosts):
        return "no baseline"
    if moved == len(hosts):
        return "changed"
    if not moved and not unknown:
        return "unchanged"
    return f"{moved} of {len(hosts)} changed" + (f", {unknown} without baseline" if unknown else "")


def why(finding: Finding) -> str:
    """What explains it."""
    told = [f"{reason.explanation}: {show(reason.why, limit=200)}" for reason in finding.reasons]
    if finding.explains:
        told.append(explains(finding))
    if finding.explanation == "none":
        explained = {host for reason in finding.reasons for host in reason.hosts}
        left = [host for host in finding.subjects if host not in explained]
        told.append(f"unexplained on {names(left, limit=_NAMED)}" if finding.reasons else "unexplained")
    return "; ".join(told)


def explains(finding: Finding) -> str:
    """What a package's finding stands for besides itself; empty when it stands for nothing else.

    What is started by itself, and what has rights of its own, is named; all else is only counted.
    """
    if not finding.explains:
        return ""
    apart = [one for one in finding.explains if one.check != "files" or one.severity == "critical"]
    named = [f"{one.check} {name(one.key, limit=80)}" for one in apart]
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    told = f", among them {', '.join(named[:_NAMED])}{more}" if named else ""
    return f"explains {count(len(finding.explains), 'item')}{told}"


def stacked(stack: Stack) -> str:
    """``1.2 on 37, 1.3 on 3``."""
    told = [f"{'absent' if version is None else _short(version)} on {hosts}" for version, hosts in stack.versions()]
    return ", ".join(told)


def step(one: Step) -> str:
    """From what to what, and on which hosts."""
    here = names(one.hosts, limit=_NAMED)
    if one.after is None:
        return f"{here}: gone"
    if one.before is None:
        return f"{here}: new, {fields(_value(one.after))}"
    return f"{here}: {_fields(_value(one.before), _value(one.after))}"


def _variant(variant: Variant, common: Variant, finding: Finding) -> str:
    who = _holders(variant, finding)
    usual = f"{common.votes} of {finding.voters}"
    if variant.value is None:
        return f"missing on {who}, present on {usual}"
    if common.value is None:
        return f"only on {who}, absent on {usual}: {fields(_value(variant.value))}"
    return f"{who}: {_fields(_value(common.value), _value(variant.value))} ({usual} agree)"


def _holders(variant: Variant, finding: Finding) -> str:
    if variant.hosts and len(variant.hosts) <= _NAMED:
        return ", ".join(name(host) for host in variant.hosts)
    more = len(variant.hosts) - variant.votes if variant.hosts else 0
    return f"{variant.votes} of {finding.voters}" + (f" and {more} without a vote" if more else "")


def _brief(variant: Variant, finding: Finding) -> str:
    """What tells this value from the others of the finding."""
    if variant.value is None:
        return "absent"
    values = [_value(other.value) for other in finding.variants if other.value is not None]
    here = _value(variant.value)
    names_ = [name for name in sorted(here) if any(other.get(name) != here[name] for other in values)]
    return ", ".join(f"{show(name)} {_short(here[name])}" for name in names_) or "present"


def fields(value: Mapping[str, Any], *, limit: int = 4) -> str:
    """The first fields of a value."""
    told = [f"{show(name)} {_short(value[name])}" for name in sorted(value) if value[name] not in (None, "", [])]
    return ", ".join(told[:limit]) + (f", {len(told) - limit} more fields" if len(told) > limit else "")


def _fields(common: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    differing: List[str] = [name for name in sorted({**common, **here}) if common.get(name) != here.get(name)]
    return ", ".join(f"{show(name)} {_short(common.get(name))} -> {_short(here.get(name))}" for name in differing)


def _value(text: Text) -> Dict[str, Any]:
    found: Optional[Dict[str, Any]] = None if text is None else json.loads(text)
    return found or {}


def _short(value: Any) -> str:
    if type(value) is str:
        return show(value, limit=40 if len(value) != _HEX_DIGEST else 12) or '""'
    return show(json.dumps(value), limit=60)
