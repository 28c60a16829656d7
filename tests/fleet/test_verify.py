# SPDX-License-Identifier: GPL-3.0-or-later
"""The door for bundles: a good one passes, and every one-line mutation of it is refused with a sentence."""

from __future__ import annotations

import base64
import copy
import gzip
from typing import Any, Callable, Dict, Tuple

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import limits
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.core.bundle import Bundle
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.verify import VerifyError, verify
from support.fleet import file_items, make_bundle, many_paths, raw
from vps_sentry.core import digest

NONCE = "ab" * 16
Document = Dict[str, Any]
Mutation = Callable[[Document], object]


def good() -> Document:
    """A bundle with two checks that worked, one that failed, one alert and an accepted baseline."""
    checks = {"files": file_items(*many_paths(5)), "ports": {"tcp:22:wildcard": {"bind": "wildcard"}}}
    return make_bundle("web-1", checks, failed={"ssh_auth": "no log source"}, nonce=NONCE, alerts=[alert()])


def alert(**fields: Any) -> Document:
    """One open alert."""
    texts = dict.fromkeys(("code", "check", "key", "title", "detail", "explanation", "first_seen", "last_seen"), "x")
    return {"id": "0" * 16, **texts, "severity": "warning", "state": "open", "before": None, "after": None, **fields}


def filled(document: Document) -> str:
    """The digest of the first bucket that holds an item."""
    name: str = next(name for name, bucket in document["buckets"].items() if bucket)
    return name


def reseal(document: Document, change: Callable[[Any], None]) -> None:
    """Change one bucket and recompute every digest above it, as a lying host would."""
    old = filled(document)
    bucket = document["buckets"].pop(old)
    change(bucket)
    new = digest.digest(bucket)
    document["buckets"][new] = bucket
    for part in (document["checks"], document["baseline"]["checks"]):
        for head in part.values():
            if head["root"]:
                head["buckets"] = [new if name == old else name for name in head["buckets"]]
                head["root"] = digest.digest(head["buckets"])
    roots = {name: head["root"] for name, head in document["baseline"]["checks"].items()}
    document["baseline"]["digest"] = digest.total(roots)


def swap(document: Document) -> None:
    """Two buckets change places, roots recomputed."""
    head = document["checks"]["files"]
    full = next(number for number, name in enumerate(head["buckets"]) if document["buckets"][name])
    empty = next(number for number, name in enumerate(head["buckets"]) if not document["buckets"][name])
    head["buckets"][full], head["buckets"][empty] = head["buckets"][empty], head["buckets"][full]
    head["root"] = digest.digest(head["buckets"])


def rename(document: Document, old: str, new: str) -> None:
    document["checks"][new] = document["checks"].pop(old)


