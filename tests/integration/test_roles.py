"""What each role needs to start, and what it says of itself and of the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.proposals import Level, Submit, app
from tests.waiting import until
from twofold import Application, Caller, RuntimeSettings, Sent, System
from twofold.adapters.memory.log import MemoryLog, MemoryStorage
from twofold.adapters.memory.read_store import MemoryReadStore
from twofold.adapters.memory.transport import MemoryBroker, MemoryTransport
from twofold.errors import StoreUnavailable
from twofold.ports.read_store import Checkpoint
from twofold.runtime.clock import SeededChance, SystemClock

ANN = Caller("ann", roles=frozenset({"author"}))
DRAFT = Submit(title="Safety at work", level=Level.BEGINNER)


class NoReadStore(MemoryReadStore):
    """A read store that nobody can reach."""

    async def open(self, tables: object) -> None:
        raise StoreUnavailable("the read store", "nobody is there")

    async def checkpoints(self) -> Mapping[str, Checkpoint]:
        raise StoreUnavailable("the read store", "nobody is there")

    async def close(self) -> None:
        raise StoreUnavailable("the read store", "nobody is there")


def system(
    storage: MemoryStorage,
    role: str,
    broker: MemoryBroker | None = None,
    application: Application = app,
    read_store: MemoryReadStore | None = None,
    **settings: Any,
) -> System:
    """A process of one role, without a read store unless it is given."""
    given: dict[str, Any] = {
        "projections": "async",
        "poll_seconds": 0.05,
        "lease_seconds": 0.6,
    } | settings
    return System(
        application,
        MemoryLog(storage),
        read_store or NoReadStore(),
        clock=SystemClock(),
        chance=SeededChance(),
        settings=RuntimeSettings(**given),
        roles=frozenset({role}),
        transport=MemoryTransport(broker) if broker else None,
    )


async def test_a_relay_needs_no_read_store() -> None:
    storage, broker = MemoryStorage(), MemoryBroker()
    api = system(storage, "api", broker, read_store=MemoryReadStore())
    async with api, system(storage, "relay", broker) as relay:
        await api.send(DRAFT, Sent(caller=ANN))
        published = relay.sharing.relay
        assert published is not None
        await until(lambda: published.published.position == 1)
        assert relay.sharing.stopped() == {}


@pytest.mark.parametrize("role", ["commands", "scheduler"])
async def test_who_only_appends_needs_no_read_store(role: str) -> None:
    storage = MemoryStorage()
    settings: dict[str, Any] = {"commands": "async"}
    api = system(storage, "api", read_store=MemoryReadStore(), **settings)
    async with api, system(storage, role, **settings) as worker:
        command_id = await api.queued.accept(DRAFT, Sent(caller=ANN))
        outcome = await api.queued.outcome(command_id, 20 if role == "commands" else 0)
        assert (outcome is not None) == (role == "commands")
        assert worker.ready


@pytest.mark.parametrize("role", ["api", "projector"])
async def test_who_reads_does_not_start_without_a_read_store(role: str) -> None:
    with pytest.raises(StoreUnavailable, match="nobody is there"):
        await system(MemoryStorage(), role).start()


async def test_immediate_read_models_are_written_by_all_who_append() -> None:
    with pytest.raises(StoreUnavailable, match="nobody is there"):
        await system(MemoryStorage(), "scheduler", projections="inline").start()
