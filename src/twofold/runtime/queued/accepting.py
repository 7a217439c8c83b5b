"""Accepting commands to be decided later, and telling what became of them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Literal, TypeAlias

import msgspec

from twofold.domain.caller import Caller
from twofold.errors import KeyReused
from twofold.messages.recorded import microseconds, stream_name
from twofold.messages.value import Command
from twofold.ports.inbox import Accepted
from twofold.ports.log import CommandRecord, Log
from twofold.ports.parked_lanes import ParkedLane
from twofold.ports.time_and_chance import Chance, Clock
from twofold.runtime.admission import Admitted, admitted, check_declared_owner
from twofold.runtime.queued.queue import CommandQueue
from twofold.runtime.queued.seals import SealedId, Seals
from twofold.runtime.sending import Sent, keyed_id, payload_digest
from twofold.wiring.wired import Wired

Status: TypeAlias = Literal["accepted", "running", "succeeded", "refused", "failed"]
_FIRST_LOOK_SECONDS = 0.005
_LAST_LOOK_SECONDS = 0.1


class CommandState(msgspec.Struct, frozen=True):
    """What is known of a command. With a ``record`` it is decided, else accepted or running.

    ``reused``: its key had come with another payload before, so it was refused for that.
    ``parked``: it waits, for it or a command before it could not be decided.
    """

    command_id: str
    status: Status
    record: CommandRecord | None = None
    reused: bool = False
    parked: ParkedLane | None = None


class Acceptance:
    """Checks commands, hands them to a queue, and knows them from then on.

    ``running`` are the ids of commands that this process has in hand.
    """

    def __init__(
        self,
        wired: Wired,
        log: Log,
        queue: CommandQueue,
        clock: Clock,
        chance: Chance,
        running: Callable[[], Collection[str]],
    ) -> None:
        self._wired = wired
        self._log = log
        self._queue = queue
        self._clock = clock
        self._chance = chance
        self._running = running
        self._encode = msgspec.json.Encoder().encode
        self._seals = Seals(log.secret)
        self.accepted = 0

    async def accept(self, command: Command, sent: Sent) -> str:
        """Accept a command; answers the id to ask for it with. When it returns, nothing loses it.

        Whether its caller may send it is checked as far as that does not depend on what the
        aggregate has come to. Raises InvalidInput, SignInRequired, Forbidden, KeyReused,
        MessageTooLarge, StoreUnavailable.
        """
        admission = admitted(self._wired, command, sent.caller)
        if admission.limited:
            check_declared_owner(command, sent.caller, admission.handling)
        known_as = await self._queue.accept(self._accepted(command, sent, admission))
        self.accepted += 1
        return known_as

    def _accepted(self, command: Command, sent: Sent, admission: Admitted) -> Accepted:
        caller, operation = sent.caller, admission.handling.operation
        now, data = self._clock.now(), self._encode(command)
        if sent.key:
            command_id = keyed_id(caller.subject, operation, sent.key)
        else:
            command_id = self._chance.new_id(now)
        return Accepted(
            command_id=command_id,
            lane=_lane(command, admission) or command_id,
            operation=operation,
            data=msgspec.Raw(data),
            accepted_us=microseconds(now),
            digest=payload_digest(data) if sent.key else "",
            key=sent.key,
            subject=caller.subject,
            name=caller.name,
            roles=tuple(sorted(caller.roles)),
            correlation_id=sent.correlation_id,
            trace=sent.trace,
        )

    async def look(
        self, command_id: str, caller: Caller, *, everyones: bool
    ) -> CommandState | None:
        """What became of a command of the caller's, or of anybody's; None for no such command."""
        sealed = self._seals.read_id(command_id)
        plain_id = sealed.command_id if sealed is not None else command_id
        # Asked for first: a command leaves the inbox for the record, never the other way.
        waiting = (await self._log.inbox.find([plain_id])).get(plain_id)
        record = (await self._log.records([plain_id])).get(plain_id)
        if record is not None:
            return self._decided(command_id, record, sealed, caller, everyones)
        if sealed is not None:
            known = everyones or self._seals.is_from(sealed, caller.subject)
        else:
            known = waiting is not None and (everyones or waiting.subject == caller.subject)
        if not known:
            return None
        running = plain_id in self._running()
        parked = await self._log.parked_lanes.find(waiting.lane) if waiting is not None else None
        return CommandState(command_id, "running" if running else "accepted", parked=parked)

    def _decided(
        self,
        command_id: str,
        record: CommandRecord,
        sealed: SealedId | None,
        caller: Caller,
        everyones: bool,
    ) -> CommandState | None:
        if not everyones and record.subject != caller.subject:
            return None
        if sealed is not None and not self._seals.same_payload(sealed, record.digest):
            return CommandState(command_id, "refused", record, reused=True)
        return CommandState(command_id, _STATUSES[record.status], record)

    async def outcome(self, command_id: str, seconds: float) -> CommandRecord | None:
        """The record of an accepted command, as soon as there is one; None after ``seconds``.

        Raises KeyReused.
        """
        sealed = self._seals.read_id(command_id)
        plain_id = sealed.command_id if sealed is not None else command_id
        deadline, pause = self._clock.monotonic() + seconds, _FIRST_LOOK_SECONDS
        while True:
            record = (await self._log.records([plain_id])).get(plain_id)
            if record is not None:
                if sealed is not None and not self._seals.same_payload(sealed, record.digest):
                    raise KeyReused
                return record
            left = deadline - self._clock.monotonic()
            if left <= 0:
                return None
            await self._clock.sleep(min(pause, left))
            pause = min(pause * 1.5, _LAST_LOOK_SECONDS)


_STATUSES: dict[str, Status] = {
    "succeeded": "succeeded",
    "refused": "refused",
    "failed": "failed",
}


def _lane(command: Command, admission: Admitted) -> str:
    """What the command is for, as far as it says so; "" where it begins something."""
    handling = admission.handling
    if handling.via is not None:
        return stream_name(handling.via.way.start.name, getattr(command, handling.via.field))
    return stream_name(handling.aggregate.name, admission.identity) if admission.identity else ""
