"""Parking within one transaction: what waits already, what joins it, what is parked now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from twofold.errors import ProjectionFailed, TooMuchParked
from twofold.messages.recorded import Recorded, microseconds
from twofold.ports.read_store import Checkpoint, ReadTransaction, Row
from twofold.ports.time_and_chance import Chance, Clock
from twofold.runtime.backoff import pause_seconds
from twofold.runtime.parking.sequences import (
    ANY,
    Parked,
    cause_of,
    error_text,
    of_stream,
    parked_of,
    parked_row,
    parked_table,
    traceback_text,
    waiting_key,
    waiting_row,
    waiting_table,
)
from twofold.runtime.settings import RuntimeSettings

LeftOut = frozenset[tuple[str, int]]
"""Events that are not to be applied, each by the sequence it is left out of and its position."""

Suspects = Mapping[int, BaseException]
"""Events, by position, that can't be applied although no fold raises: what was raised instead."""

_FEW = 2_000


class Rules:
    """When parking is tried again, when it has gone too far, and what time it is."""

    def __init__(self, clock: Clock, chance: Chance, settings: RuntimeSettings) -> None:
        self.settings = settings
        self._clock = clock
        self._chance = chance

    def now_us(self) -> int:
        """The time."""
        return microseconds(self._clock.now())

    def next_us(self, attempts: int, now_us: int) -> int:
        """When to try again after ``attempts``, 0 for not at all."""
        if attempts >= self.settings.parked_attempts:
            return 0
        return now_us + int(1e6 * pause_seconds(attempts, self.settings, self._chance))


class Remembered:
    """Where the sequences beside one table begin, as of when they changed last.

    They change by mending alone, so what was committed holds as long as nobody has mended.
    """

    def __init__(self) -> None:
        self.mended = -1
        self.positions: Mapping[str, int] = {}


