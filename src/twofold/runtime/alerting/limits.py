"""From when on something is worth an alert."""

from __future__ import annotations

import msgspec


class AlertLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Times are in seconds.

    ``seconds``: how often everything is looked at, 0 for never. ``reminder_seconds``: after how
    long an alert that is still open is told again, 0 for never. ``relay_seconds``: for how long
    nothing is published although something waits. ``horizon_seconds``: for how long something may
    keep PostgreSQL from clearing away former rows.
    """

    seconds: float = 0.0
    reminder_seconds: float = 4 * 3600.0
    lag_seconds: float = 30.0
    relay_seconds: float = 60.0
    clock_seconds: float = 2.0
    free_bytes: int = 1024**3
    horizon_seconds: float = 1800.0
