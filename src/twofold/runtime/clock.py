"""The real clock and the real chance."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime

from twofold.messages.recorded import microseconds


class SystemClock:
    """The machine's clock, and the event loop's sleep."""

    def now(self) -> datetime:
        """The current time (UTC)."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """The event loop's own time, so that a virtual loop is obeyed."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Wait on the event loop."""
        await asyncio.sleep(seconds)


class SeededChance:
    """UUIDv7 (RFC 9562 §5.7) and jitter from one random source; seeded, it repeats itself."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)
        self._last_ms = 0
        self._counter = 0

    def new_id(self, now: datetime) -> str:
        """A new id; a 12-bit counter keeps ids of one millisecond in order (§6.2, method 1)."""
        millisecond = microseconds(now) // 1000
        if millisecond > self._last_ms:
            self._last_ms, self._counter = millisecond, self._random.getrandbits(8)
        else:
            self._counter += 1
            if self._counter > 0xFFF:
                self._last_ms, self._counter = self._last_ms + 1, 0
        tail = self._random.getrandbits(62) | (0b10 << 62)
        text = f"{self._last_ms:012x}7{self._counter:03x}{tail:016x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def fraction(self) -> float:
        """A number from 0 up to 1."""
        return self._random.random()


def system_chance() -> SeededChance:
    """Chance seeded by the operating system and the time."""
    return SeededChance(random.SystemRandom().getrandbits(64) ^ time.time_ns())
