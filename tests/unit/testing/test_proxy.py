"""The TCP proxy does to connections what its methods say, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest

from twofold.testing.proxy import FaultProxy

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def proxy() -> AsyncIterator[FaultProxy]:
    """In front of a server that sends back what it gets."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(65536):
                writer.write(chunk)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with FaultProxy(*server.sockets[0].getsockname()) as found:
        yield found
    server.close()


@pytest.fixture
async def connection(proxy: FaultProxy) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    yield reader, writer
    await gone(writer)


async def gone(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def echoed(connection: Connection, data: bytes) -> bytes:
    reader, writer = connection
    writer.write(data)
    async with asyncio.timeout(10):
        return await reader.readexactly(len(data))


async def silence(reader: asyncio.StreamReader) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await reader.read(1)


async def test_what_is_sent_comes_through_unchanged_both_ways(
    proxy: FaultProxy, connection: Connection
) -> None:
    data = bytes(range(256)) * 4_000
    assert await echoed(connection, data) == data
    assert proxy.connections == 1
    assert proxy.to_server.forwarded_bytes == len(data)


async def test_the_end_of_one_side_is_told_to_the_other(
    proxy: FaultProxy, connection: Connection
) -> None:
    reader, writer = connection
    writer.write(b"last words")
    writer.write_eof()
    async with asyncio.timeout(10):
        assert await reader.read() == b"last words"


async def test_a_cut_resets_connections_and_admits_new_ones(
    proxy: FaultProxy, connection: Connection
) -> None:
    await echoed(connection, b"here")
    proxy.cut()
    async with asyncio.timeout(10):
        with pytest.raises(ConnectionResetError):
            await connection[0].read(1)
    again = await asyncio.open_connection("127.0.0.1", proxy.port)
    assert await echoed(again, b"again") == b"again"
    await gone(again[1])


async def test_refusing_is_for_new_connections_and_ends(
    proxy: FaultProxy, connection: Connection
) -> None:
    await echoed(connection, b"here")
    port = proxy.port
    await proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    assert await echoed(connection, b"still here") == b"still here"
    await proxy.admit()
    assert proxy.port == port
    again = await asyncio.open_connection("127.0.0.1", port)
    assert await echoed(again, b"again") == b"again"
    await gone(again[1])


async def test_a_stall_holds_everything_back_and_loses_nothing(
    proxy: FaultProxy, connection: Connection
) -> None:
    await echoed(connection, b"here")
    proxy.stall()
    newcomer = await asyncio.open_connection("127.0.0.1", proxy.port)
    for reader, writer in (connection, newcomer):
        writer.write(b"held back")
        await silence(reader)
    proxy.flow()
    async with asyncio.timeout(10):
        for reader, _ in (connection, newcomer):
            assert await reader.readexactly(9) == b"held back"
    await gone(newcomer[1])


async def test_one_way_can_stall_alone(proxy: FaultProxy, connection: Connection) -> None:
    proxy.to_client.stall()
    connection[1].write(b"asked")
    await silence(connection[0])
    assert proxy.to_server.forwarded_bytes == 5
    assert proxy.to_client.forwarded_bytes == 0


async def test_a_delay_is_kept_by_everything_and_does_not_add_up(
    proxy: FaultProxy, connection: Connection
) -> None:
    proxy.to_server.delay_seconds = proxy.to_client.delay_seconds = 0.1
    began = time.monotonic()
    data = b"x" * 1_000_000
    assert await echoed(connection, data) == data
    assert 0.2 <= time.monotonic() - began < 2.0


async def test_a_throttle_bounds_the_rate(proxy: FaultProxy, connection: Connection) -> None:
    proxy.to_client.bytes_per_second = 500_000
    began = time.monotonic()
    await echoed(connection, b"x" * 150_000)
    assert time.monotonic() - began >= 0.15


async def test_a_server_that_is_not_there_ends_the_connection() -> None:
    async with FaultProxy("127.0.0.1", 1) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        async with asyncio.timeout(10):
            with pytest.raises(ConnectionResetError):
                await reader.read(1)
        await gone(writer)