MUTATIONS: Dict[str, Tuple[Mutation, str]] = {
    "newer schema": (lambda d: d.update(schema=2), "newer than 1, which this controller reads: upgrade it"),
    "older schema": (lambda d: d.update(schema=0), "no longer read: upgrade the agent"),
    "schema as text": (lambda d: d.update(schema="1"), "schema: Input should be a valid integer"),
    "unknown key": (lambda d: d.update(scope="host"), "scope: Unexpected keyword argument"),
    "missing key": (lambda d: d.pop("alerts"), "alerts: "),
    "number as truth": (lambda d: d.update(run=True), "run: Input should be a valid integer"),
    "hostile host name": (lambda d: d.update(host="../../etc/x"), "host: ../../etc/x is not a host"),
    "Jinja in host name": (lambda d: d.update(host="{{ 1 + 1 }}"), "is not a host"),
    "terminal escape in host name": (lambda d: d.update(host="\x1b[2J"), r"host: \x1b[2J is not a host"),
    "machine id": (lambda d: d.update(machine_id="ABC"), "machine_id: ABC is not a machine id"),
    "time": (lambda d: d.update(time="yesterday"), "time: yesterday is not a time"),
    "time of no calendar": (lambda d: d.update(time="2026-13-01T00:00:00Z"), "is not in the calendar"),
    "nonce of an old answer": (lambda d: d.update(nonce="cd" * 16), "an old or a foreign answer"),
    "no nonce": (lambda d: d.update(nonce=None), "an old or a foreign answer"),
    "negative run": (lambda d: d.update(run=-1), "never negative"),
    "unknown status": (lambda d: d["checks"]["files"].update(status="fine"), "checks.files.status: Input should be"),
    "failed with items": (lambda d: d["checks"]["files"].update(status="failed"), "that is failed has no items"),
    "failed without reason": (lambda d: d["checks"]["ssh_auth"].update(error=None), "failed without a reason"),
    "ok without root": (lambda d: d["checks"]["files"].update(root=None), "the root is not the digest"),
    "63 buckets": (lambda d: d["checks"]["files"]["buckets"].pop(), "63 buckets instead of 64"),
    "bucket name": (lambda d: d["checks"]["files"]["buckets"].__setitem__(0, "sha256:x"), "sha256:x is not a digest"),
    "wrong root": (lambda d: d["checks"]["files"].update(root=d["checks"]["ports"]["root"]), "the root is not"),
    "check name": (lambda d: rename(d, "files", "../files"), "../files is not the name of a check"),
    "baseline digest": (lambda d: d["baseline"].update(digest="sha256:" + "0" * 64), "is not that of its roots"),
    "baseline root": (lambda d: d["baseline"]["checks"]["files"].update(root="x"), "baseline.checks.files: the root"),
    "baseline none with items": (lambda d: d["baseline"].update(status="none"), "none, and yet it has a digest"),
    "accepted at sequence 0": (lambda d: d["baseline"].update(sequence=0), "its sequence is 0"),
    "bucket withheld": (lambda d: d["buckets"].pop(filled(d)), "is neither here nor held"),
    "item changed": (lambda d: d["buckets"][filled(d)][0].__setitem__(0, "/etc/x"), "digest is not that of its items"),
    "item value is a list": (lambda d: d["buckets"][filled(d)][0].__setitem__(1, []), "Input should be an object"),
    "item of three": (lambda d: d["buckets"][filled(d)][0].append(1), "buckets.sha256:"),
    "item twice": (lambda d: reseal(d, lambda b: b.append(b[0])), "not sorted, or one stands twice"),
    "item in the wrong bucket": (lambda d: reseal(d, lambda b: b[0].__setitem__(0, "/etc/y")), "belong to bucket"),
    "items of two buckets": (lambda d: reseal(d, lambda b: b.append(["~", {}])), "belong to several buckets"),
    "buckets swapped": (swap, "holds items that belong to bucket"),
    "stray bucket": (lambda d: d["buckets"].update({digest.digest([["k", {}]]): [["k", {}]]}), "belongs to no check"),
    "newline in a key": (lambda d: reseal(d, lambda b: b[0].__setitem__(0, "a\nb")), r"a\x0ab holds characters"),
    "right-to-left override": (lambda d: reseal(d, lambda b: b[0].__setitem__(0, "a\u202eb")), "holds characters"),
    "half a surrogate": (lambda d: d["alerts"].append(alert(title="\ud800")), "Invalid JSON: unexpected end of hex"),
    "very long text": (lambda d: d["alerts"].append(alert(title="x" * 20000)), "is longer than 16384 characters"),
    "very long key": (lambda d: reseal(d, lambda b: b[0].__setitem__(0, "x" * 20000)), "longer than 16384"),
    "alert with unknown severity": (lambda d: d["alerts"].append(alert(severity="fatal")), "alerts.1.severity"),
    "alert with extra key": (lambda d: d["alerts"].append({**alert(), "html": "<b>"}), "alerts.1.html"),
    "many host keys": (lambda d: d.update(host_keys=["ssh-rsa A"] * 17), "more checks, alerts or host keys"),
}


@pytest.mark.parametrize(("mutate", "sentence"), MUTATIONS.values(), ids=MUTATIONS)
def test_a_mutated_bundle_is_refused(mutate: Mutation, sentence: str) -> None:
    document = copy.deepcopy(good())
    mutate(document)

    with pytest.raises(VerifyError) as refused:
        verify(raw(document), nonce=NONCE, held={})

    message = str(refused.value)
    assert sentence in message
    assert message.isprintable()
    assert len(message) < 400


