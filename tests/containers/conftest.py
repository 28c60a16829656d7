# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines for the tests of this folder: one laboratory per session, fresh machines per module."""

from __future__ import annotations

from typing import Callable, Iterator, List

import pytest
from support.engine import LabError, find_engine
from support.lab import RECEIVER, Lab
from support.machine import Machine
from support.receiver import Receiver, make_certificate, serving
from support.watched import Watched, watch

Fleet = Callable[[int], List[Machine]]


LONG = ("test_molecule.py", "test_sanity.py")
"""The files that take longest, in this order."""


def pytest_collection_modifyitems(items: List[pytest.Item]) -> None:
    """Begin with what takes longest: of two that run tests side by side neither waits for the other in the end."""
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The laboratory. Where containers cannot start every test that needs one fails with the reason."""
    try:
        engine = find_engine()
    except LabError as exc:
        raise pytest.fail.Exception(str(exc), pytrace=False) from None
    laboratory = Lab(engine)
    try:
        yield laboratory
    finally:
        laboratory.close()


@pytest.fixture(scope="module")
def fleet(lab: Lab) -> Iterator[Fleet]:
    """``fleet(n)`` boots n machines; they are gone when the module is done."""
    started: List[Machine] = []

    def start(count: int) -> List[Machine]:
        machines = lab.start(count)
        started.extend(machines)
        return machines

    yield start
    lab.remove(started)


@pytest.fixture(scope="module")
def machine(fleet: Fleet) -> Machine:
    """One fresh machine for the whole module."""
    return fleet(1)[0]


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """A real HTTPS receiver that machines reach once ``support.lab.introduce`` has introduced them."""
    certificate = make_certificate(tmp_path_factory.mktemp("receiver"), names=(RECEIVER,))
    # Every address, because the machines' bridge exists only while one of them runs.
    with serving(certificate, address=("0.0.0.0", 0)) as server:
        yield server


@pytest.fixture(scope="module", name="host")
def _host(machine: Machine, receiver: Receiver) -> Watched:
    """A machine with the agent, its first run taken and heard of, nothing accepted yet."""
    return watch(machine, receiver)
