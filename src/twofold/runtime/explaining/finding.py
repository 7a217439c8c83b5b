"""Finding events by ids, without an index of them: ids of ours tell when they were made (ADR 0028).

Positions follow time, so the place where an id's moment lies is found by halving; from there on a
bounded stretch is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec

from twofold.messages.recorded import Recorded
from twofold.ports.log import Log

_UUID7 = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
# Clocks of processes differ, and what was asked for may have waited to be decided.
_EARLIER_MS, _LATER_MS = 2_000, 600_000
_MOST_READ = 10_000
_AT_ONCE = 1_000
_QUIET = 1_000


class Found(msgspec.Struct, frozen=True):
    """What was found, and which positions were looked through: ``after`` < … ≤ ``until``."""

    events: Sequence[Recorded]
    after: int
    until: int


def made_at_ms(identity: str) -> int | None:
    """When an id was made, in milliseconds since 1970; None if it does not say."""
    if not _UUID7.match(identity):
        return None
    return int(identity[:8] + identity[9:13], 16)


class Finding:
    """Finds events of one log."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def event(self, identity: str) -> Recorded | None:
        """The event with an id."""
        found = await self._look(identity, lambda one: one.id == identity, first=True)
        return found.events[0] if found.events else None

    async def belonging(self, identity: str) -> Found:
        """Events that a command led to, or that have the id as their correlation or as their own.

        Of an id that does not say when it was made the newest 10,000 events are looked through.
        """
        return await self._look(
            identity,
            lambda one: identity in (one.correlation_id, one.causation_id, one.id),
        )

    async def of_command(self, command_id: str, near: int) -> Sequence[Recorded]:
        """The events that a command led to; its last is at ``near``, or one of them around it."""
        size = 100
        while True:
            after = max(0, near - size)
            events = await self._log.read(after, 2 * size)
            found = [one for one in events if one.causation_id == command_id]
            if not after or not found or found[0].position > after + 1 or size >= _MOST_READ:
                return found
            size *= 10

    async def _look(
        self, identity: str, fits: Callable[[Recorded], bool], *, first: bool = False
    ) -> Found:
        made = made_at_ms(identity)
        if made is None:
            after = max(0, await self._log.head() - _MOST_READ)
            return await self._read(after, None, fits, first=first)
        earliest, place = await self._place(made - _EARLIER_MS), await self._place(made)
        near = max(earliest, place - _QUIET)
        found = await self._read(near, made + _LATER_MS, fits, first=first)
        if found.events or near == earliest:
            return found
        # Clocks differ, and at a high rate much lies between what they call the same moment.
        return await self._read(earliest, made + _LATER_MS, fits, first=first)

    async def _read(
        self, after: int, latest: int | None, fits: Callable[[Recorded], bool], *, first: bool
    ) -> Found:
        found: list[Recorded] = []
        position = after
        while position - after < _MOST_READ:
            events = await self._log.read(position, _AT_ONCE)
            found += filter(fits, events)
            position = events[-1].position if events else position
            over = latest is not None and bool(events) and _made_ms(events[-1]) > latest
            # What belongs together lies close together; the rest is found by what led to what.
            enough = bool(found) and (first or position - found[-1].position >= _QUIET)
            if len(events) < _AT_ONCE or over or enough:
                break
        return Found(found, after, position)

    async def _place(self, made_ms: int) -> int:
        """The position up to which events are older than that."""
        low, high = 0, await self._log.head()
        while low < high:
            middle = (low + high) // 2
            events = await self._log.read(middle, 1)
            if events and _made_ms(events[0]) < made_ms:
                low = middle + 1
            else:
                high = middle
        return low


def _made_ms(event: Recorded) -> int:
    # The time of an event may be that of a fact taken over from elsewhere, long ago.
    made = made_at_ms(event.id)
    return event.time_us // 1000 if made is None else made
