"""Messages of other systems as CloudEvents 1.0, and the ids of the commands they lead to."""

from __future__ import annotations

from datetime import datetime

from twofold.domain.inbox import Foreign
from twofold.errors import TwofoldError
from twofold.ports.transport import Delivery
from twofold.runtime.sending import keyed_id

_REQUIRED = ("specversion", "id", "source", "type")


class NotUnderstood(TwofoldError):
    """A message that is no event which anything could follow from; ``why`` says what is wrong."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"the message is not understood: {why}")


def foreign(channel: str, delivery: Delivery) -> Foreign:
    """Where the event comes from. Raises NotUnderstood for what is no CloudEvent."""
    said = delivery.attributes
    missing = [name for name in _REQUIRED if not said.get(name)]
    if missing:
        raise NotUnderstood(f"no CloudEvent: it has no {', '.join(missing)}")
    if not said["specversion"].startswith("1."):
        raise NotUnderstood(f"its CloudEvents version is {said['specversion']}, not 1.0")
    return Foreign(
        source=said["source"],
        id=said["id"],
        type=said["type"],
        subject=said.get("subject", ""),
        time=_time(said.get("time", "")),
        channel=channel,
        partition=delivery.partition,
        offset=delivery.offset,
        attributes=said,
    )


def _time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text) if text else None
    except ValueError as exc:
        raise NotUnderstood(f"its time can't be read: {exc}") from exc
    if time is not None and time.tzinfo is None:
        raise NotUnderstood(f"its time {text} has no time zone")
    return time


def command_id(meta: Foreign, number: int) -> str:
    """The id of the event's ``number``-th command: the same one whenever the event comes."""
    # A zero begins no subject of a caller, whose keys are made the same way.
    return keyed_id("\x00inbox", meta.channel, "\x00".join((meta.source, meta.id, str(number))))
