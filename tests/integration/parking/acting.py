"""What operators do, and what is on record of it."""

from __future__ import annotations

from twofold import System
from twofold.errors import NotFound
from twofold.runtime.audit import AuditTrail
from twofold.runtime.parking.desk import ParkedDesk
from twofold.runtime.parking.releasing import Discarding
from twofold.runtime.parking.views import ReleaseView

OLGA = Discarding(actor="olga", reason="entered twice")
EVERYTHING = Discarding(actor="olga", reason="entered twice", everything=True)


async def act(
    system: System, projection: str, sequence: str, discarding: Discarding | None
) -> ReleaseView:
    """Discard, or release."""
    desk = ParkedDesk(system)
    if discarding is None:
        return await desk.release(projection, sequence, actor="olga")
    return await desk.discard(projection, sequence, discarding)


async def waits(system: System, projection: str, sequence: str) -> bool:
    """Whether it is on the desk."""
    try:
        await ParkedDesk(system).show(projection, sequence)
    except NotFound:
        return False
    return True


async def outcomes(system: System, sequence: str) -> list[str]:
    """Of what was done about a sequence, the newest first."""
    page = await AuditTrail(system).page(size=20)
    return [one.outcome for one in page.items if one.subject["sequence"] == sequence]
