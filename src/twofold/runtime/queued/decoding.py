"""Accepted commands as values again."""

from __future__ import annotations

import msgspec

from twofold.errors import UnknownCommand
from twofold.messages.value import Command
from twofold.ports.inbox import Accepted
from twofold.wiring.wired import Wired


class CommandDecoders:
    """One for each operation."""

    def __init__(self, wired: Wired) -> None:
        self._decoders: dict[str, msgspec.json.Decoder[Command]] = {
            handling.operation: msgspec.json.Decoder(command)
            for command, handling in wired.handlings.items()
        }

    def decode(self, accepted: Accepted) -> Command:
        """Raises UnknownCommand, and msgspec.MsgspecError where the type has changed."""
        decoder = self._decoders.get(accepted.operation)
        if decoder is None:
            raise UnknownCommand(accepted.operation)
        return decoder.decode(accepted.data)
