"""Brokers of Kafka: that of the run, and one that may be hurt."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from uuid import uuid4

import msgspec
import pytest

from tests.conftest import missing
from twofold.adapters.kafka.transport import KafkaTransport
from twofold.errors import TwofoldError
from twofold.ops.services import temporary
from twofold.ops.services.kafka import FURTHER
from twofold.ops.services.processes import free_port
from twofold.ops.services.service import Running
from twofold.ports.transport import Channel
from twofold.testing.proxy import FaultProxy

PASSWORD = "correct horse"
_LISTENERS = """
listeners=PLAINTEXT://127.0.0.1:{{port}},CONTROLLER://127.0.0.1:{{controller}},\
PROXIED://127.0.0.1:{proxied},SECURED://127.0.0.1:{secured}
advertised.listeners=PLAINTEXT://127.0.0.1:{{port}},PROXIED://127.0.0.1:{proxy},\
SECURED://127.0.0.1:{secured}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT,\
SECURED:SASL_PLAINTEXT
listener.name.secured.sasl.enabled.mechanisms=PLAIN
listener.name.secured.plain.sasl.jaas.config=\
org.apache.kafka.common.security.plain.PlainLoginModule required user_anna="{password}";
"""


class Hurt(msgspec.Struct, frozen=True):
    """A broker with three doors: an open one, one behind a proxy, one that asks for a password."""

    running: Running
    proxied: int
    proxy: int
    secured: int

    @asynccontextmanager
    async def behind_proxy(self) -> AsyncIterator[tuple[str, FaultProxy]]:
        """An address from which nothing leads around the proxy."""
        async with FaultProxy("127.0.0.1", self.proxied, self.proxy) as proxy:
            yield f"kafka://127.0.0.1:{proxy.port}", proxy


@pytest.fixture(scope="module")
def hurt() -> Iterator[Hurt]:
    """A broker of its own, never one that was named in the environment."""
    ports = {name: free_port() for name in ("proxied", "proxy", "secured")}
    lines = _LISTENERS.format(**ports, password=PASSWORD)
    try:
        context = temporary("kafka", {FURTHER: lines})
        running = context.__enter__()
    except TwofoldError as exc:
        missing("Kafka", exc)
    try:
        yield Hurt(running, **ports)
    finally:
        context.__exit__(None, None, None)


@pytest.fixture
def channel() -> Channel:
    """A channel that nobody has used."""
    return Channel(f"test-{uuid4().hex[:12]}", 2)


@asynccontextmanager
async def opened(address: str, *channels: Channel) -> AsyncIterator[KafkaTransport]:
    """A transport, closed at the end."""
    transport = KafkaTransport(address)
    try:
        await transport.open(channels)
        yield transport
    finally:
        await transport.close()
