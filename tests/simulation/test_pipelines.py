"""Nothing is lost, nothing counts twice, everybody sees what they did, nobody waits for ever."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.simulation.pipelines import Pipeline
from twofold.errors import NotCaughtUp, NotFound
from twofold.ports.read_store import Checkpoint, Move, Part
from twofold.runtime.partitions.arrivals import Arrivals
from twofold.runtime.partitions.channel_check import ChannelCheck
from twofold.runtime.partitions.wire import Incoming
from twofold.runtime.progress import Progress
from twofold.testing.virtual_time import VirtualClock, run_virtual

DAYS = int(os.environ.get("TWOFOLD_TEST_DAYS", "8"))


def day(seed: int, *, broker: bool = True) -> None:
    run_virtual(lambda: Pipeline(VirtualClock(), seed, broker=broker).live(), seed=seed)


@pytest.mark.parametrize("broker", [True, False], ids=["broker", "log"])
def test_on_any_bad_day(broker: bool) -> None:
    for seed in range(DAYS):
        day(seed, broker=broker)


def found_out(limit: int = 40) -> None:
    """Some day ends badly: otherwise these simulations would prove nothing."""
    with pytest.raises((AssertionError, NotCaughtUp, NotFound)):
        for seed in range(limit):
            day(seed)


def test_gaps_that_nobody_notices_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    add = Arrivals.add

    def blind(self: Arrivals, incoming: Incoming, offset: str) -> bool:
        known = Incoming(incoming.position, self.known, incoming.event)
        return add(self, known, offset)

    monkeypatch.setattr(Arrivals, "add", blind)
    found_out()


def test_a_fence_that_lets_everybody_through_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moved = Checkpoint.moved

    def open_door(
        self: Checkpoint, checkpoint: Checkpoint, partitions: int, moves: Mapping[int, Move]
    ) -> Checkpoint:
        parts = self.parted(partitions) or (Part(0),) * partitions
        anyhow = {n: Move(parts[n].position, move.part) for n, move in moves.items()}
        return moved(self, checkpoint, partitions, anyhow)

    monkeypatch.setattr(Checkpoint, "moved", open_door)
    found_out()


def test_a_wait_that_does_not_wait_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(self: Progress, *_: Any) -> None:
        return

    monkeypatch.setattr(Progress, "follow", at_once)
    found_out()


def test_a_wait_without_an_end_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    follow = Progress.follow

    async def patient(self: Progress, tables: Any, position: int, seconds: float) -> None:
        await follow(self, tables, position, seconds + 5)

    monkeypatch.setattr(Progress, "follow", patient)
    found_out()


def test_a_relay_that_never_looks_whether_the_broker_kept_it_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def trusting(self: ChannelCheck, published: Sequence[int]) -> Sequence[int]:
        return ()

    monkeypatch.setattr(ChannelCheck, "beside", trusting)
    found_out()
