# SPDX-License-Identifier: GPL-3.0-or-later
"""The codec: strict, and every error names its path."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Literal, Optional, Tuple, Union

import pytest
from vps_sentry.core import codec


@dataclass(frozen=True)
class Inner:
    size: int
    tags: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Outer:
    name: str
    mode: Literal["a", "b"] = "a"
    inner: Optional[Inner] = None
    many: Dict[str, Inner] = field(default_factory=dict)
    either: Union[str, Inner, None] = None
    pair: Optional[Tuple[str, int]] = None
    rows: List[int] = field(default_factory=list)


GOOD = [
    pytest.param({"name": "x"}, Outer("x"), id="defaults"),
    pytest.param({"name": "x", "inner": {"size": 1, "tags": ["t"]}}, Outer("x", inner=Inner(1, ("t",))), id="nested"),
    pytest.param({"name": "x", "either": {"size": 2}}, Outer("x", either=Inner(2)), id="union, object"),
    pytest.param({"name": "x", "either": "y"}, Outer("x", either="y"), id="union, text"),
    pytest.param({"name": "x", "pair": ["k", 3]}, Outer("x", pair=("k", 3)), id="fixed tuple"),
]
BAD = [
    pytest.param([], "$: expected an object", id="not an object"),
    pytest.param({}, "$.name: missing", id="missing"),
    pytest.param({"name": "x", "nmae": 1}, "$.nmae: unknown key; known here: either, inner", id="typo"),
    pytest.param({"name": 1}, "$.name: expected text, found int '1'", id="wrong type"),
    pytest.param({"name": "x", "inner": {"size": True}}, "$.inner.size: expected a whole number", id="bool is no int"),
    pytest.param(
        {"name": "x", "inner": {"size": 1, "tags": "t"}}, "$.inner.tags: expected a list", id="text is no list"
    ),
    pytest.param({"name": "x", "mode": "c"}, "$.mode: expected one of a, b", id="not a choice"),
    pytest.param({"name": "x", "many": {"k": {"size": "1"}}}, "$.many.k.size: expected a whole number", id="deep"),
    pytest.param({"name": "x", "either": {"sise": 1}}, "$.either.sise: unknown key", id="the best fitting alternative"),
    pytest.param({"name": "x", "either": 5}, "$.either: expected text or an object", id="no alternative fits"),
    pytest.param({"name": "x", "pair": ["k"]}, "$.pair: expected 2 entries, found 1", id="short tuple"),
    pytest.param({"name": "x", "rows": [1, "2"]}, "$.rows[1]: expected a whole number", id="position in a list"),
]


@pytest.mark.parametrize(("value", "expected"), GOOD)
def test_decode(value: Any, expected: Outer) -> None:
    assert expected == codec.decode(Outer, value)
    assert expected == codec.decode(Outer, codec.encode(expected))


@pytest.mark.parametrize(("value", "problem"), BAD)
def test_decode_names_the_path(value: Any, problem: str) -> None:
    with pytest.raises(codec.CodecError) as caught:
        codec.decode(Outer, value)

    assert str(caught.value).startswith(problem)
