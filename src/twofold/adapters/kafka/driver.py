"""The driver (confluent-kafka, which is librdkafka): its settings, and its errors as ours."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

try:
    from confluent_kafka import KafkaError, KafkaException
except ModuleNotFoundError as exc:
    if exc.name != "confluent_kafka":
        raise
    raise ModuleNotFoundError(
        "Kafka needs a driver: pip install 'twofold[kafka]'", name="confluent_kafka"
    ) from exc

from twofold.errors import BrokerUnavailable

BROKER = "Kafka"
Settings: TypeAlias = Mapping[str, Any]

# librdkafka tells each failed attempt to connect; what matters of that is in our errors.
_LOG = logging.getLogger("twofold.kafka")
_CRITICAL = 2

_CREDENTIALS = (KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED)
_RIGHTS = (
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
)
_VAGUE = (KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT, KafkaError._TRANSPORT)

_PASSING = (
    *_VAGUE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.INVALID_REPLICATION_FACTOR,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
)
_PAUSE_SECONDS = 0.1
T = TypeVar("T")


class Trouble:
    """The last thing that went wrong with a client's connections, as the driver told it.

    Called from the driver's threads.
    """

    def __init__(self) -> None:
        self.error: KafkaError | None = None

    def __call__(self, error: KafkaError) -> None:
        """Keep it, unless it says less than what is known: "1/1 brokers are down"."""
        if self.error is None or error.code() != KafkaError._ALL_BROKERS_DOWN:
            self.error = error

    def clear(self) -> None:
        """The broker has answered."""
        self.error = None

    @property
    def hopeless(self) -> bool:
        """Whether trying again would be told the same."""
        return self.error is not None and self.error.code() in _CREDENTIALS


def settings_with(settings: Settings, trouble: Trouble, **ours: Any) -> dict[str, Any]:
    """What a client is made with. ``ours`` are names with underscores for dots."""
    return {
        **settings,
        "error_cb": trouble,
        "logger": _LOG,
        "log_level": _CRITICAL,
        # What no answer comes to counts as lost, and so does a connection on which this happens.
        "socket.timeout.ms": 10_000,
        "socket.keepalive.enable": True,
        "reconnect.backoff.max.ms": 1_000,
        "receive.message.max.bytes": 1_000_000_000,
        **{name.replace("_", "."): value for name, value in ours.items()},
    }


def unavailable(error: KafkaError | None, trouble: Trouble | None = None) -> BrokerUnavailable:
    """``error`` as ours; if it says nothing, what the connections suffered from."""
    if trouble and trouble.error and (error is None or error.code() in _VAGUE):
        error = trouble.error
    return BrokerUnavailable(BROKER, _why(error))


def answered(question: Callable[[], T], trouble: Trouble, seconds: float) -> T:
    """The driver's answer, asked for again while a broker is about to start or to take over.

    Blocks. Raises BrokerUnavailable.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return question()
        except KafkaException as exc:
            error = exc.args[0]
            if trouble.hopeless or not _passes(error) or time.monotonic() > deadline:
                raise unavailable(error, trouble) from exc
            time.sleep(_PAUSE_SECONDS)


@contextmanager
def translated(trouble: Trouble | None = None) -> Iterator[None]:
    """The driver's errors as ours, in one place."""
    try:
        yield
    except KafkaException as exc:
        raise unavailable(exc.args[0], trouble) from exc


def _passes(error: KafkaError) -> bool:
    return bool(error.retriable()) or error.code() in _PASSING


def _why(error: KafkaError | None) -> str:
    if error is None:
        return "it does not answer in time"
    if error.code() in _CREDENTIALS:
        return f"it refuses the user's name or password ({error.str()})"
    if error.code() in _RIGHTS:
        return f"the user may not do this ({error.str()})"
    if error.code() in (KafkaError._TIMED_OUT, KafkaError.REQUEST_TIMED_OUT):
        return f"it does not answer in time ({error.str()})"
    return error.str()
