"""A connection to RabbitMQ: its beginning, its channels, its signs of life, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from itertools import count
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from twofold.adapters._url_options import place
from twofold.adapters.rabbitmq.wire import (
    ALIVE,
    GREETING,
    HEARTBEAT,
    KINDS,
    METHOD,
    commands,
    frame,
)
from twofold.errors import BrokerUnavailable

CONNECT_SECONDS = 10.0
# The broker says something twice as often.
_HEARTBEAT_SECONDS = 8
_SILENT_BEATS = 3
_GOODBYE_SECONDS = 1.0
PORT = 5672
_SECURE_PORT = 5671
_CAPABILITIES = {
    "publisher_confirms": True,
    "basic.nack": True,
    "consumer_cancel_notify": True,
    "connection.blocked": True,
    "authentication_failure_close": True,
}
_REFUSED, _NOT_ALLOWED = 403, 530


class Member(Protocol):
    """What a channel is to its connection."""

    def taken(self, raw: bytes) -> None:
        """A frame for it."""

    def failed(self) -> None:
        """The connection is lost."""


class Link(asyncio.Protocol):
    """One connection. Made by ``connected``; of no use any more once ``failure`` is not ""."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.failure = ""
        self.blocked = ""
        self.body_bytes = 0
        self.version = ""
        self.channels: dict[int, Member] = {}
        self._opening: asyncio.Queue[Any] | None = asyncio.Queue()
        self._buffer = bytearray()
        self._transport: Any = None
        self._room = asyncio.Event()
        self._room.set()
        self._gone = asyncio.Event()
        self._silent_beats = 0
        self._beat: asyncio.TimerHandle | None = None

    def join(self, member: Member) -> int:
        """The number of a new channel."""
        number = next(one for one in count(1) if one not in self.channels)
        self.channels[number] = member
        return number

    def write(self, data: bytes) -> None:
        """Send, or keep to be sent. Raises BrokerUnavailable."""
        self.check()
        self._transport.write(data)

    async def room(self) -> None:
        """Wait while more than enough is kept to be sent. Raises BrokerUnavailable."""
        await self._room.wait()
        self.check()

    def check(self) -> None:
        """Raise BrokerUnavailable if the connection is lost."""
        if self.failure:
            raise BrokerUnavailable(self.name, self.failure)

    def fail(self, why: str) -> None:
        """Give the connection up and tell everybody who uses it."""
        self._end(why)
        if self._transport is not None:
            self._transport.abort()

    async def close(self) -> None:
        """Say good-bye and go; safe to call twice."""
        if self.failure:
            return
        self._say(commands.Connection.Close(200, "done", 0, 0))
        self._transport.close()
        self._end("it was closed")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await self._gone.wait()

    async def begin(self, user: str, password: str, host: str) -> None:
        """The opening of the protocol. Raises BrokerUnavailable."""
        self.write(GREETING)
        start = await self._answer(commands.Connection.Start)
        self.version = str(start.server_properties.get("version", ""))
        properties: dict[str, Any] = {"product": "Twofold", "capabilities": _CAPABILITIES}
        response = f"\0{user}\0{password}"
        self._say(commands.Connection.StartOk(client_properties=properties, response=response))
        tune = await self._answer(commands.Connection.Tune)
        self._say(
            commands.Connection.TuneOk(
                channel_max=tune.channel_max,
                frame_max=tune.frame_max,
                heartbeat=_HEARTBEAT_SECONDS,
            )
        )
        self._say(commands.Connection.Open(virtual_host=host))
        await self._answer(commands.Connection.OpenOk)
        self._opening = None
        self.body_bytes = (tune.frame_max or 1 << 17) - 8
        self._live()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        self._end(str(exc or "") or "it closed the connection")
        self._gone.set()

    def pause_writing(self) -> None:
        """Called by the loop."""
        self._room.clear()

    def resume_writing(self) -> None:
        """Called by the loop."""
        self._room.set()

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        self._silent_beats = 0
        buffer = self._buffer
        buffer += data
        at = 0
        while len(buffer) - at >= 8 and not self.failure:
            end = at + 8 + int.from_bytes(buffer[at + 3 : at + 7], "big")
            if buffer[at] not in KINDS:
                # A broker that wants another version says so with its own greeting.
                self.fail("it does not speak AMQP 0-9-1")
                return
            if len(buffer) < end:
                break
            self._take(bytes(buffer[at:end]))
            at = end
        del buffer[:at]

    def _end(self, why: str) -> None:
        if self.failure:
            return
        self.failure = why
        if self._beat is not None:
            self._beat.cancel()
        self._room.set()
        if self._opening is not None:
            self._opening.put_nowait(None)
        for member in list(self.channels.values()):
            member.failed()

    def _take(self, raw: bytes) -> None:
        number = int.from_bytes(raw[1:3], "big")
        if raw[0] == HEARTBEAT:
            return
        if number == 0 and raw[0] == METHOD:
            self._said(frame.unmarshal(raw)[2])
        elif member := self.channels.get(number):
            member.taken(raw)

    def _said(self, method: Any) -> None:
        if isinstance(method, commands.Connection.Close):
            self.fail(_reason(method.reply_code or 0, method.reply_text))
        elif isinstance(method, commands.Connection.Blocked):
            self.blocked = method.reason or "it is short of something"
        elif isinstance(method, commands.Connection.Unblocked):
            self.blocked = ""
        elif self._opening is not None:
            self._opening.put_nowait(method)

    def _say(self, method: Any) -> None:
        self.write(frame.marshal(method, 0))

    async def _answer(self, expected: type) -> Any:
        assert self._opening is not None
        method = await self._opening.get()
        self.check()
        if not isinstance(method, expected):
            raise BrokerUnavailable(self.name, f"it said {method.name} at the beginning")
        return method

    def _live(self) -> None:
        """Say that we are there, and notice that the other end is not."""
        # Beats are counted, not seconds: a process that was paused has not listened meanwhile.
        self._silent_beats += 1
        if self._silent_beats > _SILENT_BEATS:
            self.fail("nothing is heard of it any more")
            return
        self._transport.write(ALIVE)
        loop = asyncio.get_running_loop()
        self._beat = loop.call_later(_HEARTBEAT_SECONDS / 2, self._live)


async def connected(url: str) -> Link:
    """A connection to the broker at ``url``. Raises BrokerUnavailable."""
    parts = urlsplit(url)
    secure = ssl.create_default_context() if parts.scheme == "amqps" else None
    port = parts.port or (_SECURE_PORT if secure else PORT)
    link = Link(f"RabbitMQ at {place(url, port)}")
    user, password = unquote(parts.username or "guest"), unquote(parts.password or "guest")
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await loop.create_connection(
                lambda: link, parts.hostname or "localhost", port, ssl=secure
            )
            await link.begin(user, password, unquote(parts.path[1:]) or "/")
    except (OSError, TimeoutError) as exc:
        link.fail("unusable")
        raise BrokerUnavailable(link.name, str(exc) or "it does not answer in time") from exc
    except BaseException:
        link.fail("unusable")
        raise
    return link


def _reason(code: int, text: str) -> str:
    if code == _REFUSED:
        return f"wrong credentials: {text}"
    return text if code != _NOT_ALLOWED else f"it refuses: {text}"
