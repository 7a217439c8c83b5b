"""Events of the log as CloudEvents 1.0, and back.

An event's partition follows from its stream. Beside CloudEvents' own attributes and its extensions
for partitioning and tracing, a message says where it stands: ``position`` in the log with identity
``logepoch``, and ``previous``, the position before it in the same of ``partitions`` partitions.
So a reader knows from each message whether it has seen everything of a partition until then. A
*watermark* is a message without an event that says the same of an idle partition.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

import msgspec

from twofold.errors import TwofoldError
from twofold.messages.recorded import Recorded, microseconds, moment
from twofold.ports.transport import Delivery, Message, partition_of

WATERMARK = "twofold.watermark"
_JSON = "application/json"


class NotOurs(TwofoldError):
    """A message in the channel of events that is none of this log's events."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"the message is not an event of this system: {why}")


class Incoming(msgspec.Struct, frozen=True, gc=False):
    """Where a message stands, and its event unless it is a watermark."""

    position: int
    previous: int
    event: Recorded | None


class Wire:
    """Writes and reads the messages of one log in a fixed number of partitions."""

    def __init__(self, application: str, epoch: str, partitions: int) -> None:
        self.partitions = partitions
        self.epoch = epoch
        self._fixed = {
            "specversion": "1.0",
            "source": f"urn:twofold:{application}",
            "datacontenttype": _JSON,
            "logepoch": epoch,
            "partitions": str(partitions),
        }

    def partition(self, stream: str) -> int:
        """The partition of a stream's events."""
        return partition_of(stream, self.partitions)

    def message(self, event: Recorded, partition: int, previous: int) -> Message:
        """``event`` as it is published."""
        attributes = {
            **self._fixed,
            "id": event.id,
            "type": event.type,
            "subject": event.stream,
            "time": _time(event.time_us),
            "position": str(event.position),
            "previous": str(previous),
            "streamversion": str(event.version),
            "schemaversion": str(event.schema_version),
            "correlationid": event.correlation_id,
            "causationid": event.causation_id,
            "partitionkey": event.stream,
        }
        if event.actor:
            attributes["actor"] = event.actor
        if event.trace:
            attributes["traceparent"] = event.trace
        return Message(partition, event.stream, attributes, event.data)

    def watermark(self, partition: int, position: int, previous: int) -> Message:
        """Word that ``partition`` has nothing between ``previous`` and ``position``."""
        attributes = {
            **self._fixed,
            "id": f"{self.epoch}.{partition}.{position}",
            "type": WATERMARK,
            "position": str(position),
            "previous": str(previous),
        }
        return Message(partition, "", attributes, b"")

    def read(self, delivery: Delivery) -> Incoming:
        """What a message says. Raises NotOurs."""
        said = delivery.attributes
        try:
            if said["logepoch"] != self.epoch:
                raise NotOurs(f"it comes from the log {said['logepoch']}, ours is {self.epoch}")
            if said["partitions"] != self._fixed["partitions"]:
                raise NotOurs(f"it was published into {said['partitions']} partitions")
            position, previous = int(said["position"]), int(said["previous"])
            if said["type"] == WATERMARK:
                return Incoming(position, previous, None)
            return Incoming(position, previous, _event(position, said, delivery.data))
        except KeyError as exc:
            raise NotOurs(f"it has no attribute {exc.args[0]}") from exc
        except ValueError as exc:
            raise NotOurs(str(exc)) from exc

    def position(self, delivery: Delivery | None) -> int:
        """Where a message stands, 0 if it is not ours."""
        try:
            return self.read(delivery).position if delivery else 0
        except NotOurs:
            return 0


def _event(position: int, said: Mapping[str, str], data: bytes) -> Recorded:
    return Recorded(
        position,
        said["id"],
        said["subject"],
        int(said["streamversion"]),
        said["type"],
        int(said["schemaversion"]),
        microseconds(datetime.fromisoformat(said["time"])),
        said["correlationid"],
        said["causationid"],
        said.get("actor", ""),
        said.get("traceparent", ""),
        data,
    )


def _time(time_us: int) -> str:
    seconds, microseconds_beside = divmod(time_us, 1_000_000)
    fraction = f".{microseconds_beside:06}" if microseconds_beside else ""
    return f"{_whole(seconds)}{fraction}Z"


@lru_cache(maxsize=1_000)
def _whole(seconds: int) -> str:
    # Many events are of one second, and a moment's text takes a tenth of what publishing it does.
    return moment(seconds * 1_000_000).replace(tzinfo=None).isoformat()
