"""What of a read model has been proven, and when: values that a restart does not lose."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from twofold.ports.log import Log

DAY_US = 24 * 3600 * 1_000_000
# Stretches proven within this time are told as one, as old as the older of them.
_GRAIN_US = DAY_US // 96
_SHOWN = 20


class Stretch(msgspec.Struct, frozen=True, array_like=True):
    """Keys above the stretch before and up to ``end`` (None: all others), proven at ``at_us``."""

    end: str | None
    rows: int
    at_us: int


class Found(msgspec.Struct, frozen=True, array_like=True):
    """A difference without the values, which may be somebody's data."""

    key: str
    kind: str
    position: int
    fields: tuple[str, ...]


class Note(msgspec.Struct, frozen=True, rename="camel"):
    """The accounting of one version (``table``) of a projection.

    ``after``: the last key proven in the round at hand (None: it begins). ``rows``: how many there
    were when the round began. ``differing`` counts differences of the last full round or, if more
    have been found since, of the one at hand; ``found`` are the first of them.
    """

    table: str = ""
    after: str | None = None
    began_us: int = 0
    rows: int = 0
    stretches: tuple[Stretch, ...] = ()
    rounds: int = 0
    proven_us: int = 0
    differing: int = 0
    found: tuple[Found, ...] = ()
    this_round: int = 0
    unproven: int = 0
    running: bool = False

    @classmethod
    def of(cls, mark: str) -> Note:
        """As it was written down."""
        return msgspec.json.decode(mark, type=cls) if mark else cls()

    def written(self) -> str:
        """To be written down."""
        return msgspec.json.encode(self).decode()

    def share(self, now_us: int) -> float:
        """Of all rows, those that were proven within the last 24 hours: from 0 to 1."""
        known = sum(stretch.rows for stretch in self.stretches)
        fresh = sum(one.rows for one in self.stretches if now_us - one.at_us <= DAY_US)
        total = max(self.rows, known)
        if total:
            return fresh / total
        # That there is nothing was seen as well.
        return 1.0 if self.rounds and now_us - self.proven_us <= DAY_US else 0.0

    def began(self, rows: int, now_us: int) -> Note:
        """A round begins."""
        return replace(
            self, after=None, began_us=now_us, rows=rows, this_round=0, unproven=0, running=True
        )

    def proven(
        self, end: str | None, rows: int, unproven: int, found: Sequence[Found], now_us: int
    ) -> Note:
        """The next stretch of keys was compared: ``rows``, of which some could not be proven."""
        stretch = Stretch(end, rows - unproven - len(found), now_us)
        this_round = self.this_round + len(found)
        first = not self.this_round and bool(found)
        shown = (() if first else self.found) + tuple(found)
        noted = replace(
            self,
            after=end,
            stretches=_put(self.stretches, self.after, stretch),
            this_round=this_round,
            unproven=self.unproven + unproven,
            differing=max(self.differing, this_round),
            found=shown[:_SHOWN] if found else self.found,
        )
        return noted if end is not None else noted._ended(now_us)

    def _ended(self, now_us: int) -> Note:
        found = self.found if self.this_round else ()
        return replace(
            self,
            rounds=self.rounds + 1,
            running=False,
            proven_us=now_us,
            differing=self.this_round,
            found=found,
        )


def _put(stretches: tuple[Stretch, ...], after: str | None, new: Stretch) -> tuple[Stretch, ...]:
    """With ``new`` in place of what was known of its keys, which lie above ``after``."""
    before = [one for one in stretches if after is not None and _ends_by(one, after)]
    beyond = [one for one in stretches if not _ends_by(one, new.end)]
    if beyond:
        covered = sum(one.rows for one in stretches) - sum(one.rows for one in (*before, *beyond))
        # Part of the first one beyond has been proven anew.
        first = beyond[0]
        beyond[0] = replace(first, rows=max(0, first.rows - max(0, new.rows - covered)))
    if before and new.at_us - before[-1].at_us < _GRAIN_US:
        joined = Stretch(new.end, before[-1].rows + new.rows, before[-1].at_us)
        return (*before[:-1], joined, *beyond)
    return (*before, new, *beyond)


def _ends_by(stretch: Stretch, key: str | None) -> bool:
    return key is None or (stretch.end is not None and stretch.end <= key)


def group_of(projection: str) -> str:
    """The lease of whoever proves a projection; its mark is the note."""
    return f"verify {projection}"


async def note_of(log: Log, projection: str, table: str) -> Note:
    """What is known of a version, in any process. Raises StoreUnavailable."""
    note = Note.of((await log.leases.marks(group_of(projection))).get(0, ""))
    return note if note.table == table else Note(table)
