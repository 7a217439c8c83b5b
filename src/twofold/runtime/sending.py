"""What comes with a command, and what a command comes to."""

from __future__ import annotations

import hashlib
from datetime import datetime

import msgspec

from twofold.domain.caller import NOBODY, Caller
from twofold.errors import CommandFailed, KeyReused
from twofold.messages.value import Event
from twofold.ports.log import CommandRecord
from twofold.runtime.refusals import read_refusal

SUCCEEDED = "succeeded"
REFUSED = "refused"
FAILED = "failed"


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What comes with a command. ``key``: sending the same key again has no second effect.

    ``at`` is when it happened, for facts taken over from elsewhere; otherwise now.
    """

    caller: Caller = NOBODY
    key: str = ""
    command_id: str = ""
    correlation_id: str = ""
    trace: str = ""
    at: datetime | None = None


class Done(msgspec.Struct, frozen=True):
    """A command that succeeded. ``answer`` is JSON; ``position`` is what a reader must have seen.

    ``events`` are those it led to (none when replayed), ``created`` tells whether the aggregate is
    new, ``replayed`` whether this is the answer of an earlier sending.
    """

    command_id: str
    identity: str
    answer: bytes
    position: int
    created: bool = False
    replayed: bool = False
    events: tuple[Event, ...] = ()


def keyed_id(subject: str, operation: str, key: str) -> str:
    """The command id that an idempotency key stands for: one per caller, operation and key."""
    scope = "\x00".join((subject, operation, key)).encode()
    text = hashlib.blake2b(scope, digest_size=16).hexdigest()
    # The layout of a UUIDv8 (RFC 9562 §5.8): custom bits, marked as such.
    return f"{text[:8]}-{text[8:12]}-8{text[13:16]}-a{text[17:20]}-{text[20:]}"


def payload_digest(payload: bytes) -> str:
    """What tells one payload from another under the same key."""
    return hashlib.blake2b(payload, digest_size=16).hexdigest()


def replayed(record: CommandRecord, digest: str, identity: str, key: str) -> Done:
    """The first answer again. Raises KeyReused, CommandFailed, or the refusal that was recorded.

    ``identity`` stands in for records that were written before they had one.
    """
    if digest and record.digest != digest:
        raise KeyReused(key)
    if record.status == REFUSED:
        raise read_refusal(record.answer)
    if record.status == FAILED:
        raise CommandFailed(record.command_id)
    return Done(
        record.command_id,
        record.identity or identity,
        record.answer,
        record.position,
        replayed=True,
    )
