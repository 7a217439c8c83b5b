"""What follows from one event of another system: its commands, decided once."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import structlog

from twofold.domain.inbox import Foreign
from twofold.messages.trace_context import read_traceparent
from twofold.messages.value import Command
from twofold.ports.agenda import QueuedCommand
from twofold.ports.transport import Delivery
from twofold.runtime.command_bus import CommandBus
from twofold.runtime.foreign.cloud_events import NotUnderstood, command_id, foreign
from twofold.runtime.refusals import REFUSALS
from twofold.wiring.inboxes import Receiving

_LOG = structlog.get_logger("twofold.inbox")


class ForeignEvents:
    """Decodes events of one channel and has their commands decided; again has no further effect."""

    def __init__(self, receiving: Receiving, bus: CommandBus) -> None:
        self._receiving = receiving
        self._bus = bus
        self._encode = msgspec.json.Encoder().encode

    async def carry_out(self, delivery: Delivery) -> str:
        """What came of a message: "passed over", "decided" or "refused".

        Raises NotUnderstood, StoreUnavailable, and what the handler or a decision raises.
        """
        meta = foreign(self._receiving.inbox.channel, delivery)
        if meta.type not in self._receiving.subscriptions:
            return "passed over"
        refused = False
        for number, command in enumerate(self._answer(meta, delivery.data)):
            refused |= await self._refused(meta, number, command)
        return "refused" if refused else "decided"

    def _answer(self, meta: Foreign, data: bytes) -> Sequence[Command]:
        """The commands that follow. Raises NotUnderstood, and what the handler raises."""
        subscription = self._receiving.subscriptions[meta.type]
        try:
            event = self._receiving.decoders[meta.type].decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
            name = subscription.event.__name__
            raise NotUnderstood(f"its data can't be read as {name}: {exc}") from exc
        function = subscription.function
        answer = function(event, meta) if subscription.wants_meta else function(event)
        commands = () if answer is None else answer if isinstance(answer, tuple) else (answer,)
        for command in commands:
            if not isinstance(command, Command):
                raise TypeError(f"{function.__name__} answered {command!r}, which is no command")
        return commands

    async def _refused(self, meta: Foreign, number: int, command: Command) -> bool:
        """Have a command decided; a refusal is its outcome, and recorded as such."""
        operation = self._bus.operation(command)
        queued = QueuedCommand(
            command_id(meta, number),
            f"inbox {meta.channel}",
            "",
            0,
            number,
            operation,
            self._encode(command),
            meta.attributes.get("correlationid", ""),
            read_traceparent(meta.attributes.get("traceparent", "")),
            0,
        )
        try:
            await self._bus.handle_queued(command, queued)
        except REFUSALS as refusal:
            _LOG.info(
                "a command was refused",
                channel=meta.channel,
                source=meta.source,
                id=meta.id,
                operation=operation,
                why=type(refusal).__name__,
            )
            return True
        return False
