"""Systems on a bad day: stores fail, answers get lost, projectors come and go."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from random import Random
from typing import Any, TypeAlias

from tests.simulation.oracle import actual, expected
from twofold import Application, Caller, Command, RuntimeSettings, Sent, System
from twofold.errors import StoreUnavailable, TwofoldError
from twofold.ports.time_and_chance import Clock
from twofold.runtime.clock import SeededChance
from twofold.testing.faults import FaultPlan, FaultyLog, FaultyReadStore

Stores: TypeAlias = Callable[[], tuple[Any, Any]]
Answered: TypeAlias = list[str]
# A step knows the ids that earlier ones have made.
Step: TypeAlias = Callable[[Answered], Command]
_EVERYBODY = Caller("ann", roles=frozenset({"service", "operations", "finance", "merchandiser"}))
_CLIENTS = 4
_SECONDS = 120.0


class BadDay:
    """One database, an api process and several projectors for each read model."""

    def __init__(
        self, application: Application, stores: Stores, clock: Clock, chance: Random
    ) -> None:
        self._application = application
        self._stores = stores
        self._clock = clock
        self._chance = chance
        self._made: Answered = []
        self._plan = FaultPlan(
            clock,
            seed=chance.randrange(2**32),
            failures=chance.choice((0.0, 0.1, 0.3)),
            lost_answers=chance.choice((0.0, 0.1, 0.3)),
            delays=chance.choice((0.0, 0.5)),
            delay_seconds=0.01,
            lost_notifications=chance.choice((0.0, 0.5)),
        )

    async def live(self, steps: Sequence[Step]) -> None:
        """Send everything, some of it twice; heal; then every read model must equal its fold."""
        async with AsyncExitStack() as stack:
            api = await self._started(stack, "api")
            for _ in range(self._chance.randint(1, 3)):
                await self._started(stack, "projector")
            coming_and_going = asyncio.create_task(self._come_and_go())
            numbered = list(enumerate(steps))
            again = [self._chance.choice(numbered) for _ in range(len(numbered) // 4)]
            waiting = iter([*numbered, *again])
            await asyncio.gather(*(self._client(api, waiting) for _ in range(_CLIENTS)))
            self._plan.heal()
            await coming_and_going
            await api.progress.refresh()
            await api.progress.reach(list(api.tables.values()), await api.log.head(), _SECONDS)
            assert await actual(api) == await expected(api)

    async def _client(self, api: System, waiting: Any) -> None:
        for number, step in waiting:
            await self._answered(api, step(self._made), Sent(caller=_EVERYBODY, key=str(number)))

    async def _answered(self, api: System, command: Command, sent: Sent) -> None:
        """Send until there is an answer; rules may say no."""
        while True:
            try:
                done = await api.send(command, sent)
            except StoreUnavailable:
                await self._clock.sleep(0.01)
            except TwofoldError:
                return
            else:
                self._made += [done.identity] if done.created else []
                return

    async def _come_and_go(self) -> None:
        for _ in range(self._chance.randint(0, 3)):
            async with AsyncExitStack() as stack:
                await self._started(stack, "projector")
                await self._clock.sleep(self._chance.random() * 0.3)

    async def _started(self, stack: AsyncExitStack, role: str) -> System:
        for _ in itertools.count():
            log, read_store = self._stores()
            system = System(
                self._application,
                FaultyLog(log, self._plan),
                FaultyReadStore(read_store, self._plan),
                clock=self._clock,
                chance=SeededChance(self._chance.randrange(2**32)),
                settings=self._settings(),
                roles=frozenset({role}),
            )
            try:
                return await stack.enter_async_context(system)
            except StoreUnavailable:
                await log.close()
                await read_store.close()
        raise AssertionError

    def _settings(self) -> RuntimeSettings:
        return RuntimeSettings(
            projections="async",
            projection_batch=self._chance.choice((1, 2, 7, 2_000)),
            command_batch=self._chance.choice((1, 3, 500)),
            tail_events=self._chance.choice((1, 5, 20_000)),
            cached_streams=self._chance.choice((2, 20_000)),
            poll_seconds=0.1,
            retry_seconds=0.01,
            retry_limit_seconds=0.05,
        )
