"""Lanes of accepted commands that stand still because one of them could not be decided.

They are kept beside the inbox (``twofold.ports.inbox``), whose ``waiting`` leaves out commands of
lanes that are "parked". A lane ends to stand still when the command that failed leaves the inbox.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

import msgspec

from twofold.ports.inbox import Accepted

LaneState = Literal["parked", "retrying"]


class ParkedLane(msgspec.Struct, frozen=True, kw_only=True):
    """A lane as of its last failure: ``command_id`` could not be decided.

    "retrying": somebody (``actor``) has released it, and workers try it again. ``cause`` is the
    same for failures of one kind at one place of the code; ``code`` is the fingerprint of the code
    that failed. Times are in microseconds since 1970 (UTC); ``last_us``, that of the last change,
    tells this state of it from later ones.
    """

    lane: str
    state: LaneState
    command_id: str
    operation: str
    error: str
    cause: str
    traceback: str
    attempts: int
    code: str
    since_us: int
    last_us: int
    actor: str = ""


class LaneCount(NamedTuple):
    """How many lanes of a state have one cause."""

    state: LaneState
    cause: str
    lanes: int


class ParkedLanes(Protocol):
    """The port. Every method raises StoreUnavailable when the database does not answer."""

    async def park(self, parked: ParkedLane, partition: int, command: Accepted) -> bool:
        """Keep ``parked``, in place of what is known of the lane, and its command in the inbox.

        A command that is in the inbox stays where it is. False, and nothing is changed, where the
        command has an outcome. Both or nothing survive a crash.
        """

    async def held(self, lanes: Collection[str]) -> frozenset[str]:
        """Those of ``lanes`` of which anything is in the inbox, parked or not."""

    async def find(self, lane: str) -> ParkedLane | None:
        """One that is parked or being tried again."""

    async def page(
        self, offset: int, limit: int, state: LaneState | None = None
    ) -> Sequence[ParkedLane]:
        """All of them or those of a state, the longest parked first."""

    async def counts(self) -> Sequence[LaneCount]:
        """How many there are."""

    async def commands(self, lanes: Sequence[str], limit: int) -> Mapping[str, Sequence[Accepted]]:
        """The first ``limit`` commands of each lane in the inbox, in their order.

        Lanes without any are left out.
        """

    async def waiting(self, lane: str) -> int:
        """How many commands of a lane are in the inbox."""

    async def change(self, parked: ParkedLane, seen: int) -> bool:
        """Replace what is known of a lane; False if its ``last_us`` is not ``seen`` any more."""