class Parking:
    """What waits beside one table, for one transaction that has moved or holds its checkpoint.

    ``at`` is that checkpoint as it is then (None: nothing waits), ``releasing`` the sequence that
    is being released. Without ``remembered`` the store is asked each time. ``left_out`` is what was
    discarded before, by sequence and position.
    """

    def __init__(
        self,
        projection: str,
        code: str,
        table: str,
        transaction: ReadTransaction,
        at: Checkpoint | None,
        rules: Rules,
        suspects: Suspects,
        remembered: Remembered | None,
        releasing: Parked | None = None,
        left_out: LeftOut = frozenset(),
    ) -> None:
        self.suspects = suspects
        self._left_out = left_out
        self._projection = projection
        self._code = code
        self._table = table
        self._transaction = transaction
        self._at = at
        self._parked = at.parked if at else 0
        self._remembered = remembered
        self._rules = rules
        self._releasing = releasing
        self._known: dict[str, int] = {}
        self._fresh: dict[str, Parked] = {}
        self._waiting: dict[str, Row] = {}
        self.holds_streams = False

    @property
    def active(self) -> bool:
        """Whether anything is parked at all."""
        return bool(self._parked or self._fresh)

    def leaves_out(self, sequence: str, position: int) -> bool:
        """Whether the event at ``position`` was discarded on purpose."""
        return bool(self._left_out) and (sequence, position) in self._left_out

    async def look(self, sequences: Iterable[str]) -> None:
        """Learn which of ``sequences`` are parked."""
        if not self._parked:
            if self._remembered is not None:
                self._remembered.mended = -1
            return
        if self._remembered is not None and self._parked <= _FEW:
            self._known = dict(await self._all(self._remembered))
        else:
            wanted = [one for one in sequences if one not in self._known]
            found = await self._transaction.documents(parked_table(self._table), wanted)
            self._known |= {sequence: parked_of(raw).position for sequence, raw in found.items()}
        if self._releasing is not None:
            self._known.pop(self._releasing.sequence, None)
        self.holds_streams |= any(one.startswith("stream:") for one in self._known)

    async def _all(self, remembered: Remembered) -> Mapping[str, int]:
        assert self._at is not None
        if remembered.mended != self._at.mended:
            found = await self._transaction.matching(
                parked_table(self._table), "state", ("retrying", "parked")
            )
            known = map(parked_of, found.values())
            remembered.positions = {one.sequence: one.position for one in known}
            remembered.mended = self._at.mended
        return remembered.positions

    def holds(self, sequence: str, position: int) -> bool:
        """Whether an event at ``position`` has to wait for what is before it in ``sequence``."""
        fresh = self._fresh.get(sequence)
        since = fresh.position if fresh else self._known.get(sequence)
        return since is not None and since <= position

    def wait(self, sequence: str, event: Recorded) -> None:
        """``event`` joins a sequence."""
        self._waiting.setdefault(
            waiting_key(sequence, event.position), waiting_row(sequence, event)
        )

    def wait_for_any(self, event: Recorded) -> None:
        """``event`` may concern any document that is parked.

        One that is applied to a single released document waits already, if it has to.
        """
        if self._releasing is None or self._releasing.document is None:
            self.wait(ANY, event)

    def park(self, sequence: str, event: Recorded, error: BaseException) -> None:
        """``event`` can't be applied: ``sequence`` waits from there on."""
        if self.holds(sequence, event.position):
            self.wait(sequence, event)
            return
        before = self._releasing
        if before is None or (before.sequence, before.position) != (sequence, event.position):
            before = _first(sequence, event, self._rules.now_us())
        self._fresh[sequence] = failed_again(before, error, self._code, self._rules)
        self.wait(sequence, event)

    def park_stream(self, event: Recorded, error: BaseException) -> None:
        """It is not known which documents ``event`` concerns."""
        self.holds_streams = True
        self.park(of_stream(event.stream), event, error)

    def mark(self) -> tuple[dict[str, Parked], dict[str, Row]]:
        """What has come so far, to go ``back`` to."""
        return dict(self._fresh), dict(self._waiting)

    def back(self, mark: tuple[dict[str, Parked], dict[str, Row]]) -> None:
        """Forget what came after ``mark``."""
        self._fresh, self._waiting = dict(mark[0]), dict(mark[1])

    def fresh(self, sequence: str) -> Parked | None:
        """What was parked in this transaction."""
        return self._fresh.get(sequence)

    def still_waits(self, sequence: str, position: int) -> bool:
        """Whether an event that was to be released waits again."""
        return waiting_key(sequence, position) in self._waiting

    async def write(self) -> int | None:
        """Keep what came; answers how many sequences are parked more, None if nothing is mended.

        Raises TooMuchParked.
        """
        if self._waiting:
            rows = list(self._waiting.values())
            await self._transaction.write(waiting_table(self._table), rows, [])
        if not self._fresh:
            return None
        released = self._releasing.sequence if self._releasing else ""
        # Of one that waits already an earlier event may fail, where partitions stand apart.
        counted = {released, *self._known}
        new = [one for one in self._fresh.values() if one.sequence not in counted]
        await self._limit(new)
        rows = [parked_row(one) for one in self._fresh.values()]
        await self._transaction.write(parked_table(self._table), rows, [])
        await self._transaction.mend(self._table, len(new))
        return len(new)

    async def _limit(self, new: list[Parked]) -> None:
        """Better to stop than to park the world: then it is not the events that are at fault."""
        settings = self._rules.settings
        if not new:
            return
        if self._parked + len(new) > settings.parked_limit:
            raise TooMuchParked(self._projection, settings.parked_limit, "", new[0].error)
        for cause, count in Counter(one.cause for one in new).items():
            known: Mapping[str, bytes] = {}
            if self._parked:
                known = await self._transaction.matching(
                    parked_table(self._table), "cause", [cause]
                )
            if len(known) + count > settings.parked_limit_per_cause:
                why = next(one.error for one in new if one.cause == cause)
                limit = settings.parked_limit_per_cause
                raise TooMuchParked(self._projection, limit, cause, why)


class NoParking(Parking):
    """Where nothing can wait: what fails is raised, as ProjectionFailed."""

    holds_streams = False

    def __init__(self, projection: str) -> None:
        self.suspects = {}
        self._left_out = frozenset()
        self._projection = projection

    @property
    def active(self) -> bool:
        """Never."""
        return False

    def park(self, sequence: str, event: Recorded, error: BaseException) -> None:
        """Raise it."""
        raise ProjectionFailed(
            self._projection, event.type, event.stream, event.position
        ) from error

    def mark(self) -> tuple[dict[str, Parked], dict[str, Row]]:
        """Nothing is kept."""
        return {}, {}

    def back(self, mark: tuple[dict[str, Parked], dict[str, Row]]) -> None:
        """Nothing is kept."""


def failed_again(parked: Parked, error: BaseException, code: str, rules: Rules) -> Parked:
    """``parked`` after one more attempt, by ``code``, that failed."""
    now, attempts = rules.now_us(), parked.attempts + 1
    following = rules.next_us(attempts, now)
    return replace(
        parked,
        state="retrying" if following else "parked",
        error=error_text(error),
        cause=cause_of(error),
        traceback=traceback_text(error),
        attempts=attempts,
        code=code,
        last_us=now,
        next_us=following,
    )


def _first(sequence: str, event: Recorded, now_us: int) -> Parked:
    """What waits from ``event`` on, before anything was tried."""
    return Parked(
        sequence=sequence,
        state="retrying",
        position=event.position,
        event=event.type,
        stream=event.stream,
        event_time_us=event.time_us,
        error="",
        cause="",
        traceback="",
        attempts=0,
        code="",
        since_us=now_us,
        last_us=now_us,
        next_us=0,
    )
