"""A log of another application is told before anything is done with it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.conftest import Start, Stores
from tests.proposals import app
from twofold import System
from twofold.errors import ForeignEvents
from twofold.ports.log import Append
from twofold.runtime.audit import AUDIT
from twofold.runtime.canary import CANARY
from twofold.testing.conformance.log import event

OURS = "proposal.Submitted"


async def record(stores: Stores, *kinds: str) -> Any:
    """A log with one event of each of ``kinds``, and its read store."""
    log, read_store = stores()
    await log.open()
    events = tuple(event("thing:1", n, kind=kind) for n, kind in enumerate(kinds, 1))
    async with log.transaction() as transaction:
        await transaction.append([Append("thing:1", 0, events)])
    await log.close()
    return read_store


@pytest.mark.parametrize("roles", [frozenset({"api"}), frozenset({"relay"}), frozenset()])
async def test_events_of_others_alone_keep_every_role_from_starting(
    stores: Stores, start: Start, roles: frozenset[str]
) -> None:
    read_store = await record(stores, "thing.Begun", "thing.Ended", CANARY)
    with pytest.raises(ForeignEvents, match=r"TWOFOLD_LOG .*\(thing.Begun, thing.Ended, …\)"):
        await start(roles=roles)
    await read_store.open([])
    assert await read_store.checkpoints() == {}
    await read_store.close()


async def test_one_event_of_ours_is_enough_wherever_it_stands(stores: Stores, start: Start) -> None:
    others = ["thing.Begun"] * 150
    await record(stores, *others, OURS, *others)
    system: System = await start(roles=frozenset())
    assert system.application is app


@pytest.mark.parametrize("kinds", [[], [CANARY, f"{AUDIT}.Begun"]])
async def test_a_log_in_which_nothing_happened_is_anybodys(
    stores: Stores, start: Start, kinds: list[str]
) -> None:
    await record(stores, *kinds)
    assert (await start(roles=frozenset())).ready


async def test_a_long_log_of_ours_is_not_read_to_find_out(stores: Stores, start: Start) -> None:
    await record(stores, OURS)
    asked: list[tuple[int, Any]] = []
    log, _ = stores()
    read = type(log).read

    async def noted(self: Any, after: int, limit: int, types: Any = None) -> Any:
        asked.append((limit, types))
        return await read(self, after, limit, types)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(log), "read", noted)
        await start(roles=frozenset())
    assert asked == [(100, None)]
