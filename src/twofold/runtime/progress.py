"""How far each projection has come, as this process knows it, and waiting for more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import msgspec

from twofold.errors import ForeignLog, NotCaughtUp, RestoredLog, StoreUnavailable
from twofold.ports.log import Log
from twofold.ports.read_store import Checkpoint, ReadStore
from twofold.ports.time_and_chance import Clock
from twofold.runtime.heads import Heads

_LOOK_SECONDS = 0.25
# Less is not worth a wait, and a clock that counts in floats may not even see it pass.
_INSTANT_SECONDS = 1e-6


class Progress:
    """Checkpoints of registered projections. What it knows may be old, never too new.

    ``stopped`` has the reason for each projection that can't go on. ``stored`` are all checkpoints
    there are, of other versions too, as they were last looked at; that look began at ``looked``.
    """

    def __init__(
        self, tables: Sequence[str], read_store: ReadStore, log: Log, clock: Clock
    ) -> None:
        self._known = {table: Checkpoint(table, 0, 0, log.epoch) for table in tables}
        self._store = read_store
        self._log = log
        self._clock = clock
        self._moved = asyncio.Event()
        self._look: asyncio.Task[None] | None = None
        self.stopped: dict[str, str] = {}
        self._refused: dict[str, tuple[int, str]] = {}
        self.head = 0
        self.heads = Heads()
        self.stored: Mapping[str, Checkpoint] = {}
        self.looked = clock.monotonic()
        self._met: set[str] = set()
        self._asked = self._answered = 0

    def checkpoint(self, table: str) -> Checkpoint:
        """The last known checkpoint."""
        return self._known[table]

    def watch(self, table: str) -> None:
        """Know of one more table from now on."""
        new = self.stored.get(table) or Checkpoint(table, 0, 0, self._log.epoch)
        self._known.setdefault(table, new)

    def gone(self, table: str) -> bool:
        """Whether a table that there was has been dropped, or its checkpoint lost."""
        return table in self._met and table not in self.stored

    def advanced(self, checkpoints: Sequence[Checkpoint]) -> None:
        """A worker of this process moved checkpoints."""
        for checkpoint in checkpoints:
            known = self._known.get(checkpoint.projection)
            if known is None:
                continue
            if _order(checkpoint) > _order(known) or _begun(checkpoint) > _begun(known):
                latest = max(known, checkpoint, key=lambda one: one.mended)
                self._known[checkpoint.projection] = msgspec.structs.replace(
                    max(known, checkpoint, key=_order),
                    time_us=max(checkpoint.time_us, known.time_us),
                    served_from=max(checkpoint.served_from, known.served_from),
                    parked=latest.parked,
                    mended=latest.mended,
                    chosen_us=max(checkpoint.chosen_us, known.chosen_us),
                )
        self._moved.set()
        self._moved = asyncio.Event()

    def saw_head(self, position: int) -> None:
        """The log is known to reach ``position``."""
        self.head = max(self.head, position)

    async def refresh(self) -> None:
        """Read checkpoints and head. Raises ForeignLog, RestoredLog, StoreUnavailable."""
        await self.look_at_store()
        seen = [one for table, one in self.stored.items() if table in self._known]
        head = await self.look_at_log()
        for checkpoint in seen:
            applied = max([checkpoint.position, *(part.position for part in checkpoint.parts)])
            # What comes next would get positions that count as applied, and never be shown.
            if applied > head:
                raise RestoredLog(f"read model {checkpoint.projection}", applied, head)

    async def look_at_log(self) -> int:
        """Read the head, and answer it. Raises StoreUnavailable."""
        asked = self._clock.monotonic()
        head = await self._log.head()
        self.heads.saw(head, asked, self._clock.monotonic())
        self.saw_head(head)
        return head

    async def look_at_store(self) -> None:
        """Read checkpoints. Raises ForeignLog, StoreUnavailable."""
        if not self._known:
            # A process without projections may have no read store.
            return
        self._asked += 1
        asked, begun = self._asked, self._clock.monotonic()
        stored: Mapping[str, Checkpoint] = await self._store.checkpoints()
        for checkpoint in stored.values():
            if checkpoint.projection in self._known and checkpoint.epoch != self._log.epoch:
                raise ForeignLog(
                    f"read model {checkpoint.projection}", self._log.epoch, checkpoint.epoch
                )
        if asked > self._answered:
            # An answer that was overtaken by a later one would turn back what was chosen.
            self._answered, self.stored, self.looked = asked, stored, begun
            self._met |= stored.keys()
        self.advanced([c for c in stored.values() if c.projection in self._known])

    async def reread(self, table: str) -> None:
        """Believe the store about ``table``, also where it has gone back (restored, emptied).

        Raises ForeignLog, RestoredLog, StoreUnavailable.
        """
        await self.refresh()
        stored = (await self._store.checkpoints()).get(table)
        self._known[table] = stored or Checkpoint(table, 0, 0, self._log.epoch)

    async def reach(self, tables: Sequence[str], position: int, timeout_seconds: float) -> None:
        """Wait until all ``tables`` have applied ``position``.

        Raises NotCaughtUp after the timeout, naming the one furthest behind.
        """
        await self.follow(lambda: tables, position, timeout_seconds)

    async def follow(
        self, tables: Callable[[], Sequence[str]], position: int, timeout_seconds: float
    ) -> None:
        """The same for tables that may be others by then: asked for again at each move."""
        begun = self._clock.monotonic()
        while True:
            behind = [table for table in tables() if self._known[table].position < position]
            if not behind:
                return
            left = begun + timeout_seconds - self._clock.monotonic()
            if left <= _INSTANT_SECONDS:
                raise self._not_caught_up(behind, position, timeout_seconds)
            await self.next_move(left)

    async def serve(self, tables: Callable[[], Sequence[str]], timeout_seconds: float) -> None:
        """Wait until all ``tables`` are filled, so that they may be read.

        Raises NotCaughtUp after the timeout.
        """
        begun = self._clock.monotonic()
        while unread := [table for table in tables() if not self._known[table].served]:
            left = begun + timeout_seconds - self._clock.monotonic()
            if left <= _INSTANT_SECONDS:
                wanted = self._known[unread[0]].served_from
                raise self._not_caught_up(unread[:1], wanted, timeout_seconds)
            await self.next_move(left)

    def state(self, table: str) -> str:
        """ "stopped", "rebuilding" (not served yet), "parked" (some of it waits), "catching-up" or
        "live", as is known here."""
        known = self._known[table]
        if table in self.stopped:
            return "stopped"
        if not known.served:
            return "rebuilding"
        if known.parked:
            return "parked"
        return "live" if known.position >= self.head else "catching-up"

    def refuses(self, table: str, why: str) -> None:
        """A command was refused, since more would have to wait in this table than may."""
        self._refused[table] = self._known[table].parked, why

    def refusing(self, table: str) -> str:
        """Why such commands are refused; "" once fewer sequences wait than there did then."""
        parked, why = self._refused.get(table, (0, ""))
        return why if self._known[table].parked >= parked else ""

    async def next_move(self, timeout_seconds: float) -> None:
        """Wait until some checkpoint may have moved, here or in another process."""
        moved = self._moved
        if self._look is None:
            self._look = asyncio.create_task(self._look_elsewhere())
        try:
            async with asyncio.timeout(timeout_seconds):
                await moved.wait()
        except TimeoutError:
            return

    async def close(self) -> None:
        """End the look at other processes' work."""
        if self._look is not None:
            self._look.cancel()
            await asyncio.gather(self._look, return_exceptions=True)

    async def _look_elsewhere(self) -> None:
        """All waiters share one look at the store; only while somebody waits is there one."""
        try:
            await self._store.wait_applied(_LOOK_SECONDS)
            await self.look_at_store()
        except StoreUnavailable:
            # Readers are told by the query itself; here only the wait goes on.
            await self._clock.sleep(_LOOK_SECONDS)
            self.advanced(())
        finally:
            self._look = None

    def _not_caught_up(
        self, behind: Sequence[str], position: int, timeout_seconds: float
    ) -> NotCaughtUp:
        slowest = min(behind, key=lambda table: self._known[table].position)
        applied = self._known[slowest].position
        return NotCaughtUp(slowest, position, applied, timeout_seconds, self.state(slowest))


def _begun(checkpoint: Checkpoint) -> tuple[int, int]:
    """What is set once, and seen late by whoever knew of the table before it was there."""
    return checkpoint.served_from, checkpoint.chosen_us


def _order(checkpoint: Checkpoint) -> tuple[int, int]:
    """Checkpoints of one table, the newest last."""
    return checkpoint.position, checkpoint.mended
