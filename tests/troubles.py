"""What goes wrong with a pipeline of processes: each part has its own troubles, all at once."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from tests.killing import Process, kill_server
from tests.waiting import until
from twofold.ops.services import restart
from twofold.ops.services.service import Running
from twofold.ports.leases import Leases

RELAY, PROJECTORS = "relay", "projectors"
# Longer than anything takes on a busy machine: a lease, the start of a process, of a broker.
_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Plan:
    """How often what happens. A rebalance is a projector that joins or leaves."""

    relay_kills: int
    projector_kills: int
    broker_kills: int
    rebalances: int
    zombies: int = 1


@dataclass
class Pipeline:
    """What can be hurt. ``joining`` is a projector that does not run at first."""

    relays: list[Process]
    projectors: list[Process]
    joining: Process
    broker: Running
    leases: Leases
    partitions: int


class Troubles:
    """Carries out a plan. ``happened`` counts what was done.

    ``pace`` waits until a share of the work of those who suffer is done, so that their work and the
    troubles end together, and says whether there is time for more. ``going_on`` waits until
    something new got through.
    """

    def __init__(
        self,
        plan: Plan,
        pipeline: Pipeline,
        pace: Callable[[float], Awaitable[bool]],
        going_on: Callable[[], Awaitable[None]],
    ) -> None:
        self.happened = Counter[str]()
        self._plan = plan
        self._pipeline = pipeline
        self._pace = pace
        self._going_on = going_on
        self._joined = False

    async def run(self) -> None:
        """All of it."""
        async with asyncio.TaskGroup() as all_at_once:
            all_at_once.create_task(self._hurt_relays())
            all_at_once.create_task(self._hurt_projectors())
            all_at_once.create_task(self._hurt_broker())

    async def _hurt_relays(self) -> None:
        plan = self._plan
        async for kind in self._paced(["kill"] * plan.relay_kills + ["pause"] * plan.zombies):
            if kind == "kill":
                victim = await self._leader()
                victim.kill()
                await victim.start()
                self.happened["relay killed while it published"] += 1
            else:
                await self._shared(RELAY, len(self._pipeline.relays))
                await self._pause_beyond_lease(await self._leader(), RELAY)
                self.happened["relay woken up after its lease"] += 1

    async def _hurt_projectors(self) -> None:
        plan = self._plan
        kinds = ["kill"] * plan.projector_kills + ["move"] * plan.rebalances
        chance = random.Random(2)
        async for kind in self._paced(kinds + ["pause"] * plan.zombies):
            victim = chance.choice(self._pipeline.projectors)
            if kind == "kill":
                victim.kill()
                await victim.start()
                self.happened["projector killed"] += 1
            elif kind == "move":
                await self._join_or_leave()
            else:
                await self._shared(PROJECTORS, self._working)
                await self._pause_beyond_lease(victim, PROJECTORS)
                self.happened["projector woken up after its lease"] += 1
        if self._joined:
            await self._join_or_leave()

    async def _hurt_broker(self) -> None:
        async for _ in self._paced(["kill"] * self._plan.broker_kills):
            gone = self._pipeline.broker
            await kill_server(gone)
            self._pipeline.broker = await asyncio.to_thread(restart, gone)
            self.happened["broker killed and restarted"] += 1
            await self._going_on()

    async def _paced(self, kinds: list[str]) -> AsyncIterator[str]:
        """In any order, spread over the work of those who suffer."""
        random.Random(1).shuffle(kinds)
        for number, kind in enumerate(kinds):
            if not await self._pace((number + 0.5) / len(kinds)):
                return
            yield kind

    async def _leader(self) -> Process:
        """The relay that publishes."""

        def leading() -> list[Process]:
            return [one for one in self._pipeline.relays if one.holds(RELAY)]

        await until(lambda: bool(leading()), _PATIENCE_SECONDS)
        return leading()[0]

    async def _pause_beyond_lease(self, victim: Process, group: str) -> None:
        """It stands still until others have all its work, then believes that nothing has been."""
        held = victim.holds(group)
        living = len(await self._pipeline.leases.members(group))
        victim.pause()
        await self._shared(group, living - 1)
        victim.resume()
        await until(lambda: victim.holds(group) != held, _PATIENCE_SECONDS)
        await self._shared(group, living)

    async def _join_or_leave(self) -> None:
        if self._joined:
            await asyncio.to_thread(self._pipeline.joining.end)
        else:
            await self._pipeline.joining.start()
        self._joined = not self._joined
        await self._shared(PROJECTORS, self._working)
        self.happened["rebalanced"] += 1

    @property
    def _working(self) -> int:
        return len(self._pipeline.projectors) + self._joined

    async def _shared(self, group: str, members: int) -> None:
        """Wait until so many have divided all the work among them."""
        parts = 1 if group == RELAY else self._pipeline.partitions

        async def fair() -> bool:
            shares = (await self._pipeline.leases.members(group)).values()
            whole = len(shares) == members and sum(shares) == parts
            return whole and max(shares) - min(shares) <= 1

        await until(fair, _PATIENCE_SECONDS)