BYTES: Dict[str, Tuple[bytes, str]] = {
    "nothing": (b"", "not strict JSON"),
    "a log line": (b"Last login: today", "not strict JSON"),
    "not UTF-8": (b'{"schema":\xff}', "not strict JSON"),
    "duplicate key": (b'{"schema":1,"schema":1}', "'schema' stands twice"),
    "NaN": (b'{"schema":NaN}', "NaN is not an integer"),
    "a float": (b'{"schema":1.0}', "1.0 is not an integer"),
    "2^53": (b'{"schema":9007199254740992}', "outside"),
    "a list": (b"[]", "the document: "),
    "deep nesting": (b"[" * 100_000, "nested deeper than 8 levels"),
    "deep behind a string": (b'["' + b"]" * 50 + b'",' + b"[" * 9, "nested deeper than 8 levels"),
    "too many values": (b"[" + b"0," * 1_500_001 + b"0]", "more than 1500000 values"),
    "too large": (b" " * (limits.MAX_BYTES + 1), "larger than 16777216 bytes"),
}


@pytest.mark.parametrize(("data", "sentence"), BYTES.values(), ids=BYTES)
def test_bytes_that_are_no_bundle_are_refused(data: bytes, sentence: str) -> None:
    with pytest.raises(VerifyError) as refused:
        verify(data, nonce=None, held={})

    assert sentence in str(refused.value)


def test_a_good_bundle_passes() -> None:
    bundle = verify(raw(good()), nonce=NONCE, held={})

    assert isinstance(bundle, Bundle)
    assert sorted(bundle.checks) == ["files", "ports", "ssh_auth"]
    assert bundle.checks["ssh_auth"].error == "no log source"
    assert bundle.alerts[0].severity == "warning"


def test_a_file_read_later_needs_no_nonce() -> None:
    assert verify(raw(good()), nonce=None, held={}).nonce == NONCE


def test_a_held_bucket_need_not_travel() -> None:
    document = good()
    name = filled(document)
    number = digest.bucket_number(document["buckets"].pop(name)[0][0])

    assert name not in verify(raw(document), nonce=NONCE, held={name: number}).buckets


def test_a_held_bucket_cannot_stand_in_another_place() -> None:
    document = good()
    swap(document)
    held = {name: digest.bucket_number(b[0][0]) if b else -1 for name, b in document["buckets"].items()}
    document["buckets"] = {}

    with pytest.raises(VerifyError, match="belong to bucket"):
        verify(raw(document), nonce=NONCE, held=held)


ANSWERS: Dict[str, Tuple[str, str]] = {
    "a banner before it": ("Welcome!\nH4sIAAAA", "something else on the host writes to the answer"),
    "not compressed": ("e30=", "something else on the host writes to the answer"),
    "cut off": ("H4sIAAAAAAACAw==", "cut off"),
}


@pytest.mark.parametrize(("answer", "sentence"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_that_cannot_be_inflated_is_refused(answer: str, sentence: str) -> None:
    with pytest.raises(limits.LimitError) as refused:
        limits.unpack(answer.encode())

    assert sentence in str(refused.value)


def test_a_gzip_bomb_is_cut_at_the_limit() -> None:
    bomb = gzip.compress(b"\0" * (limits.MAX_BYTES * 4))

    for answer in (bomb, base64.b64encode(bomb)):
        with pytest.raises(limits.LimitError, match="inflates to more than"):
            limits.unpack(answer)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda data: base64.b64encode(gzip.compress(data)) + b"\n"])
def test_a_forced_command_answers_as_it_is_and_the_others_packed(pack: Callable[[bytes], bytes]) -> None:
    assert limits.unpack(pack(b'{"schema":1}')) == b'{"schema":1}'


def test_an_answer_that_is_not_packed_has_the_same_limit() -> None:
    with pytest.raises(limits.LimitError, match="larger than"):
        limits.unpack(b"{" + b" " * limits.MAX_BYTES)


def test_bytes_behind_the_end_are_refused() -> None:
    with pytest.raises(limits.LimitError, match="behind its end"):
        limits.unpack(base64.b64encode(gzip.compress(b"{}") + b"x"))
