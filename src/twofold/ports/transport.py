"""The transport: a broker's channels, each a set of partitions that keep the order of messages.

Rules that every adapter keeps, and ``twofold.testing.conformance`` proves:

* Within a partition, messages come in the order in which they were published, in all readers.
* ``publish`` returns when the broker has acknowledged every message, by its strongest promise. If
  it raises, any of them may have been published; publishing them again makes duplicates, never
  another order of the first copies.
* Readers are independent of each other: each sees every message of the partitions it reads. A
  reader that begins after an offset sees what came after it, and may see some before it again.
* A ``log`` channel may lose its oldest messages to the broker's retention; a ``queue`` channel
  keeps each until it is forgotten.
* An offset is the adapter's own text. It means something only to the channel and partition it
  came from.

Who reads what is not decided here but by leases (``twofold.ports.leases``), and how far a reader's
work has come is kept where its effect is, so no broker's acknowledgement is ever trusted for that.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import msgspec

BEGINNING = ""
"""The offset before the oldest message that there is."""

END = "$"
"""The offset of the newest message as the reader finds it."""


def partition_of(key: str, partitions: int) -> int:
    """The partition of messages with ``key``: CRC-32 of its UTF-8 text, modulo ``partitions``."""
    return zlib.crc32(key.encode()) % partitions


class Channel(msgspec.Struct, frozen=True):
    """A named sequence of messages in ``partitions`` partitions; see the rules for ``kind``."""

    name: str
    partitions: int
    kind: Literal["log", "queue"] = "log"


class Message(msgspec.Struct, frozen=True, gc=False):
    """A CloudEvent to be published.

    ``attributes`` are the context attributes by their bare names (adapters add their protocol
    binding's prefix); ``datacontenttype`` is always among them. ``data`` travels as it is.
    """

    partition: int
    key: str
    attributes: Mapping[str, str]
    data: bytes


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """A message as it was found in the channel, whoever published it.

    What was not published as a CloudEvent has the attributes that could be read, perhaps none.
    """

    partition: int
    offset: str
    key: str
    attributes: Mapping[str, str]
    data: bytes


class Reader(Protocol):
    """Reads some partitions of one channel. Used by one task at a time."""

    async def fetch(self, limit: int, timeout_seconds: float) -> Sequence[Delivery]:
        """At most ``limit`` messages, as soon as there are any; none after the timeout.

        Raises BrokerUnavailable; the next call goes on where this one would have.
        """

    async def move(self, starts: Mapping[int, str]) -> None:
        """Read these partitions from now on, each after its offset.

        Partitions that are read already go on where they are, whatever their offset here; those
        not named are left, and nothing of them comes any more.
        """

    async def close(self) -> None:
        """Release everything; safe to call twice."""


class Transport(Protocol):
    """The port. Every method raises BrokerUnavailable when the broker does not answer."""

    @property
    def limit_bytes(self) -> int:
        """The largest ``data`` that fits beside a message's attributes. Known after ``open``."""

    async def open(self, channels: Sequence[Channel]) -> None:
        """Connect and create missing channels. May be called again with more channels.

        Raises BrokerUnsuitable if a channel exists with fewer partitions or another kind of
        keeping than asked for, or if the broker's settings would lose acknowledged messages.
        """

    async def close(self) -> None:
        """Release everything; safe to call twice."""

    async def publish(self, channel: str, messages: Sequence[Message]) -> None:
        """Publish, keeping the order within partitions. Raises MessageTooLarge."""

    async def last(self, channel: str) -> Mapping[int, Delivery]:
        """The newest message of each partition that has any."""

    async def reader(self, channel: str, starts: Mapping[int, str]) -> Reader:
        """A reader of the partitions named, each after its offset."""

    async def forget(self, channel: str, partition: int, offset: str) -> None:
        """Nobody needs messages up to ``offset`` any more; adapters whose broker has a retention
        of its own may leave it at that."""
