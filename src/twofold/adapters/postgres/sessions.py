"""Recording events in a transaction that is somebody else's: a SQLAlchemy session's.

For systems that exist: their rows stay where they are and change as before; what happened is
recorded in the same transaction, in the same order as everything else in the log.

    recorder = SessionRecorder(wire(app), SystemClock(), system_chance())

    async with AsyncSession(engine) as session, session.begin():
        order = await session.get(OrderRow, order_id)
        order.status = "shipped"
        recorder.record(session, orders, order_id, Shipped(tracking="…"), actor="olga")
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session, SessionTransaction

from twofold.adapters.postgres.appending import LOCK
from twofold.domain.aggregate import Aggregate
from twofold.errors import ConcurrencyConflict
from twofold.messages.recorded import NewEvent, microseconds, stream_name
from twofold.messages.value import Event
from twofold.ports.time_and_chance import Chance, Clock
from twofold.wiring.wired import Wired

_KEY = "twofold_pending"
_POSITION = "twofold_position"
_HEAD = text("select coalesce(max(position), 0) from twofold.event")
_VERSION = text("select coalesce(max(version), 0) from twofold.event where stream = :stream")
_INSERT = text(
    "insert into twofold.event (position, id, stream, version, type, schema_version, time_us, "
    "correlation_id, causation_id, actor, trace, data) values (:position, :id, :stream, :version, "
    ":type, :schema_version, :time_us, :correlation_id, :causation_id, :actor, :trace, :data)"
)
_NOTIFY = text("select pg_notify('twofold_log', '')")


class _Pending(msgspec.Struct):
    stream: str
    expected_version: int | None
    events: list[NewEvent]
    within: SessionTransaction | None


class SessionRecorder:
    """Records events of ``wired``'s aggregates with sessions on the log's own database.

    The lock that orders the log is taken right before the commit, so it is held for moments,
    however long the transaction lasts. A rollback, also to a savepoint, forgets the events.
    """

    def __init__(self, wired: Wired, clock: Clock, chance: Chance) -> None:
        self._wired = wired
        self._clock = clock
        self._chance = chance
        self._encode = msgspec.json.Encoder().encode

    def record(
        self,
        session: AsyncSession | Session,
        aggregate: Aggregate[Any],
        identity: str,
        *events: Event,
        expected_version: int | None = None,
        actor: str = "",
        correlation_id: str = "",
    ) -> None:
        """Record ``events`` when ``session`` commits.

        With ``expected_version`` the commit raises ConcurrencyConflict if the stream is elsewhere.
        """
        inner = session.sync_session if isinstance(session, AsyncSession) else session
        if _KEY not in inner.info:
            inner.info[_KEY] = []
            sqlalchemy_event.listen(inner, "before_commit", _write)
            sqlalchemy_event.listen(inner, "after_soft_rollback", _forget)
        stream = stream_name(aggregate.name, identity)
        new = [self._new(stream, one, actor, correlation_id) for one in events]
        pending = _Pending(stream, expected_version, new, inner.get_nested_transaction())
        inner.info[_KEY].append(pending)

    def position(self, session: AsyncSession | Session) -> int:
        """Where the last commit of ``session`` recorded its last event, for a token; 0: nowhere."""
        inner = session.sync_session if isinstance(session, AsyncSession) else session
        position: int = inner.info.get(_POSITION, 0)
        return position

    def _new(self, stream: str, event: Event, actor: str, correlation_id: str) -> NewEvent:
        kind = self._wired.events.by_class[type(event)]
        now = self._clock.now()
        identity = self._chance.new_id(now)
        return NewEvent(
            identity,
            stream,
            0,
            kind.name,
            kind.version,
            microseconds(now),
            correlation_id or identity,
            identity,
            actor,
            "",
            self._encode(event),
        )


def _write(session: Session) -> None:
    if session.in_nested_transaction():
        return
    session.info[_POSITION] = 0
    if not session.info[_KEY]:
        return
    pending: Sequence[_Pending] = session.info[_KEY]
    # The team's own rows first: the lock is for what follows.
    session.flush()
    session.execute(text(LOCK))
    position = session.execute(_HEAD).scalar_one()
    rows = []
    versions: dict[str, int] = {}
    for one in pending:
        if one.stream not in versions:
            versions[one.stream] = session.execute(_VERSION, {"stream": one.stream}).scalar_one()
        actual = versions[one.stream]
        if one.expected_version not in (None, actual):
            raise ConcurrencyConflict(one.stream, one.expected_version or 0, actual)
        for event in one.events:
            position += 1
            versions[one.stream] += 1
            placed = {"position": position, "version": versions[one.stream]}
            rows.append({**msgspec.structs.asdict(event), **placed})
    if rows:
        session.execute(_INSERT, rows)
        session.execute(_NOTIFY)
        session.info[_POSITION] = position
    session.info[_KEY] = []


def _forget(session: Session, previous: SessionTransaction) -> None:
    """What was recorded within the part that was rolled back, or all of it."""
    if previous.parent is None:
        session.info[_POSITION] = 0
    kept = [] if previous.parent is None else session.info[_KEY]
    session.info[_KEY] = [one for one in kept if one.within is not previous]
