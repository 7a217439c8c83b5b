"""Why a command that was accepted came to nothing, as its record tells."""

from __future__ import annotations

import msgspec

from twofold.ports.log import CommandRecord

_LEFT_OUT = "left out by "


class CommandFailure(msgspec.Struct, frozen=True, omit_defaults=True):
    """Somebody (``actor``) left it out for ``reason``; ``why`` says both in words.

    ``lane`` is the aggregate it was for, ``error`` and ``cause`` what kept it, or the one before
    it, from being decided in ``attempts``.
    """

    why: str
    actor: str = ""
    reason: str = ""
    lane: str = ""
    error: str = ""
    cause: str = ""
    attempts: int = 0

    @classmethod
    def left_out(cls, actor: str, reason: str) -> CommandFailure:
        """Of a command that somebody leaves out."""
        return cls(f"{_LEFT_OUT}{actor}: {reason}", actor, reason)

    @classmethod
    def of(cls, record: CommandRecord) -> CommandFailure:
        """As it was written down; records of former versions say all of it in ``why``."""
        found = msgspec.json.decode(record.answer, type=cls)
        if found.actor or not found.why.startswith(_LEFT_OUT):
            return found
        actor, _, reason = found.why.removeprefix(_LEFT_OUT).partition(": ")
        return msgspec.structs.replace(found, actor=actor, reason=reason)

    def written(self) -> bytes:
        """To be written down."""
        return msgspec.json.encode(self)
