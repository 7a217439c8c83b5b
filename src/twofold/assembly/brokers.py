"""From an address to a transport."""

from __future__ import annotations

from urllib.parse import urlsplit

from twofold.ports.transport import Transport


def transport_of(url: str) -> Transport:
    """The transport for a broker's address. Raises ModuleNotFoundError, saying what to install."""
    scheme = urlsplit(url).scheme
    if scheme.startswith("kafka"):
        from twofold.adapters.kafka.transport import KafkaTransport

        return KafkaTransport(url)
    if scheme.startswith("amqp"):
        from twofold.adapters.rabbitmq.transport import RabbitTransport

        return RabbitTransport(url)
    from twofold.adapters.redis.transport import RedisTransport

    return RedisTransport(url)
