"""Queries: answered from read models alone, as current as the caller's token demands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from twofold.domain.caller import NOBODY, Caller
from twofold.domain.projection import OneOf, PageOf, Projection
from twofold.errors import InvalidInput, NotCaughtUp, NotFound, SignInRequired
from twofold.messages.value import Query, ReadModel
from twofold.ports.log import Log
from twofold.ports.read_store import (
    Checkpoint,
    Condition,
    ReadStore,
    Select,
    Selected,
    Summed,
    Sums,
)
from twofold.runtime.freshness.objectives import Objectives
from twofold.runtime.listing import Listing, ListRequest, Parameters
from twofold.runtime.observing.documents import observed
from twofold.runtime.observing.observer import Observer
from twofold.runtime.parking.sequences import of_document, parked_of, parked_table
from twofold.runtime.progress import Progress
from twofold.runtime.settings import RuntimeSettings
from twofold.runtime.switching import Switching
from twofold.runtime.tokens import Tokens
from twofold.wiring.foldings import Folding
from twofold.wiring.routes import Route
from twofold.wiring.wired import Wired

A = TypeVar("A")
R = TypeVar("R")
D = TypeVar("D", bound=ReadModel)
S = TypeVar("S", Select, Sums)
Tables = Mapping[str, str]
"""Tables by the names of their projections."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What comes with a query. ``wait_seconds`` None: the setting's default."""

    caller: Caller = NOBODY
    token: str = ""
    wait_seconds: float | None = None


class Answered(msgspec.Struct, Generic[A], frozen=True):
    """An answer, the position and time it is current to, and whether it is stale.

    ``stale``: it lacks something that the caller's token asks for, that the log has, or that is
    parked (of a single document: events of its own, the first of them at ``waits_from``).
    """

    answer: A
    position: int
    time_us: int
    stale: bool
    waits_from: int = 0


