"""The dispatcher: commands that processes have sent are handed to the command bus, in order."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import structlog

from twofold.errors import StoreUnavailable, UnknownCommand
from twofold.messages.recorded import microseconds
from twofold.messages.trace_context import trace_id
from twofold.messages.value import Command
from twofold.ports.agenda import Agenda, Postponed, QueuedCommand
from twofold.ports.time_and_chance import Chance, Clock
from twofold.runtime.backoff import pause_seconds
from twofold.runtime.command_bus import CommandBus
from twofold.runtime.lanes import Lanes
from twofold.runtime.processes.alarm import Alarm
from twofold.runtime.processes.instances import WasRefused
from twofold.runtime.processes.stepping import Stepping
from twofold.runtime.refusals import REFUSALS
from twofold.runtime.settings import RuntimeSettings
from twofold.runtime.telling import told
from twofold.wiring.wired import Wired

_LOG = structlog.get_logger("twofold.dispatcher")


class Dispatcher:
    """Sends what instances of ``processes`` have sent; each instance's commands one by one.

    What this process has queued is sent at once; what others left behind is found by looking. A
    command sent twice is decided once (``CommandBus.handle_queued``). One that can't be decided
    holds up those behind it, and is tried again with growing pauses.
    """

    def __init__(
        self,
        wired: Wired,
        bus: CommandBus,
        stepping: Stepping,
        agenda: Agenda,
        clock: Clock,
        chance: Chance,
        settings: RuntimeSettings,
    ) -> None:
        self._processes = list(wired.reactings)
        self._decoders: dict[str, msgspec.json.Decoder[Command]] = {
            handling.operation: msgspec.json.Decoder(command)
            for command, handling in wired.handlings.items()
        }
        self._bus = bus
        self._stepping = stepping
        self._agenda = agenda
        self._clock = clock
        self._chance = chance
        self._settings = settings
        self._alarm = Alarm(clock)
        self._called: set[str] = set()
        self._lanes = Lanes(self._sent, self._alarm.ring)
        self._failures = 0
        self.why = ""

    def call(self, stream: str) -> None:
        """This process has queued commands of ``stream``."""
        self._called.add(stream)
        self._alarm.ring()

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            while True:
                try:
                    seconds = await self.step()
                    self._failures, self.why = 0, ""
                except StoreUnavailable as exc:
                    self.why = str(exc)
                    self._failures += 1
                    seconds = pause_seconds(self._failures, self._settings, self._chance)
                await self._alarm.wait(seconds)
        finally:
            await self._lanes.cancel()

    async def step(self) -> float:
        """Open lanes for whatever is to be sent; answers after how many seconds to look again."""
        room = self._settings.dispatch_lanes - len(self._lanes)
        if room <= 0:
            # A lane that ends rings.
            return self._settings.timer_poll_seconds
        waiting = [stream for stream in self._called if stream not in self._lanes]
        called = waiting[:room]
        self._called.difference_update(called)
        try:
            await self._open(called)
        except StoreUnavailable:
            self._called.update(called)
            raise
        return await self._look(room - len(called))

    async def _look(self, room: int) -> float:
        """Open lanes for what lies there; the time until more is due."""
        poll = self._settings.timer_poll_seconds
        if room <= 0:
            return poll
        due_us = await self._agenda.next_queue(self._processes)
        now_us = microseconds(self._clock.now())
        if due_us is None:
            return poll
        if due_us > now_us:
            return min(poll, (due_us - now_us) / 1e6)
        streams = await self._agenda.due_queues(self._processes, now_us, room + len(self._lanes))
        await self._open([stream for stream in streams if stream not in self._lanes][:room])
        return poll

    async def _open(self, streams: Sequence[str]) -> None:
        if not streams:
            return
        queued = await self._agenda.queued(streams)
        for stream, commands in queued.items():
            if stream not in self._lanes:
                self._lanes.add(stream, commands)

    async def _sent(self, queued: QueuedCommand) -> bool:
        """Whether the command is through: decided, or its refusal taken note of."""
        if queued.attempts and queued.due_us > microseconds(self._clock.now()):
            return False
        try:
            await self.send(queued)
        except Exception as exc:
            await self.postpone(queued, exc)
            return False
        return True

    def command(self, queued: QueuedCommand) -> Command:
        """What was queued. Raises UnknownCommand, and what decoding raises."""
        decoder = self._decoders.get(queued.operation)
        if decoder is None:
            raise UnknownCommand(queued.operation)
        return decoder.decode(queued.data)

    async def send(self, queued: QueuedCommand) -> None:
        """Have it decided, or its refusal taken note of. Raises what keeps it from that."""
        command = self.command(queued)
        try:
            done = await self._bus.handle_queued(command, queued)
        except REFUSALS as refusal:
            failed = await self._stepping.take(
                {queued.stream: [WasRefused(queued, command, refusal)]}
            )
            for error in failed.values():
                raise error from error.__cause__
            return
        if done.replayed:
            # Decided by a sending whose answer was lost; whoever decides it first dequeues it.
            await self._agenda.dequeue([queued.command_id])

    async def postpone(self, queued: QueuedCommand, error: Exception) -> None:
        """It failed: it is tried again after a pause."""
        why = f"{type(error).__name__}: {error}"
        if error.__cause__ is not None:
            why += f" ({error.__cause__!r})"
        _LOG.warning(
            "a command failed",
            command_id=queued.command_id,
            correlation_id=queued.correlation_id,
            trace_id=trace_id(queued.trace),
            why=told(error),
        )
        pause = pause_seconds(queued.attempts, self._settings, self._chance)
        due_us = microseconds(self._clock.now()) + int(pause * 1e6)
        try:
            await self._agenda.postpone([Postponed(queued.command_id, queued.stream, due_us, why)])
        except StoreUnavailable as exc:
            # It stays due as it is, and is found by looking.
            _LOG.warning("not postponed", command=queued.command_id, why=str(exc))
