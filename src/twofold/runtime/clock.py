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
        self._bits = self._random.getrandbits
        self._last_ms = 0
        self._counter = 0
        self._prefix = ""
        self._now: datetime | None = None

    def new_id(self, now: datetime) -> str:
        """A new id; a 12-bit counter keeps ids of one millisecond in order (§6.2, method 1)."""
        # Ids of one command are made for the same moment: what it comes to is worked out once.
        if now is not self._now:
            self._now = now
            self._begin(microseconds(now) // 1000)
        self._counter += 1
        if self._counter > 0xFFF:
            self._begin(self._last_ms + 1)
        tail = f"{self._bits(62) | 1 << 63:016x}"
        return f"{self._prefix}{self._counter:03x}-{tail[:4]}-{tail[4:]}"

    def _begin(self, millisecond: int) -> None:
        """Ids of a later millisecond begin at a random count; time never goes back."""
        if millisecond > self._last_ms:
            self._last_ms, self._counter = millisecond, self._bits(8)
            text = f"{millisecond:012x}"
            self._prefix = f"{text[:8]}-{text[8:]}-7"

    def fraction(self) -> float:
        """A number from 0 up to 1."""
        return self._random.random()


def system_chance() -> SeededChance:
    """Chance seeded by the operating system and the time."""
    return SeededChance(random.SystemRandom().getrandbits(64) ^ time.time_ns())
