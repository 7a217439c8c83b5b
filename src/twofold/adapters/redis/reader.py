"""Reading partitions: one blocking XREAD over all of them, on a connection of its own."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from twofold.adapters.redis.entries import delivery_of
from twofold.adapters.redis.server import Command, RedisServer, answers
from twofold.ports.transport import END, Delivery

# A server that went silent is noticed within this and the time for an answer, however long a
# fetch may wait.
_BLOCK_SECONDS = 5.0
_BEFORE_ALL = "0"


class RedisReader:
    """Where one reader is, by partition."""

    def __init__(self, server: RedisServer, channel: str) -> None:
        self._server = server
        self._channel = channel
        self._connection: Any = server.own_connection()
        self._after: dict[int, str] = {}
        self._found: deque[Delivery] = deque()

    async def fetch(self, limit: int, timeout_seconds: float) -> Sequence[Delivery]:
        """What was found before, else what comes."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + timeout_seconds
        while not self._found:
            left = deadline - clock()
            await self._read(limit, min(max(left, 0.001), _BLOCK_SECONDS))
            if left <= 0:
                break
        return [self._found.popleft() for _ in range(min(limit, len(self._found)))]

    async def move(self, starts: Mapping[int, str]) -> None:
        """Keep, add and leave partitions."""
        new = {
            partition: after for partition, after in starts.items() if partition not in self._after
        }
        ends = await self._ends([partition for partition, after in new.items() if after == END])
        kept = {partition: self._after[partition] for partition in starts if partition not in new}
        begun = {partition: after or _BEFORE_ALL for partition, after in new.items()}
        self._after = {**kept, **begun, **ends}
        self._found = deque(one for one in self._found if one.partition in kept)

    async def close(self) -> None:
        """Give the connection up."""
        self._after = {}
        self._found.clear()
        await self._connection.disconnect(nowait=True)

    async def _read(self, limit: int, seconds: float) -> None:
        if not self._after:
            await asyncio.sleep(seconds)
            return
        with self._server.translated():
            (found,) = await answers(self._connection, [self._command(limit, seconds)])
        for key, entries in found or ():
            partition = int(key.rpartition(b":")[2])
            self._found.extend(delivery_of(partition, *entry) for entry in entries)
            self._after[partition] = entries[-1][0].decode()

    def _command(self, limit: int, seconds: float) -> Command:
        # COUNT is per stream; what is more than asked for in all waits here.
        count = -(-limit // len(self._after))
        keys = (f"{self._channel}:{partition}" for partition in self._after)
        block = max(1, int(seconds * 1_000))
        return (
            *("XREAD", "COUNT", count, "BLOCK", block, "STREAMS"),
            *keys,
            *self._after.values(),
        )

    async def _ends(self, partitions: Sequence[int]) -> dict[int, str]:
        commands = [
            ("XREVRANGE", f"{self._channel}:{partition}", "+", "-", "COUNT", 1)
            for partition in partitions
        ]
        found = await self._server.ask(*commands) if commands else []
        return {
            partition: newest[0][0].decode() if newest else _BEFORE_ALL
            for partition, newest in zip(partitions, found, strict=True)
        }
