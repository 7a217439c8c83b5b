"""Parked commands where they come over each real broker."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.integration.brokers.faults import fresh_channel
from twofold.assembly.brokers import transport_of
from twofold.ports.transport import Transport


@pytest.fixture(params=["redis", "rabbitmq", "kafka"])
def connect(request: pytest.FixtureRequest) -> Callable[[], Transport]:
    """Makes transports at one broker, each with connections of its own."""
    address = request.getfixturevalue(f"{request.param}_server")
    return lambda: transport_of(address)


@pytest.fixture
def channel() -> dict[str, str]:
    """A channel that no other test uses."""
    return {"channel_prefix": f"{fresh_channel().name}."}
