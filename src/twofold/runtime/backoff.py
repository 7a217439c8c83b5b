"""Growing pauses between attempts."""

from __future__ import annotations

from twofold.ports.time_and_chance import Chance
from twofold.runtime.settings import RuntimeSettings


def pause_seconds(failures: int, settings: RuntimeSettings, chance: Chance) -> float:
    """How long to wait after the ``failures``-th failure in a row: doubling, limited, jittered."""
    grown = settings.retry_seconds * 2.0 ** min(failures, 16)
    return min(grown, settings.retry_limit_seconds) * (0.5 + chance.fraction() / 2)
