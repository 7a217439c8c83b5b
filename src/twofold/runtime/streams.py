"""The states of aggregates: loaded in batches, kept by version, checked when appended to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from twofold.domain.aggregate import Aggregate, EventSourced, StateStored
from twofold.errors import CorruptEvent
from twofold.messages.recorded import stream_name
from twofold.ports.log import STORED, Loaded, Log
from twofold.runtime.own_rows import ROWS, kept_in_rows, load_rows
from twofold.wiring.wired import Wired


class StreamState:
    """An aggregate as far as this process knows it.

    It may run ahead of the log while an append is under way. If that append fails, the state is
    ``dead`` and everything decided on it is decided again; the version alone would not tell, since
    another process may have brought the stream to the same version with other events.
    """

    __slots__ = ("dead", "position", "state", "version")

    def __init__(self, state: Any, version: int, position: int) -> None:
        self.state = state
        self.version = version
        self.position = position
        self.dead = False


class Streams:
    """Loads states; concurrent requests share one query."""

    def __init__(self, log: Log, wired: Wired, limit: int, *, own_rows: bool = True) -> None:
        self._log = log
        self._wired = wired
        self._limit = limit
        self._own_rows = own_rows
        self._known: dict[str, StreamState] = {}
        self._wanted: dict[str, tuple[Aggregate[Any], asyncio.Future[StreamState]]] = {}
        self._loading: asyncio.Task[None] | None = None
        self._decoders: dict[str, Any] = {}

    def kept_in_rows(self, aggregate: Aggregate[Any]) -> StateStored[Any] | None:
        """The aggregate, if its state is in a team's own rows."""
        return kept_in_rows(aggregate) if self._own_rows else None

    def known(self, stream: str) -> StreamState | None:
        """The state kept, if any."""
        return self._known.get(stream)

    def begin(self, stream: str) -> StreamState:
        """The state of a stream whose id was made just now: it can't exist."""
        return self._keep(stream, StreamState(None, 0, 0))

    def forget(self, stream: str, state: StreamState) -> None:
        """Drop ``state``, unless a newer one was loaded meanwhile."""
        state.dead = True
        if self._known.get(stream) is state:
            del self._known[stream]

    async def at(self, aggregate: Aggregate[Any], stream: str) -> StreamState:
        """The state of ``stream``. Raises CorruptEvent, UnknownEvent, StoreUnavailable."""
        known = self._known.get(stream)
        if known is not None:
            return known
        if stream not in self._wanted:
            future = asyncio.get_running_loop().create_future()
            self._wanted[stream] = (aggregate, future)
            if self._loading is None:
                self._loading = asyncio.create_task(self._load())
        return await asyncio.shield(self._wanted[stream][1])

    async def fresh(
        self, aggregate: Aggregate[Any], identities: Sequence[str]
    ) -> Mapping[str, Any]:
        """States as the log has them now, by id; ids without events are left out."""
        streams = [stream_name(aggregate.name, identity) for identity in identities]
        loaded = await self._states(dict.fromkeys(streams, aggregate))
        found = zip(identities, (loaded[stream] for stream in streams), strict=True)
        states = {identity: self._state(aggregate, *one).state for identity, one in found}
        return {identity: state for identity, state in states.items() if state is not None}

    async def _load(self) -> None:
        while self._wanted:
            # Let every task that is ready ask first, so that one query serves them all.
            await asyncio.sleep(0)
            batch, self._wanted = self._wanted, {}
            try:
                loaded = await self._states({stream: a for stream, (a, _) in batch.items()})
            except Exception as exc:
                for _, future in batch.values():
                    _fail(future, exc)
                continue
            for stream, (aggregate, future) in batch.items():
                self._settle(stream, aggregate, loaded[stream], future)
        self._loading = None

    async def _states(
        self, wanted: Mapping[str, Aggregate[Any]]
    ) -> Mapping[str, tuple[Loaded | None, Any]]:
        """What the log has of each stream, and its row where the team keeps rows.

        The two may be of different moments; whoever appends is told then.
        """
        loaded = await self._log.load({s: self._fold_of(a) for s, a in wanted.items()})
        kept = [
            (aggregate, stream.partition(":")[2])
            for stream, one in wanted.items()
            if (aggregate := self.kept_in_rows(one)) is not None
        ]
        states: Mapping[str, Any] = {}
        if kept:
            async with self._log.transaction() as transaction:
                states = await load_rows(transaction, kept)
        return {stream: (loaded.get(stream), states.get(stream)) for stream in wanted}

    def _settle(
        self,
        stream: str,
        aggregate: Aggregate[Any],
        loaded: tuple[Loaded | None, Any],
        future: asyncio.Future[StreamState],
    ) -> None:
        try:
            state = self._state(aggregate, *loaded)
        except Exception as exc:
            _fail(future, exc)
            return
        if not future.done():
            future.set_result(self._keep(stream, state))

    def _keep(self, stream: str, state: StreamState) -> StreamState:
        if len(self._known) >= self._limit:
            for oldest in list(self._known)[: self._limit // 10 + 1]:
                del self._known[oldest]
        self._known[stream] = state
        return state

    def _fold_of(self, aggregate: Aggregate[Any]) -> str:
        if self.kept_in_rows(aggregate) is not None:
            return ROWS
        return self._wired.fingerprints.get(aggregate.name, STORED)

    def _state(
        self, aggregate: Aggregate[Any], loaded: Loaded | None, row: Any = None
    ) -> StreamState:
        state, version, position = row, 0, 0
        if loaded is None:
            return StreamState(state, version, position)
        if loaded.snapshot is not None:
            snapshot = loaded.snapshot
            if snapshot.fold != ROWS:
                state = self._decoder(aggregate).decode(snapshot.state)
            version, position = snapshot.version, snapshot.position
        if not loaded.events:
            return StreamState(state, version, position)
        last = loaded.events[-1]
        if isinstance(aggregate, EventSourced):
            folds = self._wired.folds[aggregate.name]
            for recorded in loaded.events:
                event = self._wired.events.decode(recorded)
                fold = folds.get(type(event))
                if fold is None:
                    raise CorruptEvent(
                        recorded.type, recorded.stream, recorded.position, "no fold takes it"
                    )
                state = fold(state, event)
        return StreamState(state, last.version, last.position)

    def _decoder(self, aggregate: Aggregate[Any]) -> Any:
        if aggregate.name not in self._decoders:
            self._decoders[aggregate.name] = msgspec.json.Decoder(aggregate.state_type)
        return self._decoders[aggregate.name]


def _fail(future: asyncio.Future[Any], exc: Exception) -> None:
    if not future.done():
        future.set_exception(exc)
        # Nobody may be waiting any more; the error was delivered to whoever is.
        future.exception()
