"""Channels as topics: created when missing, refused when they could lose or mix messages.

Everything here blocks, so it is called in a thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import structlog
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from twofold.adapters.kafka.driver import (
    BROKER,
    Settings,
    Trouble,
    answered,
    settings_with,
    unavailable,
)
from twofold.errors import BrokerUnavailable, BrokerUnsuitable, MessageTooLarge
from twofold.ports.transport import Channel

_SECONDS = 10.0
_ANSWER_SECONDS = 3.0
# What attributes, key and framing may take beside the data.
_BESIDE_BYTES = 16 * 1024
DEFAULT_MAX_BYTES = 1_048_588

_LOG = structlog.get_logger("twofold.kafka")


class Topic(msgspec.Struct, frozen=True):
    """A channel as it is kept. ``max_bytes`` is what the broker takes in one record batch."""

    name: str
    partitions: int
    kind: str
    max_bytes: int = DEFAULT_MAX_BYTES

    @property
    def limit_bytes(self) -> int:
        """The largest data of a message."""
        return max(self.max_bytes - _BESIDE_BYTES, self.max_bytes // 2)

    def too_large(self, attributes: Mapping[str, str], data: bytes) -> MessageTooLarge:
        """The error for a message with these."""
        size = len(data)
        if size <= self.limit_bytes:
            size += sum(len(name) + len(value.encode()) for name, value in attributes.items())
        return MessageTooLarge(attributes.get("type", "a message"), size, self.limit_bytes)


class Topics:
    """What the administrator of a cluster would do."""

    def __init__(self, settings: Settings) -> None:
        self._trouble = Trouble()
        self._admin = AdminClient(settings_with(settings, self._trouble))
        self._warned = False

    def opened(self, channels: Sequence[Channel]) -> list[Topic]:
        """Create what is missing, check what is there.

        Raises BrokerUnavailable within some 15 seconds, BrokerUnsuitable.
        """
        return answered(lambda: self._opened(channels), self._trouble, _SECONDS)

    def forget(self, topic: str, partition: int, before: int) -> None:
        """Delete what is older than the offset ``before``. Raises BrokerUnavailable."""
        try:
            asked = self._admin.delete_records([TopicPartition(topic, partition, before)])
            _answers(asked)
        except KafkaException as exc:
            if exc.args[0].code() != KafkaError.OFFSET_OUT_OF_RANGE:
                raise unavailable(exc.args[0], self._trouble) from exc

    def _opened(self, channels: Sequence[Channel]) -> list[Topic]:
        cluster = self._cluster()
        missing = [channel for channel in channels if channel.name not in cluster.topics]
        if missing:
            self._create(missing, len(cluster.brokers))
            cluster = self._cluster()
        for channel in channels:
            _check_partitions(channel, cluster.topics.get(channel.name))
        configs = self._configs([channel.name for channel in channels])
        for channel in channels:
            check_configuration(channel, configs[channel.name], len(cluster.brokers))
        return [
            Topic(
                one.name,
                # Those beyond what is asked for as well, so that nothing in them goes unseen.
                len(cluster.topics[one.name].partitions),
                one.kind,
                int(configs[one.name]["max.message.bytes"]),
            )
            for one in channels
        ]

    def _cluster(self) -> Any:
        try:
            found = self._admin.list_topics(timeout=_ANSWER_SECONDS)
        finally:
            self._admin.poll(0)  # The driver tells here what its connections suffer from.
        self._trouble.clear()
        return found

    def _create(self, channels: Sequence[Channel], brokers: int) -> None:
        if brokers == 1 and not self._warned:
            self._warned = True
            _LOG.warning("one broker alone keeps what is published: its disk has no copy")
        topics = [
            NewTopic(
                channel.name,
                channel.partitions,
                min(3, brokers),
                config=configuration(channel, brokers),
            )
            for channel in channels
        ]
        try:
            _answers(self._admin.create_topics(topics))
        except KafkaException as exc:
            if exc.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise

    def _configs(self, names: Iterable[str]) -> dict[str, dict[str, str]]:
        asked = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        if not asked:
            return {}
        answers = _answers(self._admin.describe_configs(asked))
        return {
            resource.name: {name: entry.value for name, entry in found.items()}
            for resource, found in answers.items()
        }


def configuration(channel: Channel, brokers: int) -> dict[str, str]:
    """What a new topic is given; everything else is the broker's default."""
    settings = {
        "cleanup.policy": "delete",
        "min.insync.replicas": str(min(2, brokers)),
        "unclean.leader.election.enable": "false",
    }
    if channel.kind == "queue":
        settings |= {"retention.ms": "-1", "retention.bytes": "-1"}
    return settings


def check_configuration(channel: Channel, found: Mapping[str, str], brokers: int) -> None:
    """Refuse a topic that could lose messages, with all reasons. Raises BrokerUnsuitable."""
    wanted = {"cleanup.policy": "delete", "unclean.leader.election.enable": "false"}
    if channel.kind == "queue":
        wanted |= {"retention.ms": "-1", "retention.bytes": "-1"}
    wrong = [
        f"{name}={found[name]} and must be {value}"
        for name, value in wanted.items()
        if found.get(name, value) != value
    ]
    if brokers > 1 and int(found.get("min.insync.replicas", "1")) < 2:
        wrong.append("min.insync.replicas=1 and must be 2 or more, with 3 replicas")
    if wrong:
        raise BrokerUnsuitable(
            BROKER,
            f"topic {channel.name} has {'; '.join(wrong)} (kafka-configs.sh --alter "
            f"--entity-type topics --entity-name {channel.name} --add-config …)",
        )


def _check_partitions(channel: Channel, found: Any) -> None:
    if found is None or found.error is not None:
        raise KafkaException(found.error if found else KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
    if len(found.partitions) < channel.partitions:
        raise BrokerUnsuitable(
            BROKER,
            f"topic {channel.name} has {len(found.partitions)} partitions, "
            f"{channel.partitions} are asked for; adding some would send former keys elsewhere, "
            "so give the system another name or set its partitions to what is there",
        )
    for partition in found.partitions.values():
        if partition.error is not None:
            raise KafkaException(partition.error)


def _answers(asked: Mapping[Any, Any]) -> dict[Any, Any]:
    try:
        return {key: future.result(_SECONDS) for key, future in asked.items()}
    except TimeoutError as exc:
        raise BrokerUnavailable(BROKER, "it does not answer in time") from exc
