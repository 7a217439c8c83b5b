"""What waits among accepted commands: lanes in which one can't be decided."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from twofold.errors import NotFound, ParkedChanged
from twofold.messages.recorded import microseconds, moment
from twofold.ports.agenda import Later
from twofold.ports.inbox import Accepted
from twofold.ports.log import CommandRecord
from twofold.ports.parked_lanes import LaneState, ParkedLane
from twofold.runtime.decisions import Decided
from twofold.runtime.failures import CommandFailure
from twofold.runtime.nearest import nearest
from twofold.runtime.parking.releasing import Discarding
from twofold.runtime.parking.sequences import cause_of, error_text
from twofold.runtime.parking.views import (
    EffectView,
    ParkedView,
    Part,
    ReleaseView,
    SequenceView,
    WaitingView,
)
from twofold.runtime.queued.decoding import CommandDecoders
from twofold.runtime.refusals import read_refusal
from twofold.runtime.sending import FAILED, REFUSED
from twofold.runtime.streams import StreamState
from twofold.runtime.system import System

COMMANDS = "commands"
_PREFIX = "lane:"
_COMMAND = "command:"
_NEAR = 200
_FOLLOWED = 100
_FIRST_LOOK_SECONDS = 0.01
_LAST_LOOK_SECONDS = 0.1
_STATES: dict[str, LaneState] = {"parked": "parked", "retrying": "retrying"}


class ParkedCommands:
    """The sequence ``lane:LANE`` is the commands for one aggregate, from the one that failed on.

    A release lets workers, of this or any process, decide them in their order.
    """

    def __init__(self, system: System) -> None:
        self._system = system
        self._lanes = system.log.parked_lanes
        self._decoders = CommandDecoders(system.wired)

    def names(self) -> Sequence[str]:
        """All lanes are in one place."""
        return [COMMANDS]

    async def part(self, name: str, state: str, cause: str, offset: int, size: int) -> Part:
        """The longest parked first; of those that were discarded, the latest first."""
        if state and state not in _STATES:
            log = self._system.log
            records = await log.failed(offset, size) if size > 0 else ()
            return Part(tuple(map(_discarded, records)), await log.count_failed(), {})
        wanted = _STATES[state] if state else None
        counts = [one for one in await self._lanes.counts() if wanted in (None, one.state)]
        causes: dict[str, int] = {}
        for one in counts:
            causes[one.cause] = causes.get(one.cause, 0) + one.lanes
        found = await self._lanes.page(offset, size, wanted) if size > 0 and counts else ()
        return Part(tuple(map(self._view, found)), sum(causes.values()), causes)

    async def show(self, name: str, sequence: str, limit: int) -> SequenceView:
        """The lane and the first of its commands."""
        parked = await self._found(sequence)
        commands = tuple(
            WaitingView(0, one.operation, one.lane, moment(one.accepted_us), _plain(one.data))
            for one in await self._commands(parked, limit)
        )
        waiting = await self._lanes.waiting(parked.lane)
        return SequenceView(self._view(parked), parked.traceback, commands, waiting)

    async def rehearse(
        self, name: str, sequence: str, discarding: Discarding | None
    ) -> ReleaseView:
        """The first hundred, each on the state that the one before it would leave."""
        parked = await self._found(sequence)
        commands = await self._commands(parked, _FOLLOWED)
        left_out = 0
        if discarding is not None:
            every = discarding.everything
            left_out = await self._lanes.waiting(parked.lane) if every else 1
            commands = [] if every else _behind(parked, commands)
        states: dict[str, StreamState] = {}
        applied, effects, again = 0, list[EffectView](), None
        for one in commands:
            try:
                command = self._decoders.decode(one)
                decided = await self._system.commands.rehearse_accepted(command, one, states)
            except Exception as exc:
                again = self._view(_failing(parked, one, exc))
                break
            applied += 1
            effects += _decided(decided)
        return ReleaseView(sequence, applied, left_out, (), again, True, tuple(effects))

    async def release(
        self, name: str, sequence: str, *, actor: str, seen: int | None
    ) -> ReleaseView:
        """Have it tried again, and wait some seconds for what comes of it.

        ``again`` is in the state "retrying" if no worker has come to it by then.
        """
        parked = await self._found(sequence, seen)
        commands = await self._commands(parked, _FOLLOWED)
        released = await self._claimed(parked, "retrying", actor)
        return await self._came(released, commands)

    async def discard(
        self, name: str, sequence: str, discarding: Discarding, *, seen: int | None
    ) -> ReleaseView:
        """Their outcome is "failed", which says who left them out and why; the lane goes on."""
        parked = await self._found(sequence, seen)
        parked = await self._claimed(parked, "parked", discarding.actor)
        waiting = await self._lanes.waiting(parked.lane) if discarding.everything else _FOLLOWED
        commands = await self._commands(parked, waiting)
        behind, discarded = _behind(parked, commands), 0
        if discarding.everything:
            # Before the first one, with which the lane would begin to flow.
            discarded = await self._leave_out(parked, behind, discarding)
            behind = []
        first = [one for one in commands if one.command_id == parked.command_id]
        discarded += await self._leave_out(parked, first, discarding)
        if not discarded:
            raise ParkedChanged(COMMANDS, sequence)
        came = await self._came(parked, behind)
        return msgspec.structs.replace(came, discarded=discarded)

    async def _leave_out(
        self, parked: ParkedLane, commands: Sequence[Accepted], discarding: Discarding
    ) -> int:
        """How many had no outcome yet."""
        failure = msgspec.structs.replace(
            CommandFailure.left_out(discarding.actor, discarding.reason),
            lane=parked.lane,
            error=parked.error,
            cause=parked.cause,
            attempts=parked.attempts,
        )
        record = self._system.commands.record_failure
        told = 0
        for first in range(0, len(commands), _FOLLOWED):
            some = commands[first : first + _FOLLOWED]
            recorded = (record(one, failure, Later(settled=(one.command_id,))) for one in some)
            told += sum(await asyncio.gather(*recorded))
        return told

    async def _claimed(self, parked: ParkedLane, state: LaneState, actor: str) -> ParkedLane:
        """The lane in another state. Raises ParkedChanged where somebody was faster."""
        now = microseconds(self._system.clock.now())
        last_us = max(now, parked.last_us + 1)
        claimed = msgspec.structs.replace(parked, state=state, actor=actor, last_us=last_us)
        if not await self._lanes.change(claimed, parked.last_us):
            raise ParkedChanged(COMMANDS, f"{_PREFIX}{parked.lane}")
        return claimed

    async def _came(self, released: ParkedLane, commands: Sequence[Accepted]) -> ReleaseView:
        """What has become of ``commands``, once all are decided or one fails again."""
        clock = self._system.clock
        deadline = clock.monotonic() + self._system.settings.wait_seconds
        pause = _FIRST_LOOK_SECONDS
        while True:
            parked = await self._lanes.find(released.lane)
            records = await self._system.log.records([one.command_id for one in commands])
            failed = parked is not None and parked.last_us != released.last_us
            if failed or len(records) == len(commands) or clock.monotonic() >= deadline:
                return self._release_view(released.lane, commands, records, parked)
            await clock.sleep(pause)
            pause = min(pause * 1.5, _LAST_LOOK_SECONDS)

    def _release_view(
        self,
        lane: str,
        commands: Sequence[Accepted],
        records: Mapping[str, CommandRecord],
        parked: ParkedLane | None,
    ) -> ReleaseView:
        done = [(one, records[one.command_id]) for one in commands if one.command_id in records]
        applied = [pair for pair in done if pair[1].status != FAILED]
        effects = tuple(_effect(*pair) for pair in applied)
        again = self._view(parked) if parked is not None else None
        return ReleaseView(f"{_PREFIX}{lane}", len(applied), 0, (), again, True, effects)

    async def _found(self, sequence: str, seen: int | None = None) -> ParkedLane:
        lane = sequence.removeprefix(_PREFIX)
        parked = await self._lanes.find(lane) if lane != sequence else None
        if parked is None:
            known = [f"{_PREFIX}{one.lane}" for one in await self._lanes.page(0, _NEAR)]
            raise NotFound(f"parked sequence of {COMMANDS}", sequence, nearest(sequence, known))
        if seen not in (None, parked.last_us):
            raise ParkedChanged(COMMANDS, sequence)
        return parked

    async def _commands(self, parked: ParkedLane, limit: int) -> list[Accepted]:
        found = await self._lanes.commands([parked.lane], limit)
        return list(found.get(parked.lane, ()))

    def _view(self, parked: ParkedLane) -> ParkedView:
        return ParkedView(
            COMMANDS,
            0,
            f"{_PREFIX}{parked.lane}",
            parked.state,
            0,
            parked.operation,
            parked.lane,
            parked.error,
            parked.cause,
            parked.attempts,
            moment(parked.since_us),
            moment(parked.last_us),
            None,
            parked.code == self._system.queued.code.of(parked.operation),
            "",
            parked.actor,
            parked.last_us,
        )


def _discarded(record: CommandRecord) -> ParkedView:
    """Named by its command, as ``GET /commands/{commandId}`` takes it."""
    failure, at = CommandFailure.of(record), moment(record.time_us)
    return ParkedView(
        COMMANDS,
        0,
        f"{_COMMAND}{record.command_id}",
        "discarded",
        0,
        record.operation,
        failure.lane,
        failure.error,
        failure.cause,
        failure.attempts,
        at,
        at,
        None,
        True,
        failure.reason or failure.why,
        failure.actor,
        record.time_us,
    )


def _behind(parked: ParkedLane, commands: Sequence[Accepted]) -> list[Accepted]:
    return [one for one in commands if one.command_id != parked.command_id]


def _failing(parked: ParkedLane, accepted: Accepted, error: BaseException) -> ParkedLane:
    """``parked`` as it would be if ``accepted`` failed with ``error``."""
    return msgspec.structs.replace(
        parked,
        command_id=accepted.command_id,
        operation=accepted.operation,
        error=error_text(error),
        cause=cause_of(error),
    )


def _decided(decided: Decided) -> list[EffectView]:
    """What a decision would come to."""
    refusal = decided.refusal
    refused = [EffectView("refusal", type(refusal).__name__, str(refusal))] if refusal else []
    events = decided.append.all_events
    return refused + [EffectView("event", one.type, _plain(one.data)) for one in events]


def _effect(accepted: Accepted, record: CommandRecord) -> EffectView:
    """What a decision came to."""
    if record.status == REFUSED:
        refusal = read_refusal(record.answer)
        return EffectView("refusal", type(refusal).__name__, str(refusal))
    return EffectView("command", accepted.operation, _plain(accepted.data))


def _plain(data: msgspec.Raw | bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except msgspec.MsgspecError:
        return bytes(data).decode("utf-8", "replace")
