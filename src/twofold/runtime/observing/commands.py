"""The command bus, observed."""

from __future__ import annotations

import msgspec

from twofold.messages.value import Command
from twofold.ports.agenda import Later, QueuedCommand
from twofold.ports.inbox import Accepted
from twofold.ports.log import Log
from twofold.ports.time_and_chance import Chance, Clock
from twofold.runtime.command_bus import CommandBus
from twofold.runtime.observing.bound import BOUND, Bound
from twofold.runtime.observing.observer import Observer
from twofold.runtime.sending import Done, Sent
from twofold.runtime.settings import RuntimeSettings
from twofold.runtime.streams import Streams
from twofold.runtime.writer import Writer
from twofold.wiring.wired import Wired

_NOBODY_KNOWN = Sent()


class ObservedCommandBus(CommandBus):
    """Events carry the trace of the command that led to them."""

    def __init__(
        self,
        observer: Observer,
        wired: Wired,
        log: Log,
        streams: Streams,
        writer: Writer,
        clock: Clock,
        chance: Chance,
        settings: RuntimeSettings,
    ) -> None:
        super().__init__(wired, log, streams, writer, clock, chance, settings)
        self._observer = observer

    async def handle(self, command: Command, sent: Sent | None = None) -> Done:
        """As told in ``CommandBus``."""
        sent = sent or _NOBODY_KNOWN
        if not sent.correlation_id and (request_id := BOUND.get().request_id):
            sent = msgspec.structs.replace(sent, correlation_id=request_id)
        with self._observer.command(self.operation(command), "internal", sent.trace) as watch:
            if watch.traceparent != sent.trace:
                sent = msgspec.structs.replace(sent, trace=watch.traceparent)
            done = await super().handle(command, sent)
            if done.replayed:
                watch.outcome = "replayed"
            return done

    async def handle_queued(self, command: Command, queued: QueuedCommand) -> Done:
        """As told in ``CommandBus``."""
        with self._observer.command(queued.operation, "consumer", queued.trace) as watch:
            trace = watch.traceparent
            bound = BOUND.set(Bound("", queued.correlation_id, queued.command_id, trace))
            try:
                if trace != queued.trace:
                    queued = msgspec.structs.replace(queued, trace=trace)
                done = await super().handle_queued(command, queued)
            finally:
                BOUND.reset(bound)
            if done.replayed:
                watch.outcome = "replayed"
            return done

    async def handle_accepted(
        self, command: Command, accepted: Accepted, later: Later | None
    ) -> bool:
        """As told in ``CommandBus``."""
        with self._observer.command(accepted.operation, "consumer", accepted.trace) as watch:
            trace = watch.traceparent
            bound = BOUND.set(Bound("", accepted.correlation_id, accepted.command_id, trace))
            try:
                if trace != accepted.trace:
                    accepted = msgspec.structs.replace(accepted, trace=trace)
                now = await super().handle_accepted(command, accepted, later)
            finally:
                BOUND.reset(bound)
            watch.outcome = "decided" if now else "decided-before"
            return now
