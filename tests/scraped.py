"""What a busy system answers at /metrics: one in which everything has happened that is counted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from tests import chores, parcels, proposals
from tests.http.conftest import Client
from tests.waiting import until
from twofold import Application, RuntimeSettings, System
from twofold.adapters.memory.log import MemoryLog
from twofold.adapters.memory.read_store import MemoryReadStore
from twofold.adapters.memory.transport import MemoryTransport
from twofold.errors import BrokerUnavailable
from twofold.http.asgi import HttpApp
from twofold.http.security import SecuritySettings
from twofold.ports.transport import Channel, Delivery, Message
from twofold.runtime.clock import SeededChance, SystemClock

ROLES = frozenset({"api", "commands", "relay", "projector", "scheduler"})
APP = Application(
    "everything",
    *proposals.app.modules,
    *parcels.app.modules,
    *chores.app.modules,
    accounts=proposals.app.accounts,
)
_PATH = "/api/proposals"
_BODY = {"title": "Safety at work", "level": "beginner"}
_STUCK = "nothing can be done with this"


class Breakable(MemoryTransport):
    """A broker that goes away."""

    gone = False

    async def last(self, channel: str) -> Mapping[int, Delivery]:
        self._check()
        return await super().last(channel)

    async def publish(self, channel: str, messages: Sequence[Message]) -> None:
        self._check()
        await super().publish(channel, messages)

    def _check(self) -> None:
        if self.gone:
            raise BrokerUnavailable("the broker", "it is gone")


@asynccontextmanager
async def busy_system() -> AsyncIterator[tuple[Client, Breakable]]:
    """A system over a broker that has done everything once."""
    transport = Breakable()
    await transport.open([Channel(parcels.CHANNEL, 2)])
    event = {"specversion": "1.0", "id": "1", "source": "urn:c", "type": parcels.DELIVERED}
    await transport.publish(parcels.CHANNEL, [Message(0, "", event, b"no json")])
    settings = RuntimeSettings(
        projections="async", partitions=2, poll_seconds=0.1, retry_seconds=0.01
    )
    system = System(
        APP,
        MemoryLog(),
        MemoryReadStore(),
        clock=SystemClock(),
        chance=SeededChance(),
        settings=settings,
        roles=ROLES,
        transport=transport,
    )
    http = HttpApp(system, SecuritySettings(demo=True))
    chores.broken.add(_STUCK)
    await http.start()
    try:
        client = Client(http)
        await _do_everything(client)
        yield client, transport
    finally:
        chores.broken.discard(_STUCK)
        await http.stop()


async def _do_everything(client: Client) -> None:
    done = await client.post(_PATH, _BODY, by="ann")
    token = done.headers["consistency-token"]
    path = f"{_PATH}/{done.json()['proposalId']}"
    assert (await client.get(path, consistency_token=token)).status_code == 200
    later = await client.post(_PATH, _BODY, by="ann", prefer="respond-async, wait=20")
    assert later.status_code == 201
    await client.post("/chores/c", {"what": _STUCK})
    system = client.http.system
    await until(lambda: system.inboxes.handled[parcels.CHANNEL].total() == 1)

    async def stuck() -> bool:
        return (await system.processes.stuck())["chores"] == 1

    await until(stuck)


async def scraped() -> str:
    """The answer of /metrics, with the broker gone in the end, so that workers are stopped."""
    async with busy_system() as (client, transport):
        transport.gone = True
        await client.post(_PATH, _BODY, by="ann")
        await until(lambda: bool(client.http.system.sharing.stopped()))
        text: str = (await client.get("/metrics")).text
        return text
