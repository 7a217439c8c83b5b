"""What waits somewhere, as operators meet it: one protocol for all places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from twofold.runtime.parking.releasing import Discarding
from twofold.runtime.parking.views import Part, ReleaseView, SequenceView


class ParkedKind(Protocol):
    """Lists, shows, rehearses, releases and discards. ``name`` is one of ``names``.

    Raises NotFound for a sequence that does not wait, ParkedChanged if it is not as it was
    ``seen``.
    """

    def names(self) -> Sequence[str]:
        """What operators call the places in which something may wait."""

    async def part(self, name: str, state: str, cause: str, offset: int, size: int) -> Part:
        """Sequences of one place or (``name`` empty) of all, the oldest of each first.

        ``cause`` is "" where what waits is not found by its cause.
        """

    async def show(self, name: str, sequence: str, limit: int) -> SequenceView:
        """One sequence, with so many of those that wait in it."""

    async def rehearse(
        self, name: str, sequence: str, discarding: Discarding | None
    ) -> ReleaseView:
        """What a release or discard would do, by the code as it is now; nothing is changed."""

    async def release(
        self, name: str, sequence: str, *, actor: str, seen: int | None
    ) -> ReleaseView:
        """Go on with what waits, in order, up to what fails again."""

    async def discard(
        self, name: str, sequence: str, discarding: Discarding, *, seen: int | None
    ) -> ReleaseView:
        """Leave out what fails (or all), go on with the rest, and keep a mark of it."""
