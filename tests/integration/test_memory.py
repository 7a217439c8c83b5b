"""However many events wait, relays and projectors have a bounded number of them in memory."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from tests.conftest import server_to_kill
from tests.databases import new_postgres
from tests.killing import Process, environment_with, kill_server
from tests.proposals import app
from tests.waiting import until
from twofold import System
from twofold.assembly.assemble import assemble
from twofold.assembly.settings import read_settings
from twofold.messages.recorded import NewEvent
from twofold.ops.services import restart
from twofold.ops.services.service import Running
from twofold.ports.log import Append
from twofold.runtime.partitions.relay import GROUP, Published

WAITING = int(os.environ.get("TWOFOLD_TEST_WAITING", "20000"))
EVENT_BYTES = int(os.environ.get("TWOFOLD_TEST_EVENT_BYTES", "600"))
BROKERS = os.environ.get("TWOFOLD_TEST_MEMORY_BROKERS", "redis").split(",")
LIMIT_MB = 200
STREAMS, AT_ONCE = 1_000, 500
PATIENCE_SECONDS = 1_800.0


@pytest.fixture(params=BROKERS)
def broker(request: pytest.FixtureRequest) -> Iterator[Running]:
    """One that may be killed."""
    with server_to_kill(request.param) as running:
        yield running


@pytest.fixture
async def environment(postgres: str, postgres_server: str, broker: Running) -> dict[str, str]:
    """Settings for all processes."""
    read = await new_postgres(postgres_server)
    return environment_with(log=postgres, read=read, broker=broker.address)


@pytest.fixture
async def looking(environment: dict[str, str]) -> AsyncIterator[System]:
    """A system that has no role."""
    given = {k: v for k, v in environment.items() if k.startswith("TWOFOLD_")}
    async with assemble(app, read_settings("training", given), roles=frozenset()) as system:
        yield system


async def happened(system: System, begin: int, end: int) -> None:
    """Proposals are made, and rejected again and again with many words."""
    for first in range(begin, end, AT_ONCE):
        appends = [_append(system, number) for number in range(first, min(first + AT_ONCE, end))]
        async with system.log.transaction() as transaction:
            await transaction.append(appends)


def _append(system: System, number: int) -> Append:
    turn, which = divmod(number, STREAMS)
    kind, said = "proposal.Rejected", {"reason": "x" * EVENT_BYTES}
    if not turn:
        author = {"title": "Machine safety", "level": "beginner", "author": "ann"}
        kind, said = "proposal.Submitted", author
    stream, identity = f"proposal:p-{which}", system.chance.new_id(system.clock.now())
    data = msgspec.json.encode(said)
    event = NewEvent(identity, stream, turn + 1, kind, 1, 1, identity, identity, "", "", data)
    return Append(stream, turn, (event,))


async def test_what_waits_does_not_wait_in_memory(
    looking: System,
    environment: dict[str, str],
    broker: Running,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    relay, projector = (
        Process("tests.proposals:app", role, environment, tmp_path / f"{role}.log")
        for role in ("relay", "projector")
    )

    async def published() -> int:
        mark = (await looking.log.leases.marks(GROUP)).get(0, "")
        return Published.of(mark).position

    async def waits_for_the_broker() -> bool:
        async with httpx.AsyncClient(base_url=relay.address) as client:
            return "relay" in (await client.get("/health/ready")).json()["problems"]

    await happened(looking, 0, WAITING)
    try:
        await relay.start()
        await until(lambda: _above(published, 0), PATIENCE_SECONDS)
        await kill_server(broker)
        await happened(looking, WAITING, 2 * WAITING)
        await until(waits_for_the_broker, PATIENCE_SECONDS)
        await asyncio.to_thread(restart, broker)
        head = await looking.log.head()
        assert head == 2 * WAITING
        await until(lambda: _above(published, head - 1), PATIENCE_SECONDS)
        record_property("relay, MB", round(relay.peak_mb))
        assert relay.peak_mb < LIMIT_MB
        await projector.start()
        await looking.progress.reach(list(looking.tables.values()), head, PATIENCE_SECONDS)
        record_property("projector, MB", round(projector.peak_mb))
        assert projector.peak_mb < LIMIT_MB
    finally:
        relay.end()
        projector.end()


async def _above(position: Callable[[], Awaitable[int]], least: int) -> bool:
    return await position() > least
