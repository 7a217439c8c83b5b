"""What operators did: who, what, when, why, and what came of it, kept in the log (ADR 0027)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

import msgspec
import structlog

from twofold.errors import StoreUnavailable, TwofoldError
from twofold.messages.recorded import NewEvent, Recorded, microseconds
from twofold.ports.log import STORED, Append, Appended, Snapshot
from twofold.runtime.observing.bound import BOUND
from twofold.runtime.system import System

_LOG = structlog.get_logger("twofold.audit")
AUDIT = "twofold.audit"
STREAM = f"{AUDIT}:operators"
_BEGUN, _ENDED = f"{AUDIT}.Begun", f"{AUDIT}.Ended"
_TRIES = 20
_STATE = b"{}"


class _Begun(msgspec.Struct, frozen=True, omit_defaults=True):
    action: str
    subject: dict[str, str]
    reason: str = ""


class _Ended(msgspec.Struct, frozen=True, omit_defaults=True):
    of: str
    done: bool
    told: str = ""


class AuditEntry(msgspec.Struct, frozen=True, rename="camel"):
    """An action: ``actor`` did ``action`` to ``subject`` for ``reason``.

    ``outcome`` is "done", "failed", or "unknown" where the process ended before it could tell;
    ``told`` says what came of it.
    """

    id: str
    position: int
    time: datetime
    actor: str
    action: str
    subject: Mapping[str, str]
    reason: str
    outcome: str
    told: str


class AuditPage(msgspec.Struct, frozen=True, rename="camel"):
    """Entries, the newest first. ``next_cursor`` is where older ones begin."""

    items: tuple[AuditEntry, ...]
    next_cursor: str | None


class Acting:
    """An action under way; ``told`` is to say what came of it."""

    told: str = ""


class AuditTrail:
    """Writes down an action before it is taken, and its outcome afterwards.

    So nothing is done that is not on record, and what ended with its process is told as unknown.
    """

    def __init__(self, system: System) -> None:
        self._system = system

    @asynccontextmanager
    async def acting(
        self, actor: str, action: str, subject: Mapping[str, str], reason: str = ""
    ) -> AsyncIterator[Acting]:
        """The block is the action. Raises StoreUnavailable if it can't be put on record."""
        begun = await self._write(actor, _BEGUN, _Begun(action, dict(subject), reason))
        acting = Acting()
        try:
            yield acting
        except Exception as exc:
            # What other code says may be about anything, and is in the process's log.
            why = str(exc) if isinstance(exc, TwofoldError) else type(exc).__name__
            await self._end(actor, _Ended(begun, False, why))
            raise
        _LOG.info("an operator acted", actor=actor, action=action, told=acting.told, **subject)
        await self._end(actor, _Ended(begun, True, acting.told))

    async def page(self, before: int = 0, size: int = 50) -> AuditPage:
        """Entries that begin below the version ``before`` of the trail (0: at its end)."""
        last = await self._version()
        until = min(before - 1, last) if before else last
        after = max(0, until - size)
        # Outcomes mostly stand right behind their beginnings, others in between.
        events = await self._system.log.read_stream(STREAM, after, until - after + size)
        ends = _ends(events)
        begun = [one for one in events if one.type == _BEGUN and one.version <= until]
        items = tuple(_entry(one, ends.get(one.id)) for one in reversed(begun))
        return AuditPage(items, str(after + 1) if after else None)

    async def _end(self, actor: str, ended: _Ended) -> None:
        try:
            await self._write(actor, _ENDED, ended)
        except TwofoldError as exc:
            # It is done; whoever did it must not be told that it failed.
            _LOG.error("the outcome of an action is not on record", of=ended.of, why=str(exc))

    async def _version(self) -> int:
        loaded = (await self._system.log.load({STREAM: STORED}))[STREAM]
        return loaded.snapshot.version if loaded.snapshot else 0

    async def _write(self, actor: str, kind: str, content: _Begun | _Ended) -> str:
        now = self._system.clock.now()
        name = self._system.chance.new_id(now)
        correlation = BOUND.get().correlation_id or name
        data = msgspec.json.encode(content)
        for _ in range(_TRIES):
            version = await self._version() + 1
            event = NewEvent(
                name, STREAM, version, kind, 1, microseconds(now), correlation, "", actor, "", data
            )
            snapshot = Snapshot(version, 0, STORED, _STATE)
            append = Append(STREAM, version - 1, (event,), None, snapshot)
            if isinstance(await self._system.record(append), Appended):
                return name
        raise StoreUnavailable("the log", "others kept writing the audit trail; try again")


def _ends(events: Sequence[Recorded]) -> dict[str, _Ended]:
    found = [msgspec.json.decode(one.data, type=_Ended) for one in events if one.type == _ENDED]
    return {one.of: one for one in found}


def _entry(recorded: Recorded, ended: _Ended | None) -> AuditEntry:
    begun = msgspec.json.decode(recorded.data, type=_Begun)
    outcome = "unknown" if ended is None else "done" if ended.done else "failed"
    return AuditEntry(
        recorded.id,
        recorded.position,
        recorded.time,
        recorded.actor,
        begun.action,
        begun.subject,
        begun.reason,
        outcome,
        ended.told if ended else "",
    )
