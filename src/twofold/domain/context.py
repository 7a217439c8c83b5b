"""What a decision is told beside state and command."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

from twofold.domain.caller import Caller
from twofold.ports.time_and_chance import Chance

if TYPE_CHECKING:
    from twofold.domain.aggregate import Aggregate

S = TypeVar("S")


class Context(msgspec.Struct, frozen=True):
    """The moment, the caller and the aggregate's id, handed to a decision that asks for them.

    Decisions take time, ids and chance from here alone, so that they can be repeated and tested.
    """

    now: datetime
    caller: Caller
    identity: str
    chance: Chance

    def new_id(self) -> str:
        """A fresh UUIDv7."""
        return self.chance.new_id(self.now)


class Sources(Protocol):
    """Where facts for a decision come from; used at the edge, before deciding (``given=``)."""

    async def states(self, aggregate: Aggregate[S], identities: Sequence[str]) -> Mapping[str, S]:
        """The states of other aggregates as the write side has them; unknown ids are left out."""

    async def next_number(self, series: str) -> int:
        """The next number of a series, never given twice. Gaps are possible."""


Given = Callable[..., Awaitable[object]]
