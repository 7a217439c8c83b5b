"""A running application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

import structlog

from twofold.errors import InvalidInput, Problem, StoreUnavailable, TwofoldError
from twofold.messages.value import Command, Query
from twofold.ports.log import Append, AppendOutcome, Log
from twofold.ports.read_store import ReadStore
from twofold.ports.time_and_chance import Chance, Clock
from twofold.ports.tracing import NO_TRACING, Tracing
from twofold.ports.transport import Transport
from twofold.runtime.applying import Applier
from twofold.runtime.belonging import check_belongs
from twofold.runtime.canary import Sender, Watch
from twofold.runtime.choosing import Choosing
from twofold.runtime.ending import end
from twofold.runtime.foreign.running import Inboxes
from twofold.runtime.freshness.objectives import Objectives
from twofold.runtime.inline import InlineProjections, LaterProjections
from twofold.runtime.lag import Lags
from twofold.runtime.lag_history import LagHistory
from twofold.runtime.observing.commands import ObservedCommandBus
from twofold.runtime.observing.observer import Observer
from twofold.runtime.observing.transport import ObservedTransport
from twofold.runtime.parking.parking import Rules
from twofold.runtime.partitions.sharing import Sharing
from twofold.runtime.presence import Presence, needed_roles
from twofold.runtime.processes.running import Processes
from twofold.runtime.progress import Progress
from twofold.runtime.projecting import How, Projecting
from twofold.runtime.queries import Answered, Asked, Queries
from twofold.runtime.queued.running import QueuedCommands
from twofold.runtime.sending import Done, Sent
from twofold.runtime.settings import RuntimeSettings
from twofold.runtime.streams import Streams, StreamState
from twofold.runtime.switching import Switching
from twofold.runtime.tail import Tail
from twofold.runtime.tokens import Tokens
from twofold.runtime.writer import Writer
from twofold.wiring.answerings import find_promises
from twofold.wiring.application import Application
from twofold.wiring.foldings import check_idempotent
from twofold.wiring.wired import Wired, wire

R = TypeVar("R")
Shadows = Callable[[], AbstractAsyncContextManager[ReadStore]]
_LOG = structlog.get_logger("twofold.system")


class Companion(Protocol):
    """Something that runs beside a system in every process that works, and looks at it."""

    def work(self) -> list[Coroutine[Any, Any, None]]:
        """What is to run until it is cancelled."""

    async def leave(self) -> None:
        """It was cancelled; the stores are still open."""


class System:
    """An application with its log, read store and workers.

        async with System(app, log, read_store) as system:
            done = await system.send(Submit(title="…"), Sent(caller=author))

    ``roles`` says what this process does: "api" takes commands and queries, "projector" follows
    the log for asynchronous projections, "relay" publishes the log to the transport, "scheduler"
    runs process managers, their timers, and inboxes, "commands" decides commands that were
    accepted to be decided later; without roles the system can only be looked at. Leaving the block
    drains: queued commands are written, batches at hand are finished. ``shadows`` makes read
    stores to fold a shadow in, to which read models are compared.
    """

    def __init__(
        self,
        application: Application,
        log: Log,
        read_store: ReadStore,
        *,
        clock: Clock,
        chance: Chance,
        settings: RuntimeSettings | None = None,
        roles: frozenset[str] = frozenset({"api", "commands", "projector", "scheduler"}),
        transport: Transport | None = None,
        tracing: Tracing = NO_TRACING,
        beside: Sequence[Callable[[System], Companion]] = (),
        shadows: Shadows | None = None,
    ) -> None:
        self.wired: Wired = wire(application)
        if not read_store.lends_transactions:
            check_idempotent(self.wired.writings.values())
        self.application = application
        self.log = log
        self.read_store = read_store
        self.clock = clock
        self.chance = chance
        self.settings = settings or RuntimeSettings()
        self.roles = roles
        databases = self.settings.log_database, self.settings.read_database
        self.observer = Observer(tracing, *databases)
        self.transport: Transport | None = None
        if transport is not None:
            self.transport = ObservedTransport(transport, self.observer, self.settings.broker)
        self._shadows = shadows
        self._tasks: list[asyncio.Task[None]] = []
        self._process_tasks: list[asyncio.Task[None]] = []
        self._command_tasks: list[asyncio.Task[None]] = []
        self._open = False
        self.ended: dict[str, str] = {}
        self.canary: Watch | None = None
        self._canaries: Sender | None = None
        self._beside = beside
        self._companions: list[Companion] = []

    async def __aenter__(self) -> System:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Open the stores, catch up where reads are immediate, start the workers.

        Raises ForeignEvents before anything is written to another application's read models.
        """
        try:
            await self._start()
        except BaseException:
            await end(self._tasks + self._process_tasks + self._command_tasks)
            await self.read_store.close()
            await self.log.close()
            raise

    async def _start(self) -> None:
        await self.log.open()
        await check_belongs(self.wired, self.log)
        self.tokens = Tokens(self.log.epoch, self.log.secret)
        self.choosing = Choosing(
            self.wired,
            self.log,
            self.read_store,
            self.settings,
            Rules(self.clock, self.chance, self.settings),
            self.observer,
            at_work=bool(self.roles),
        )
        appliers = await self.choosing.choose() if self.reads else []
        names = [applier.table for applier in appliers]
        self.progress = Progress(names, self.read_store, self.log, self.clock)
        await self.progress.refresh()
        self._start_reading(appliers)
        self.lags = Lags(self.log, self.read_store, self.tables, self.clock, self.progress.heads)
        self.lag_history = LagHistory(self.log, self.lags, self.clock)
        self._start_commands()
        await self._start_presence()
        if self.roles:
            await self.processes.register()
        self.objectives = Objectives(
            find_promises(self.wired.routes),
            self.log,
            self.progress,
            self.tables,
            self.clock,
            self.observer.measures.behind_seconds,
            self.presence.member,
        )
        self.queries = Queries(
            self.wired,
            self.log,
            self.read_store,
            self.progress,
            self.tokens,
            self.switching,
            self.settings,
            self.observer,
            self.objectives,
        )
        for work in self.sharing.relaying() if "relay" in self.roles else ():
            self._spawn(work, self._tasks)
        await self.projecting.start(self.switching.at_work)
        self._spawn(self._watch(), self._tasks)
        for work in self.objectives.work():
            self._spawn(work, self._tasks)
        self._start_canaries()
        await self._start_processes()
        for work in self.inboxes.working() if "scheduler" in self.roles else ():
            self._spawn(work, self._process_tasks)
        self.queued.open()
        for work in self.queued.working():
            self._spawn(work, self._command_tasks)
        # What is read now was chosen before anybody could know that this process reads it.
        await self.progress.look_at_store()
        await self.switching.look()
        self._companions = [begin(self) for begin in self._beside] if self.roles else []
        for companion in self._companions:
            for work in companion.work():
                self._spawn(work, self._tasks)
        self._open = True

    @property
    def reads(self) -> bool:
        """Whether this process needs the read store: relays, and roles that only append, don't."""
        roles = self.roles
        return not roles or bool(roles & {"api", "projector"}) or self.writes_inline

    @property
    def inline(self) -> bool:
        """Whether read models are written in the command's own transaction."""
        return self.settings.projections == "inline"

    @property
    def ready(self) -> bool:
        """Whether the system takes requests."""
        return self._open

    def shadow_store(self) -> AbstractAsyncContextManager[ReadStore]:
        """An empty read store for comparisons, gone after the block. Raises InvalidInput."""
        if self._shadows is None:
            why = "this system has nowhere to fold a shadow: give it ``shadows``, or leave it out"
            raise InvalidInput([Problem("verify", why)])
        return self._shadows()

    def work(self, work: Coroutine[Any, Any, None]) -> None:
        """Carry out ``work`` beside everything else, until it ends or the system stops."""
        self._spawn(work, self._tasks)

    def state_of(self, applier: Applier) -> str:
        """ "live", "catching-up", "rebuilding" or "stopped", as far as this process knows."""
        return self.progress.state(applier.table)

    async def stop(self) -> None:
        """Drain and release everything; safe to call twice."""
        if not self._open:
            return
        self._open = False
        self.queued.end()
        self.inboxes.end()
        await end(self._process_tasks + self._command_tasks)
        await asyncio.gather(self.queued.stop(), self.inboxes.stop())
        await self._writer.drain()
        await self.processes.save()
        self.sharing.stop()
        await self.projecting.stop(self._tasks)
        await asyncio.gather(self.sharing.leave(), self.presence.leave(), self.objectives.finish())
        if self._canaries is not None:
            await self._canaries.leave()
        for companion in self._companions:
            await companion.leave()
        await self.progress.close()
        if self.reads:
            await self.read_store.close()
        await self.log.close()

    async def send(self, command: Command, sent: Sent | None = None) -> Done:
        """Handle a command; see ``CommandBus.handle``."""
        return await self.commands.handle(command, sent)

    async def ask(self, query: Query[R], asked: Asked | None = None) -> Answered[R]:
        """Answer a query; see ``Queries.ask``."""
        return await self.queries.ask(query, asked)

    async def record(self, append: Append) -> AppendOutcome:
        """Append events of the framework's own. Raises StoreUnavailable, ShuttingDown."""
        if self.writes_inline or not self.inline:
            return await self._writer.write(append, StreamState(None, 0, 0))
        # Read models are kept by other processes, which follow what others append.
        async with self.log.transaction() as transaction:
            (outcome,) = await transaction.append([append])
        return outcome

    def _start_canaries(self) -> None:
        if not self.settings.canary_seconds or not self.roles:
            return
        if self.roles & {"api", "scheduler"}:
            self._canaries = Sender(self.log, self._writer, self.clock, self.chance, self.settings)
            for work in self._canaries.work():
                self._spawn(work, self._process_tasks)
        if self.tables:
            self.canary = Watch(self.log, self.progress, self.tables, self.clock, self.settings)
            self._spawn(self.canary.run(), self._tasks)

    def _start_reading(self, appliers: list[Applier]) -> None:
        broker = self.transport is not None
        self.presence = Presence(
            self.roles,
            needed_roles(self.wired, self.settings, broker=broker),
            self.log.leases,
            self.settings.lease_seconds,
            self.clock,
            self.chance,
            lambda: self.switching.reading(),
        )
        self.tail = Tail(self.log, self.wired.events, self.settings.tail)
        self.sharing = Sharing(
            self.application.name,
            self.log,
            self.tail,
            self.read_store,
            appliers,
            self.wired.events,
            self.progress,
            self.transport,
            self.clock,
            self.chance,
            self.settings,
        )
        self.projecting = Projecting(
            self._projects,
            self.sharing,
            self.log,
            self.tail,
            self.read_store,
            self.wired.events,
            self.progress,
            self.clock,
            self.chance,
            self.settings,
            self.work,
        )
        self.switching = Switching(
            appliers,
            self.choosing,
            self.progress,
            self.presence,
            self.projecting,
            self.clock,
            self.settings.lease_seconds,
        )
        self.appliers, self.tables = self.switching.appliers, self.switching.tables

    async def _start_presence(self) -> None:
        if self.roles:
            await self.presence.sign()
            self._spawn(self.presence.run(), self._tasks)

    def _start_commands(self) -> None:
        inline = (
            InlineProjections(
                self.switching.at_work,
                self.log,
                self.read_store,
                self.wired.events,
                self.progress,
                self.settings.projection_batch,
                self.tail if self._reacts else None,
            )
            if self.inline
            else LaterProjections(self.tail, self.progress)
        )
        self._writer = Writer(
            self.log,
            inline,
            self.observer,
            self.settings.command_batch,
            self.settings.max_event_bytes,
        )
        self.streams = Streams(
            self.log, self.wired, self.settings.cached_streams, own_rows=self.settings.own_rows
        )
        self.commands = ObservedCommandBus(
            self.observer,
            self.wired,
            self.log,
            self.streams,
            self._writer,
            self.clock,
            self.chance,
            self.settings,
        )

        self.processes = Processes(
            self.wired,
            self.log,
            self.tail,
            self._writer,
            self.commands,
            self.clock,
            self.chance,
            self.settings,
        )
        self.inboxes = Inboxes(
            self.wired,
            self.log,
            self.commands,
            self.transport,
            self.clock,
            self.chance,
            self.settings,
        )
        self.queued = QueuedCommands(
            self.wired,
            self.log,
            self.commands,
            self.transport,
            self.clock,
            self.chance,
            self.settings,
            self.roles,
        )

    @property
    def _reacts(self) -> bool:
        return "scheduler" in self.roles and bool(self.wired.reactings)

    async def _start_processes(self) -> None:
        if self._reacts:
            await self.processes.open()
            for work in self.processes.work():
                self._spawn(work, self._process_tasks)

    @property
    def writes_inline(self) -> bool:
        """Whether this process writes read models with what it appends."""
        return self.inline and bool(self.roles & {"api", "commands", "scheduler"})

    @property
    def _projects(self) -> How:
        if self.writes_inline:
            return "inline"
        if self.inline or "projector" not in self.roles:
            return "not"
        shared = self.transport is not None or self.settings.partitions > 1
        return "shared" if shared else "alone"

    async def _watch(self) -> None:
        """Keep what is known of other processes' work from growing old."""
        while True:
            await self.clock.sleep(self.settings.poll_seconds)
            try:
                await self.progress.refresh()
                await self.switching.look()
                await self.projecting.follow(self.switching.at_work)
                if "api" in self.roles:
                    await self.lag_history.look()
            except StoreUnavailable:
                continue
            except TwofoldError as exc:
                _LOG.error("read models can't follow the log", why=str(exc))

    def _spawn(self, work: Any, tasks: list[asyncio.Task[None]]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._report)
        tasks.append(task)

    def _report(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.error("a worker ended unexpectedly", exc_info=error)
            what = task.get_coro()
            self.ended[getattr(what, "__qualname__", "a worker")] = f"it ended: {error!r}"
