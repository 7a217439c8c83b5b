"""A connection of pika, with awaitables and bounded waits in place of its callbacks."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

from twofold.adapters._url_options import place
from twofold.adapters.rabbitmq.driver import AsyncioConnection, exceptions, pika, reason
from twofold.errors import BrokerUnavailable

PORT = 5672
_SECURE_PORT = 5671
CONNECT_SECONDS = 10.0
_GOODBYE_SECONDS = 1.0
# pika looks every 4 + 5 seconds whether anything came, so silence is noticed after 9 to 18.
_HEARTBEAT_SECONDS = 4


class _Connection(AsyncioConnection):  # type: ignore[misc]
    """One that can give many frames to the socket at once.

    pika gives it each by itself: three system calls for a message, and as many packets.
    """

    _gathered: list[bytes] | None = None

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is sent in the block, which must not wait for anything."""
        gathered = self._gathered = []
        try:
            yield
        finally:
            self._gathered = None
            if gathered:
                self._adapter_emit_data(b"".join(gathered))

    def _adapter_emit_data(self, data: bytes) -> None:
        if self._gathered is None:
            super()._adapter_emit_data(data)
        else:
            self._gathered.append(data)


class Link:
    """One connection, begun at once. Of no use any more once ``failure`` is not ""."""

    def __init__(self, name: str, parameters: Any) -> None:
        self.name = name
        self.failure = ""
        self.blocked = ""
        self._settled = asyncio.Event()
        self._gone = asyncio.Event()
        self.connection = _Connection(
            parameters,
            on_open_callback=lambda _: self._settled.set(),
            on_open_error_callback=self.lost,
            on_close_callback=self.lost,
            custom_ioloop=asyncio.get_running_loop(),
        )
        self.connection.add_on_connection_blocked_callback(self._block)
        self.connection.add_on_connection_unblocked_callback(self._unblock)

    async def ready(self) -> None:
        """Wait until the broker has let us in. Raises BrokerUnavailable."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._settled.wait()
        except TimeoutError:
            self.fail("it does not answer in time")
        except asyncio.CancelledError:
            self.fail("connecting was given up")
            raise
        self.check()

    def check(self) -> None:
        """Raise BrokerUnavailable if the connection is lost."""
        if self.failure:
            raise BrokerUnavailable(self.name, self.failure)

    def fail(self, why: str) -> None:
        """Give the connection up; everybody who uses it will be told."""
        if not self.failure:
            self.failure = why
            self._abort()

    def lost(self, _: Any, error: BaseException) -> None:
        """Called by pika, or by a channel that heard of it first."""
        self.failure = self.failure or reason(error)
        self._settled.set()
        if self.connection.is_closed:
            self._gone.set()

    async def close(self) -> None:
        """Say good-bye and go; safe to call twice."""
        if self.failure:
            return
        self.failure = "it was closed"
        self.connection.close()
        try:
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await self._gone.wait()
        except TimeoutError:
            self._abort()
            await self._gone.wait()
        except asyncio.CancelledError:
            self._abort()
            raise

    def _abort(self) -> None:
        # What pika does itself when heartbeats stop; its close() would wait for the broker.
        if not self._gone.is_set():
            self.connection._terminate_stream(exceptions.AMQPError(self.failure))

    def _block(self, _: Any, told: Any) -> None:
        self.blocked = told.method.reason or "it is short of something"

    def _unblock(self, *_: Any) -> None:
        self.blocked = ""


async def connected(url: str) -> Link:
    """A connection to the broker at ``url``. Raises BrokerUnavailable."""
    parts = urlsplit(url)
    secure = ssl.create_default_context() if parts.scheme == "amqps" else None
    port, host = parts.port or (_SECURE_PORT if secure else PORT), parts.hostname or "localhost"
    user, password = unquote(parts.username or "guest"), unquote(parts.password or "guest")
    parameters = pika.ConnectionParameters(
        host,
        port,
        virtual_host=unquote(parts.path[1:]) or "/",
        credentials=pika.PlainCredentials(user, password),
        heartbeat=_HEARTBEAT_SECONDS,
        socket_timeout=CONNECT_SECONDS,
        stack_timeout=CONNECT_SECONDS,
        ssl_options=secure and pika.SSLOptions(secure, host),
    )
    link = Link(f"RabbitMQ at {place(url, port)}", parameters)
    await link.ready()
    return link