class Queries:
    """Answers queries. One per process."""

    def __init__(
        self,
        wired: Wired,
        log: Log,
        read_store: ReadStore,
        progress: Progress,
        tokens: Tokens,
        switching: Switching,
        settings: RuntimeSettings,
        observer: Observer,
        objectives: Objectives,
    ) -> None:
        self._objectives = objectives
        self._wired = wired
        self._log = log
        self._store = observed(read_store, observer)
        self._observer = observer
        self._progress = progress
        self._tokens = tokens
        self._switching = switching
        self._tables = switching.tables
        self._settings = settings
        self.listings = {name: Listing(f.model) for name, f in wired.foldings.items()}

    async def one(self, route: Route, key: str, asked: Asked) -> Answered[bytes]:
        """One document as stored. Raises NotFound, NotCaughtUp, BadToken and who-may errors."""
        assert isinstance(route.target, OneOf)
        folding = self._wired.foldings[route.target.projection.name]
        limited = route.may.check(route.path or folding.name, asked.caller)

        async def read(tables: Tables) -> tuple[Checkpoint, int, bytes | None]:
            # Known before the document, so that the answer contains at least what it claims.
            table = tables[folding.name]
            checkpoint = self._progress.checkpoint(table)
            waits_from = await self._waits_from(table, key)
            self._refuse_parked(table, waits_from, route, asked)
            raw = await self._store.get(table, key) if "\x00" not in key else None
            return checkpoint, waits_from, raw

        late, (checkpoint, waits_from, raw) = await self._read((folding.name,), route, asked, read)
        if raw is None or not self._shows(folding, raw, limited, asked.caller):
            raise NotFound(folding.name, key)
        stale = late or waits_from > 0 or checkpoint.position < self._progress.head
        return Answered(raw, checkpoint.position, checkpoint.time_us, stale, waits_from)

    async def page(
        self, route: Route, parameters: Parameters, asked: Asked
    ) -> tuple[ListRequest, Answered[Selected]]:
        """A list. Raises InvalidInput, BadCursor, NotCaughtUp, BadToken and who-may errors."""
        assert isinstance(route.target, PageOf)
        folding = self._wired.foldings[route.target.projection.name]
        limited = route.may.check(route.path or folding.name, asked.caller)
        listing = self.listings[folding.name]
        request = listing.request(parameters, self._tokens, route.target.sort)
        if request.mine and not asked.caller.subject:
            raise SignInRequired(f"mine of {folding.name}")
        select = self._visible(folding, request.select, limited or request.mine, asked.caller)

        async def read(tables: Tables) -> tuple[Checkpoint, Selected]:
            table = tables[folding.name]
            return self._progress.checkpoint(table), await self._store.select(table, select)

        late, (checkpoint, selected) = await self._read((folding.name,), route, asked, read)
        stale = late or checkpoint.parked > 0 or checkpoint.position < self._progress.head
        return request, Answered(selected, checkpoint.position, checkpoint.time_us, stale)

    async def ask(self, query: Query[R], asked: Asked | None = None) -> Answered[R]:
        """Answer a query of one's own. Raises what its function raises, and as above."""
        asked = asked or Asked()
        known = self._wired.answerings.get(type(query))
        if known is None:
            raise InvalidInput(f"nothing answers {type(query).__name__}")
        answering, route = known
        limited = route.may.check(type(query).__name__, asked.caller)
        names = tuple(p.name for p in answering.projections)

        async def read(tables: Tables) -> tuple[list[Checkpoint], Any]:
            checkpoints = [self._progress.checkpoint(tables[name]) for name in names]
            reader = StoreReader(self, tables, asked.caller, limited)
            return checkpoints, await answering.function(query, reader)

        late, (checkpoints, answer) = await self._read(names, route, asked, read)
        checkpoint = min(checkpoints, key=lambda one: one.position)
        parked = any(one.parked for one in checkpoints)
        stale = late or parked or checkpoint.position < self._progress.head
        return Answered(answer, checkpoint.position, checkpoint.time_us, stale)

    def next_cursor(self, folding: str, request: ListRequest, selected: Selected) -> str | None:
        """The cursor to the page after ``selected``."""
        return self.listings[folding].next_cursor(request.select, selected.last, self._tokens)

    async def _read(
        self,
        names: Sequence[str],
        route: Route,
        asked: Asked,
        read: Callable[[Tables], Awaitable[A]],
    ) -> tuple[bool, A]:
        """What ``read`` finds once the caller's token is reached, and whether it is late.

        All of one answer comes from the same versions. Where one of them was dropped meanwhile,
        which takes a process that stood still, everything is read anew.
        """
        while True:
            late = await self._caught_up(names, route, asked)
            tables = dict(self._tables)
            used = [tables[name] for name in names]
            try:
                answer = await read(tables)
            except Exception:
                if await self._switching.are_there(used):
                    raise
                continue
            if await self._switching.are_there(used):
                self._objectives.saw(route)
                return late, answer

    async def _caught_up(self, names: Sequence[str], route: Route, asked: Asked) -> bool:
        """Wait for the caller's token; whether the answer is late. Raises NotCaughtUp, BadToken.

        A table that is being filled is not read, token or not: an empty page would be a lie.
        """

        def tables() -> Sequence[str]:
            # Others may be chosen while somebody waits.
            return [self._tables[name] for name in names]

        wait = self._settings.wait_seconds if asked.wait_seconds is None else asked.wait_seconds
        wait = max(0.0, min(wait, self._settings.wait_limit_seconds))
        await self._progress.serve(tables, wait)
        if not asked.token:
            return False
        position = self._tokens.position(asked.token, self._progress.head)
        try:
            await self._reach(names, tables, position, wait)
        except NotCaughtUp:
            if route.when_behind == "refuse":
                raise
            return True
        return False

    async def _reach(
        self,
        names: Sequence[str],
        tables: Callable[[], Sequence[str]],
        position: int,
        wait: float,
    ) -> None:
        name = min(names, key=lambda name: self._progress.checkpoint(self._tables[name]).position)
        cause = await self._observer.cause(self._log, position)
        with self._observer.waiting(name, position, cause):
            await self._progress.follow(tables, position, wait)

    async def waits_from(self, projection: str, key: str) -> int:
        """The position of the first event of a document that waits, 0 if none does."""
        return await self._waits_from(self._tables[projection], key)

    async def _waits_from(self, table: str, key: str) -> int:
        if not self._progress.checkpoint(table).parked:
            return 0
        raw = await self._store.get(parked_table(table), of_document(key))
        return parked_of(raw).position if raw is not None else 0

    def _refuse_parked(self, table: str, waits_from: int, route: Route, asked: Asked) -> None:
        """Raises NotCaughtUp if the token asks for events that wait."""
        if waits_from and asked.token and route.when_behind == "refuse":
            position = self._tokens.position(asked.token, self._progress.head)
            if position >= waits_from:
                raise NotCaughtUp(table, position, waits_from - 1, 0.0, "parked")

    def _shows(self, folding: Folding, raw: bytes, limited: bool, caller: Caller) -> bool:
        """Whether the document is there for this caller."""
        model = folding.model
        if not limited and not model.listed:
            return True
        document = model.decode(raw)
        if model.listed and not getattr(document, model.listed):
            return False
        return not limited or getattr(document, model.owner) == caller.subject

    def _visible(self, folding: Folding, select: S, limited: bool, caller: Caller) -> S:
        """``select`` without what is not there for this caller."""
        model = folding.model
        more: list[Condition] = []
        if model.listed:
            more.append(Condition(model.listed, "any_of", (True,)))
        if limited:
            more.append(Condition(model.owner, "any_of", (caller.subject,)))
        return msgspec.structs.replace(select, where=(*select.where, *more)) if more else select


class StoreReader:
    """Reads documents for one query; limited to the caller's own where the rule says so."""

    def __init__(self, queries: Queries, tables: Tables, caller: Caller, limited: bool) -> None:
        self._queries = queries
        self._tables = tables
        self._limited = limited
        self.caller = caller

    async def one(self, projection: Projection[D], key: str) -> D | None:
        """One document."""
        folding = self._folding(projection)
        raw = await self._queries._store.get(self._table(projection), key)
        if raw is None or not self._queries._shows(folding, raw, self._limited, self.caller):
            return None
        document: D = folding.model.decode(raw)
        return document

    async def documents(self, projection: Projection[D], select: Select) -> Sequence[D]:
        """Documents of a list, decoded."""
        folding = self._folding(projection)
        selected = await self.select(projection, select)
        return [folding.model.decode(raw) for raw in selected.documents]

    async def select(self, projection: Projection[Any], select: Select) -> Selected:
        """A list as stored."""
        select = self._visible(projection, select)
        return await self._queries._store.select(self._table(projection), select)

    async def sums(self, projection: Projection[Any], sums: Sums) -> Sequence[Summed]:
        """A report."""
        sums = self._visible(projection, sums)
        return await self._queries._store.sums(self._table(projection), sums)

    def _visible(self, projection: Projection[Any], select: S) -> S:
        folding = self._folding(projection)
        return self._queries._visible(folding, select, self._limited, self.caller)

    def _folding(self, projection: Projection[Any]) -> Folding:
        return self._queries._wired.foldings[projection.name]

    def _table(self, projection: Projection[Any]) -> str:
        return self._tables[projection.name]
