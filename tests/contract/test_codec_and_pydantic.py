# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's codec and the controller's pydantic read the same classes: they accept and refuse the same documents."""

from __future__ import annotations

import copy
from typing import Any, Callable, Dict

import pytest
from pydantic import TypeAdapter, ValidationError
from support.fleet import file_items, make_bundle, raw
from vps_sentry.core import codec
from vps_sentry.core.bundle import Bundle

ADAPTER = TypeAdapter(Bundle)
Document = Dict[str, Any]


def good() -> Document:
    """A bundle that uses every kind of value an item may hold."""
    value = {"none": None, "truth": True, "number": 7, "text": "x", "list": ["a"], "owners": [{"exe": "/bin/sh"}]}
    checks = {"files": {"/etc/x": value, **file_items("/etc/y")}}
    return make_bundle("web-1", checks, failed={"ports": "no"})


def first_value(document: Document) -> Document:
    """The value of one item, to be spoilt."""
    bucket = next(bucket for bucket in document["buckets"].values() if bucket and "owners" in bucket[0][1])
    value: Document = bucket[0][1]
    return value


GOOD: Dict[str, Callable[[Document], object]] = {
    "as it is": lambda d: None,
    "no baseline": lambda d: d.update(baseline={**d["baseline"], "status": "none", "digest": None, "checks": {}}),
    "empty lists": lambda d: d.update(host_keys=[], alerts=[], buckets={}),
    "a nonce": lambda d: d.update(nonce="ab"),
    "text of any script": lambda d: d.update(host="\u00e9\u4e2d\U0001f600"),
}
BAD: Dict[str, Callable[[Document], object]] = {
    "unknown key": lambda d: d.update(extra=1),
    "unknown key below": lambda d: d["baseline"].update(extra=1),
    "missing key": lambda d: d.pop("run"),
    "text for a number": lambda d: d.update(run="1"),
    "number for text": lambda d: d.update(host=1),
    "truth for a number": lambda d: d.update(run=True),
    "null where none may be": lambda d: d.update(host=None),
    "object for a list": lambda d: d.update(alerts={}),
    "list for an object": lambda d: d.update(checks=[]),
    "unknown word": lambda d: d["checks"]["files"].update(status="fine"),
    "number for a word": lambda d: d["checks"]["files"].update(status=1),
    "item of one": lambda d: d["buckets"].update(x=[["/etc/z"]]),
    "item of three": lambda d: d["buckets"].update(x=[["/etc/z", {}, 1]]),
    "value is text": lambda d: d["buckets"].update(x=[["/etc/z", "v"]]),
    "field is an object": lambda d: first_value(d).update(f={}),
    "list of numbers": lambda d: first_value(d).update(f=[1]),
    "list of mixed": lambda d: first_value(d).update(f=["a", {"b": "c"}]),
    "object of numbers in a list": lambda d: first_value(d).update(f=[{"b": 1}]),
    "list in a list": lambda d: first_value(d).update(f=[["a"]]),
}


@pytest.mark.parametrize("change", GOOD.values(), ids=GOOD)
def test_both_read_a_good_document_alike(change: Callable[[Document], object]) -> None:
    document = copy.deepcopy(good())
    change(document)

    assert ADAPTER.validate_json(raw(document)) == codec.decode(Bundle, document)


@pytest.mark.parametrize("change", BAD.values(), ids=BAD)
def test_both_refuse_a_bad_document(change: Callable[[Document], object]) -> None:
    document = copy.deepcopy(good())
    change(document)

    with pytest.raises(codec.CodecError):
        codec.decode(Bundle, document)
    with pytest.raises(ValidationError):
        ADAPTER.validate_json(raw(document))
