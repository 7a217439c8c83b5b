"""Whether a log is this application's, told by its events.

They are what a log consists of, and they stay. Its identity tells it from other logs, and not whose
it is; applications are renamed; the names of projections come and go, and others use them too.
"""

from __future__ import annotations

from collections.abc import Sequence

from twofold.errors import ForeignEvents
from twofold.messages.recorded import Recorded
from twofold.ports.log import Log
from twofold.wiring.wired import Wired

_SAMPLE = 100
_NAMED = 3
# Canaries and the audit trail are the same in every application.
_OF_EVERYBODY = "twofold."


async def check_belongs(wired: Wired, log: Log) -> None:
    """Raises ForeignEvents for a log with events of others and none of this application's.

    One small read where all is well. All of the log is read only where neither its first events nor
    its last are this application's, before it is refused.
    """
    ours = _types(wired)
    first = await log.read(0, _SAMPLE)
    if not ours or not first or _any_of(ours, first):
        return
    last = await log.read(max(0, await log.head() - _SAMPLE), _SAMPLE)
    if _any_of(ours, last):
        return
    theirs = {one.type for one in (*first, *last) if not one.type.startswith(_OF_EVERYBODY)}
    if theirs and not await log.read(0, 1, types=ours):
        raise ForeignEvents(wired.application.name, sorted(theirs)[:_NAMED])


def _types(wired: Wired) -> frozenset[str]:
    """By each name they ever had."""
    steps = (f"{reacting.category}.Step" for reacting in wired.reactings.values())
    return frozenset([*wired.events.by_name, *steps])


def _any_of(types: frozenset[str], events: Sequence[Recorded]) -> bool:
    return any(one.type in types for one in events)
