"""Time, waiting and chance as the runtime sees them: always injected, never taken."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time and lets it pass."""

    def now(self) -> datetime:
        """The current time (UTC)."""

    def monotonic(self) -> float:
        """Seconds since some moment, never going back."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class Chance(Protocol):
    """The source of ids and of jitter."""

    def new_id(self, now: datetime) -> str:
        """A new UUIDv7 (RFC 9562), in its text form; later ones sort higher in one process."""

    def fraction(self) -> float:
        """A number from 0 up to 1."""
