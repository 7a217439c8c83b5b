"""Leases: who does which part of a work that several processes share.

A *group* is a work with numbered parts. Its members meet in the write database: each says again
and again that it is there, and holds its fair share of the parts. A member that is silent for
longer than the lease loses its parts to the others.

A lease keeps two workers from doing the same work in vain; it never makes anything correct. A
paused process may believe in a lease that it has lost, so every effect is fenced where it happens:
by a checkpoint, a command's record, or the ``mark`` of the lease itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec


class Lease(msgspec.Struct, frozen=True, gc=False):
    """A part that is held. ``token`` rises each time the part changes hands.

    ``mark`` is what its holders noted last, "" at first.
    """

    part: int
    token: int
    mark: str = ""


class Sign(msgspec.Struct, frozen=True, gc=False):
    """A member's last sign of life: how long ago it was, and whether it still counts."""

    member: str
    age_seconds: float
    alive: bool


class Leases(Protocol):
    """The port. Every method raises StoreUnavailable when the database does not answer.

    Time is the database's own, so that the clocks of processes need not agree.
    """

    async def share(
        self, group: str, member: str, parts: int, seconds: float
    ) -> Mapping[int, Lease]:
        """Say that ``member`` is there for ``seconds``, and answer the parts that it holds.

        Parts of members that fell silent are free. A member with more than its fair share gives
        the highest ones back, one with less takes free ones; shares differ by one at most. So
        parts move one by one and all others go on undisturbed.
        """

    async def mark(self, group: str, marks: Mapping[int, tuple[int, str]]) -> None:
        """Note (token, mark) for parts. Raises LeaseLost, noting none, if a token is not the
        latest of its part."""

    async def marks(self, group: str) -> Mapping[int, str]:
        """The marks of all parts that were ever held."""

    async def members(self, group: str) -> Mapping[str, int]:
        """How many parts each living member holds."""

    async def sign(self, groups: Sequence[str], member: str, seconds: float) -> None:
        """Say that ``member`` is there for ``seconds`` in groups of which it wants no parts.

        Others of these groups that fell silent are forgotten.
        """

    async def signs(self, groups: Sequence[str]) -> Mapping[str, Sequence[Sign]]:
        """The members that have not left, those that fell silent too, the latest sign first."""

    async def leave(self, group: str, member: str) -> None:
        """Give everything back at once; no error if ``member`` is not there."""
