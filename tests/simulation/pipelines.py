"""Relays, a broker and projectors on a bad day: everything that can stop, stops for a while."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from random import Random
from typing import Any, TypeVar

from tests.proposals import (
    Accept,
    Level,
    ProposalId,
    Status,
    Submit,
    Withdraw,
    app,
    authors,
    portfolio,
)
from tests.simulation.oracle import actual, expected
from twofold import Application, Caller, Command, RuntimeSettings, Sent, System
from twofold.adapters.memory.log import MemoryLog, MemoryStorage
from twofold.adapters.memory.read_store import MemoryReadStore, MemoryTables
from twofold.adapters.memory.transport import MemoryBroker, MemoryTransport
from twofold.errors import NotCaughtUp, StoreUnavailable
from twofold.ports.time_and_chance import Clock
from twofold.runtime.clock import SeededChance
from twofold.runtime.queries import Asked
from twofold.testing.faults import FaultPlan, FaultyLog, FaultyReadStore
from twofold.testing.faulty_transport import BadBroker, FaultyTransport
from twofold.wiring.routes import Route

T = TypeVar("T")
_LEASE_SECONDS = 1.0
_WAIT_SECONDS = 0.5
# Beside the wait itself: looking at checkpoints, and delays of calls.
_BOUND_SECONDS = _WAIT_SECONDS + 0.5
_HEALED_SECONDS = 20.0
_TROUBLES = 12
_KINDS = ("crash", "pause", "resume", "join", "leave", "broker", "broker", "wipe")


class Worker:
    """A process with one role, which can be hurt on its own."""

    def __init__(self, role: str, system: System, plan: FaultPlan) -> None:
        self.role = role
        self.system = system
        self.plan = plan
        self.paused = False

    def pause(self) -> None:
        """Stand still, perhaps for longer than the lease."""
        self.paused = True
        self.plan.pause()

    def resume(self) -> None:
        """Go on, believing what was true before."""
        self.paused = False
        self.plan.resume()

    async def crash(self) -> None:
        """End without a word: nothing is drained, no lease given back."""
        tasks = [*self.system._tasks, *self.system._process_tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.system.progress.close()


class Pipeline:
    """One database, one broker, an api process, and relays and projectors that have bad days."""

    def __init__(
        self, clock: Clock, seed: int, *, broker: bool = True, application: Application = app
    ) -> None:
        self._application = application
        self._clock = clock
        self._chance = Random(seed)
        self._storage, self._tables = MemoryStorage(), MemoryTables()
        self._broker = MemoryBroker() if broker else None
        self._bad_broker = BadBroker(
            seed=seed,
            losses=self._chance.choice((0.0, 0.02, 0.2)),
            copies=self._chance.choice((0.0, 0.2)),
        )
        self._failures = self._chance.choice((0.0, 0.03, 0.2))
        self._lost_answers = self._chance.choice((0.0, 0.03, 0.2))
        self._delays = self._chance.choice((0.0, 0.5))
        self._partitions = self._chance.choice((2, 3, 4, 7))
        self._workers: list[Worker] = []
        self._healed = False

    async def live(self, clients: int = 3, proposals: int = 4) -> None:
        """Everybody reads what they did; in the end all read models equal the log."""
        async with AsyncExitStack() as stack:
            api = await stack.enter_async_context(self._system("api", self._plan(calm=True)))
            stack.push_async_callback(self._end)
            for role in ("relay", "relay", "projector", "projector"):
                await self._start(role)
            await self._together(
                self._trouble(), *(self._client(api, n, proposals) for n in range(clients))
            )
            await api.progress.refresh()
            head = await api.log.head()
            await api.progress.reach(list(api.tables.values()), head, _HEALED_SECONDS)
            assert await actual(api) == await expected(api)

    async def _together(self, *works: Coroutine[Any, Any, None]) -> None:
        """All of them to their ends, or until one finds something wrong."""
        try:
            async with asyncio.TaskGroup() as everybody:
                for work in works:
                    everybody.create_task(work)
        except ExceptionGroup as problems:
            raise problems.exceptions[0] from problems

    async def _client(self, api: System, number: int, proposals: int) -> None:
        """An author who looks after every step, by the token of what was done."""
        chance = Random(self._chance.randrange(2**32))
        caller = Caller(f"author {number}", roles=frozenset({"reviewer"}))
        for count in range(1, proposals + 1):
            title = f"Training {count} of {number}"
            made = Submit(title=title, level=Level.BEGINNER)
            identity, token = await self._done(api, made, caller, f"{number} {count}")
            assert await self._status(api, identity, token) is Status.SUBMITTED
            assert await self._count(api, caller, token) == count
            if chance.random() < 0.3:
                continue
            accepted = chance.random() < 0.7
            closing = (Accept if accepted else Withdraw)(proposal_id=ProposalId(identity))
            _, token = await self._done(api, closing, caller, f"{number} {count} closed")
            status = await self._status(api, identity, token)
            assert status is (Status.ACCEPTED if accepted else Status.WITHDRAWN)
            await self._clock.sleep(chance.random() * 0.3)

    async def _done(
        self, api: System, command: Command, caller: Caller, key: str
    ) -> tuple[str, str]:
        done = await self._insisted(lambda: api.send(command, Sent(caller=caller, key=key)))
        return done.identity, api.tokens.token(done.position)

    async def _status(self, api: System, identity: str, token: str) -> Status:
        asked = Asked(token=token, wait_seconds=_WAIT_SECONDS)
        route = _route(api, "/api/proposals/{id}")
        answered = await self._insisted(lambda: api.queries.one(route, identity, asked))
        return api.wired.foldings[portfolio.name].model.decode(answered.answer).status

    async def _count(self, api: System, caller: Caller, token: str) -> int:
        asked = Asked(caller=caller, token=token, wait_seconds=_WAIT_SECONDS)
        route = _route(api, "/api/authors/{author}")
        answered = await self._insisted(lambda: api.queries.one(route, caller.subject, asked))
        return api.wired.foldings[authors.name].model.decode(answered.answer).proposals

    async def _insisted(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask until there is an answer; every refusal comes in time, and none after healing."""
        healed = None
        while True:
            begun = self._clock.monotonic()
            try:
                return await ask()
            except (NotCaughtUp, StoreUnavailable) as exc:
                late = exc if self._clock.monotonic() - begun > _BOUND_SECONDS else None
            assert late is None, late
            if self._healed:
                healed = healed or self._clock.monotonic()
                assert self._clock.monotonic() - healed < _HEALED_SECONDS, "nothing goes on"
            await self._clock.sleep(0.01)

    async def _trouble(self) -> None:
        for _ in range(_TROUBLES):
            await self._clock.sleep(self._chance.random() * 0.6)
            kind = self._chance.choice(_KINDS)
            await self._happen(kind)
        self._healed = True
        self._bad_broker.heal()
        for worker in self._workers:
            worker.plan.heal()
            worker.resume()
        for role in ("relay", "projector"):
            if not any(worker.role == role for worker in self._workers):
                await self._start(role)

    async def _happen(self, kind: str) -> None:
        if kind == "broker":
            self._bad_broker.away = not self._bad_broker.away
        elif kind == "wipe":
            for kept in self._broker.kept.values() if self._broker else ():
                kept.clear()
        elif kind == "join":
            await self._start(self._chance.choice(("relay", "projector", "projector")))
        elif self._workers:
            worker = self._chance.choice(self._workers)
            if kind == "pause":
                worker.pause()
            elif kind == "resume":
                worker.resume()
            elif kind == "crash" or worker.paused:
                self._workers.remove(worker)
                await worker.crash()
            else:
                self._workers.remove(worker)
                await worker.system.stop()

    async def _start(self, role: str) -> None:
        for _ in itertools.count():
            plan = self._plan()
            system = self._system(role, plan)
            try:
                await system.start()
            except StoreUnavailable:
                continue
            self._workers.append(Worker(role, system, plan))
            return

    async def _end(self) -> None:
        for worker in self._workers:
            worker.plan.heal()
            await worker.system.stop()

    def _system(self, role: str, plan: FaultPlan) -> System:
        transport = None
        if self._broker is not None:
            transport = FaultyTransport(MemoryTransport(self._broker), plan, self._bad_broker)
        return System(
            self._application,
            FaultyLog(MemoryLog(self._storage), plan),
            FaultyReadStore(MemoryReadStore(self._tables), plan),
            clock=self._clock,
            chance=SeededChance(self._chance.randrange(2**32)),
            settings=self._settings(),
            roles=frozenset({role}),
            transport=transport,
        )

    def _plan(self, *, calm: bool = False) -> FaultPlan:
        return FaultPlan(
            self._clock,
            seed=self._chance.randrange(2**32),
            failures=0.0 if calm else self._failures,
            lost_answers=0.0 if calm else self._lost_answers,
            delays=self._delays,
            delay_seconds=0.02,
            lost_notifications=0.0 if calm else self._chance.choice((0.0, 0.5)),
        )

    def _settings(self) -> RuntimeSettings:
        return RuntimeSettings(
            projections="async",
            partitions=self._partitions,
            relay_batch=self._chance.choice((1, 3, 2_000)),
            projection_batch=self._chance.choice((1, 2, 7, 2_000)),
            tail_events=self._chance.choice((1, 5, 20_000)),
            lease_seconds=_LEASE_SECONDS,
            poll_seconds=0.1,
            retry_seconds=0.01,
            retry_limit_seconds=0.2,
        )


def _route(system: System, path: str) -> Route:
    return next(r for r in system.wired.routes if r.path == path and r.method == "GET")
