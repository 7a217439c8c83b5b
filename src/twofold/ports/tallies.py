"""Tallies: what all processes counted, by name and stretch of time, kept in the write database.

Each process adds what it counted since it added last. Sums survive all processes, and take as much
room as there are names and stretches, however many processes there were.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec


class Tally(msgspec.Struct, frozen=True, gc=False):
    """So many answers, of which some were late, in the ``span_seconds`` since ``since_us``.

    ``since_us`` is in microseconds since 1970 (UTC).
    """

    span_seconds: int
    since_us: int
    name: str
    answers: int
    late: int


class Tallies(Protocol):
    """The port. Every method raises StoreUnavailable when the database does not answer."""

    async def add(self, writer: str, number: int, tallies: Sequence[Tally]) -> None:
        """Add to what is kept of the same names and stretches; all of it or nothing.

        Each name and stretch comes once in ``tallies``. A writer's numbers rise. What comes with a
        number that is not above its last one has been added already and changes nothing, so whoever
        got no answer says the same again.
        """

    async def since(self, moments: Mapping[int, int]) -> Sequence[Tally]:
        """The sums of each ``span_seconds`` that begin at its moment (in microseconds) or later,
        in order of span, time and name."""

    async def forget(self, moments: Mapping[int, int]) -> None:
        """Drop the sums of each ``span_seconds`` that begin before its moment, and writers whose
        last addition was to nothing later than all of these moments."""
