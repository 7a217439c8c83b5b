"""A TCP proxy that does what networks do on a bad day.

    async with FaultProxy("127.0.0.1", 9092) as proxy:
        client = connect("127.0.0.1", proxy.port)
        proxy.stall()                        # half-open: connections stay, nothing comes through
        proxy.flow()                         # what was held back comes through now
        proxy.to_client.delay_seconds = 0.2  # answers take longer; order is kept
        proxy.to_server.bytes_per_second = 10_000
        proxy.cut()                          # every connection is reset
        await proxy.refuse()                 # nobody listens any more; connections stay
        await proxy.admit()                  # somebody listens again, at the same port

It runs on the loop of the test, so a client that blocks that loop waits for itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import TypeAlias

_CHUNK_BYTES = 64 * 1024
_CHUNKS_UNDERWAY = 64
_AT_ONCE = struct.pack("ii", 1, 0)

_Chunk: TypeAlias = tuple[float, bytes]


class Way:
    """One direction of all connections. May be changed at any time."""

    def __init__(self) -> None:
        self.delay_seconds = 0.0
        self.bytes_per_second = float("inf")
        self.forwarded_bytes = 0
        self._flowing = asyncio.Event()
        self._flowing.set()

    def stall(self) -> None:
        """Forward nothing until ``flow``; no connection is told."""
        self._flowing.clear()

    def flow(self) -> None:
        """Forward again, beginning with what was held back."""
        self._flowing.set()

    async def flowing(self) -> None:
        """Wait for the end of a stall."""
        await self._flowing.wait()

    async def carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        """Forward until ``source`` ends, then end ``target``'s input as well."""
        underway: asyncio.Queue[_Chunk] = asyncio.Queue(_CHUNKS_UNDERWAY)
        async with asyncio.TaskGroup() as both:
            both.create_task(self._take(source, underway))
            both.create_task(self._give(underway, target))

    async def _take(self, source: asyncio.StreamReader, underway: asyncio.Queue[_Chunk]) -> None:
        clock = asyncio.get_running_loop().time
        while chunk := await source.read(_CHUNK_BYTES):
            await underway.put((clock() + self.delay_seconds, chunk))
        await underway.put((clock() + self.delay_seconds, b""))

    async def _give(self, underway: asyncio.Queue[_Chunk], target: asyncio.StreamWriter) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            due, chunk = await underway.get()
            if (early := due - clock()) > 0:
                await asyncio.sleep(early)
            await self.flowing()
            if not chunk:
                target.write_eof()
                return
            target.write(chunk)
            await target.drain()
            self.forwarded_bytes += len(chunk)
            if self.bytes_per_second != float("inf"):
                await asyncio.sleep(len(chunk) / self.bytes_per_second)


class FaultProxy:
    """Listens at ``port`` of 127.0.0.1 (a free one for 0) and forwards to a server."""

    def __init__(self, server_host: str, server_port: int, port: int = 0) -> None:
        self.to_server = Way()
        self.to_client = Way()
        self.port = port
        self._server = (server_host, server_port)
        self._listener: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._sessions: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> FaultProxy:
        await self.admit()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.refuse()
        for session in self._sessions:
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._sessions)

    async def admit(self) -> None:
        """Take connections, at the port that was used before."""
        if self._listener is None:
            self._listener = await asyncio.start_server(self._begin, "127.0.0.1", self.port)
            self.port = self._listener.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Take no connections: clients are refused by the system. Connections stay."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def cut(self) -> None:
        """Reset every connection, at both ends. What was underway is lost."""
        for end in self._ends:
            _reset(end)

    def stall(self) -> None:
        """Forward nothing, either way, and tell nobody. New connections wait as well."""
        self.to_server.stall()
        self.to_client.stall()

    def flow(self) -> None:
        """Forward again, both ways."""
        self.to_server.flow()
        self.to_client.flow()

    def _begin(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        session = asyncio.create_task(self._session(reader, client))
        self._sessions.add(session)
        session.add_done_callback(self._sessions.discard)

    async def _session(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        ends = [client]
        self._ends.add(client)
        try:
            await self.to_server.flowing()
            answers, server = await asyncio.open_connection(*self._server)
            ends.append(server)
            self._ends.add(server)
            async with asyncio.TaskGroup() as both:
                both.create_task(self.to_server.carry(reader, server))
                both.create_task(self.to_client.carry(answers, client))
            for end in ends:
                end.close()
        except* OSError:
            pass  # Either end went away; the other one is told by the reset.
        finally:
            for end in ends:
                _reset(end)
                with contextlib.suppress(OSError):
                    await end.wait_closed()
            self._ends.difference_update(ends)


def _reset(end: asyncio.StreamWriter) -> None:
    if end.is_closing():
        return
    # A lingering time of zero is how a socket is told to reset its connection and not to end it.
    end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    end.transport.abort()
