"""The desk: everything that waits for an operator, and what is done about it."""

from __future__ import annotations

from collections.abc import Sequence

from twofold.errors import InvalidInput, Problem
from twofold.runtime.audit import AuditTrail
from twofold.runtime.nameable import check_nameable
from twofold.runtime.parking.kinds import ParkedKind
from twofold.runtime.parking.places import Places
from twofold.runtime.parking.releasing import Discarding
from twofold.runtime.parking.views import (
    ParkedPage,
    ReleaseView,
    SequenceView,
    Wanted,
    check_reason,
)
from twofold.runtime.system import System


class ParkedDesk:
    """Lists, shows, rehearses, releases and discards, whatever it is that waits."""

    def __init__(self, system: System) -> None:
        self._audit = AuditTrail(system)
        self._places = Places(system)

    def names(self) -> Sequence[str]:
        """The places in which something may wait."""
        return self._places.names()

    def by_cause(self, projection: str) -> bool:
        """Whether ``page`` can be narrowed to one cause there."""
        return self._places.by_cause(projection)

    async def page(
        self,
        projection: str = "",
        state: str = "",
        cursor: str = "",
        size: int = 20,
        cause: str = "",
    ) -> ParkedPage:
        """Sequences of one place or of all, of one cause where it is a projection's.

        All of one read model come before those of the next, and projections before the others.
        Raises NotFound, InvalidInput.
        """
        wanted = Wanted(projection, state, cause)
        return await self._places.page(wanted, _offset(cursor), size)

    async def show(self, projection: str, sequence: str, limit: int = 20) -> SequenceView:
        """One sequence. Raises NotFound."""
        return await self._kind(projection, sequence).show(projection, sequence, limit)

    async def rehearse(
        self, projection: str, sequence: str, discarding: Discarding | None = None
    ) -> ReleaseView:
        """What a release or discard would do, by the code as it is now; nothing is changed.

        Raises NotFound, and InvalidInput where nothing can be taken back, and for a discard without
        a reason.
        """
        if discarding is not None:
            check_reason(discarding.reason)
        return await self._kind(projection, sequence).rehearse(projection, sequence, discarding)

    async def release(
        self, projection: str, sequence: str, *, actor: str, seen: int | None = None
    ) -> ReleaseView:
        """Go on with what waits, in order, up to what fails again; it is kept that ``actor`` did.

        ``seen``: as shown to whoever decided it. Raises NotFound, ParkedChanged, and Outdated where
        a read model was made by other code.
        """
        kind = self._kind(projection, sequence)
        subject = {"projection": projection, "sequence": sequence}
        async with self._audit.acting(actor, "release parked", subject) as acting:
            released = await kind.release(projection, sequence, actor=actor, seen=seen)
            acting.told = _told(released)
        return released

    async def discard(
        self, projection: str, sequence: str, discarding: Discarding, *, seen: int | None = None
    ) -> ReleaseView:
        """Leave out what fails (or all), go on with the rest, and keep a mark of it.

        Raises as ``release``, and InvalidInput without a reason.
        """
        check_reason(discarding.reason)
        kind = self._kind(projection, sequence)
        subject = {"projection": projection, "sequence": sequence}
        audit = self._audit.acting(discarding.actor, "discard parked", subject, discarding.reason)
        async with audit as acting:
            released = await kind.discard(projection, sequence, discarding, seen=seen)
            acting.told = _told(released)
        return released

    def _kind(self, projection: str, sequence: str) -> ParkedKind:
        kind = self._places.kind(projection)
        check_nameable(f"parked sequence of {projection}", sequence)
        return kind


def _told(released: ReleaseView) -> str:
    told = f"{released.applied:,} applied, {released.discarded:,} left out"
    return f"{told}; waits again: {released.again.error}" if released.again else told


def _offset(cursor: str) -> int:
    if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 12):
        raise InvalidInput([Problem("cursor", "as the page before gave it")])
    return int(cursor or 0)
