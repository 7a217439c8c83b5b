"""An event as the log keeps it: its data, still encoded, and everything known about it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(moment: datetime) -> int:
    """``moment`` as whole microseconds since 1970 (UTC)."""
    passed = moment - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


def moment(time_us: int) -> datetime:
    """The UTC time of ``time_us`` microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=time_us)


def stream_name(category: str, identity: str) -> str:
    """The name of the stream in which an aggregate's events are kept: ``order:0193…``."""
    return f"{category}:{identity}"


class NewEvent(msgspec.Struct, frozen=True, gc=False):
    """An event to be appended; the log gives it its position."""

    id: str
    stream: str
    version: int
    type: str
    schema_version: int
    time_us: int
    correlation_id: str
    causation_id: str
    actor: str
    trace: str
    data: bytes


class Recorded(msgspec.Struct, frozen=True, gc=False):
    """An event read from the log. Folds that want to know more than the event receive this.

    ``position`` orders all events of a log in commit order; ``version`` orders one stream, from 1.
    ``causation_id`` is the id of the command or event that led to it, ``correlation_id`` that of
    the request everything began with, ``actor`` who sent the command, ``trace`` a W3C traceparent.
    """

    position: int
    id: str
    stream: str
    version: int
    type: str
    schema_version: int
    time_us: int
    correlation_id: str
    causation_id: str
    actor: str
    trace: str
    data: bytes

    @property
    def stream_id(self) -> str:
        """The aggregate's id: the stream's name without its category."""
        return self.stream.partition(":")[2]

    @property
    def category(self) -> str:
        """The kind of aggregate the event belongs to."""
        return self.stream.partition(":")[0]

    @property
    def time(self) -> datetime:
        """When it was decided (UTC)."""
        return moment(self.time_us)

    @classmethod
    def at(cls, position: int, event: NewEvent) -> Recorded:
        """``event`` as it stands at ``position``."""
        return cls(
            position,
            event.id,
            event.stream,
            event.version,
            event.type,
            event.schema_version,
            event.time_us,
            event.correlation_id,
            event.causation_id,
            event.actor,
            event.trace,
            event.data,
        )
