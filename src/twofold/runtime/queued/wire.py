"""Accepted commands as messages on a channel, sealed."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

import msgspec

from twofold.errors import TwofoldError
from twofold.messages.recorded import moment
from twofold.ports.inbox import Accepted
from twofold.ports.transport import Message
from twofold.runtime.queued.seals import Seals

_SEAL = "seal"


class NoCommand(TwofoldError):
    """A message in the channel of commands that is none of this system's; ``why`` says so."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"the message is no command of this system: {why}")


def read_command(seals: Seals, attributes: Mapping[str, str], data: bytes) -> Accepted:
    """The command in a message. Raises NoCommand."""
    seal = attributes.get(_SEAL, "")
    if not hmac.compare_digest(seal.encode(), seals.of_message(data).encode()):
        source = attributes.get("source", "nobody known")
        raise NoCommand(f"not sealed by this system; it is of {source}")
    try:
        return msgspec.json.decode(data, type=Accepted)
    except msgspec.MsgspecError as exc:
        raise NoCommand(f"it can't be read: {exc}") from exc


def written_command(
    seals: Seals, epoch: str, partition: int, command: Accepted, data: bytes
) -> Message:
    """The message that carries a command; ``data`` is the command as JSON."""
    attributes = {
        "specversion": "1.0",
        "id": command.command_id,
        "source": f"urn:twofold:{epoch}",
        "type": command.operation,
        "subject": command.lane,
        "time": moment(command.accepted_us).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        _SEAL: seals.of_message(data),
    }
    if command.trace:
        attributes["traceparent"] = command.trace
    return Message(partition, command.lane, attributes, data)
