"""Progress of a rebuild, told to whoever asked for it and to everybody else."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from twofold.messages.recorded import microseconds
from twofold.ports.time_and_chance import Clock
from twofold.runtime.rebuilding.holding import Holding
from twofold.runtime.rebuilding.notes import Note, Phase

Report = Callable[[Note], None]


class Telling:
    """Keeps the note of a rebuild, with its rate since filling began."""

    def __init__(self, holding: Holding, by: str, report: Report | None, clock: Clock) -> None:
        self.highest = holding.note.highest
        self._holding = holding
        self._by = by
        self._report = report
        self._clock = clock
        self._since = 0.0
        self._from = 0

    async def begin(self, version: int, phase: Phase) -> None:
        """It is about ``version`` from now on. Raises LeaseLost."""
        self.highest = max(self.highest, version)
        now = microseconds(self._clock.now())
        note = Note(version=version, highest=self.highest, by=self._by, since_us=now, phase=phase)
        await self._tell(note)

    async def phase(self, phase: Phase, why: str = "") -> None:
        """What is being done now. Raises LeaseLost."""
        await self._tell(replace(self._holding.note, phase=phase, why=why, waits=""))

    async def waits(self, why: str) -> None:
        """What is waited for, "" for nothing any more. Raises LeaseLost."""
        await self._tell(replace(self._holding.note, waits=why), at_once=not why)

    def filling_from(self, position: int) -> None:
        """Rates count from here."""
        self._since, self._from = self._clock.monotonic(), position

    async def filled(self, position: int, head: int) -> None:
        """How far filling has come. Raises LeaseLost."""
        seconds = self._clock.monotonic() - self._since
        rate = round((position - self._from) / seconds, 1) if seconds > 0 else 0.0
        note = replace(self._holding.note, applied=position, head=head, events_per_second=rate)
        await self._tell(note, at_once=position >= head)

    def compared(self, position: int, head: int) -> None:
        """How far verifying has come; only whoever asked is told."""
        if self._report is not None:
            self._report(replace(self._holding.note, applied=position, head=head))

    async def still_there(self) -> None:
        """Nothing new, but alive. Raises LeaseLost."""
        await self._holding.tell(self._holding.note, at_once=False)

    async def _tell(self, note: Note, *, at_once: bool = True) -> None:
        await self._holding.tell(note, at_once=at_once)
        if self._report is not None:
            self._report(self._holding.note)
