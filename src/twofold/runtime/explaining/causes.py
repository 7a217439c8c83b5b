"""What came of a request: its commands, their events, the steps and commands these led to, and the
rows that each event concerns."""

from __future__ import annotations

from collections.abc import Sequence

from twofold.errors import NotFound
from twofold.messages.recorded import Recorded
from twofold.runtime.explaining.finding import Finding, Found
from twofold.runtime.explaining.growing import Growing
from twofold.runtime.explaining.views import TreeView
from twofold.runtime.nameable import check_nameable
from twofold.runtime.processes.step_records import read_step
from twofold.runtime.system import System

_MOST_ROOTS = 300
_CLIMBS = 50


class Causes:
    """Answers where something came from and what came of it."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._finding = Finding(system.log)

    async def find(self, asked: str) -> TreeView:
        """The tree of a position, or of the id of a command, a request or an event.

        Raises NotFound.
        """
        asked = asked.strip()
        check_nameable("event, command or request", asked)
        if asked.isascii() and asked.isdigit() and len(asked) < 17:
            return await self._of_event(asked, await self._at(int(asked)))
        if asked in await self._system.log.records([asked]) or "." in asked:
            return await self._of_command(asked)
        found = await self._finding.belonging(asked)
        if not found.events:
            where = f"event, command or request (positions {found.after:,} to {found.until:,})"
            raise NotFound(where, asked)
        return await self._of_found(asked, found)

    async def _at(self, position: int) -> Recorded:
        events = await self._system.log.read(position - 1, 1) if position else ()
        if not events or events[0].position != position:
            raise NotFound("event at position", f"{position:,}")
        return events[0]

    async def _of_event(self, asked: str, event: Recorded) -> TreeView:
        first, led_by = await self._first(event)
        root = first.causation_id, first.position
        return await self._tree(asked, event.correlation_id, [root], None, led_by)

    async def _of_command(self, command_id: str) -> TreeView:
        record = (await self._system.log.records([command_id])).get(command_id)
        if record is None or not record.position:
            return await self._tree(command_id, "", [(command_id, 0)], None)
        events = await self._finding.of_command(command_id, record.position)
        if not events:
            return await self._tree(command_id, "", [(command_id, record.position)], None)
        return await self._of_event(command_id, events[0])

    async def _of_found(self, asked: str, found: Found) -> TreeView:
        roots: dict[str, int] = {}
        for event in found.events[:_MOST_ROOTS]:
            if event.causation_id == "":
                continue
            if "." not in event.causation_id and not self._is_step(event):
                roots.setdefault(event.causation_id, event.position)
        if not roots:
            return await self._of_event(asked, found.events[0])
        correlation = found.events[0].correlation_id
        return await self._tree(asked, correlation, list(roots.items()), found)

    async def _tree(
        self,
        asked: str,
        correlation: str,
        roots: Sequence[tuple[str, int]],
        found: Found | None,
        led_by: int = 0,
    ) -> TreeView:
        growing = Growing(self._system, self._finding)
        commands = tuple([await growing.command(*root) for root in roots])
        looked = (found.after, found.until) if found else (0, 0)
        return TreeView(asked, correlation, commands, *looked, growing.cut, led_by)

    async def _first(self, event: Recorded) -> tuple[Recorded, int]:
        """An event of the command with which everything began, and 0; or as far back as is
        climbed, and the position of what led to that.
        """
        for _ in range(_CLIMBS):
            above = await self._above(event)
            if above is None:
                return event, 0
            event = above
        above = await self._above(event)
        return event, above.position if above else 0

    async def _above(self, event: Recorded) -> Recorded | None:
        """The event that led to this one by way of a process manager; None at the beginning."""
        step_id, _, number = event.causation_id.rpartition(".")
        if self._is_step(event):
            cause = read_step(event.data).cause
            if cause.position:
                return await self._at(cause.position)
            # A timer is of the step that set it, a refused command of the step that sent it.
            return await self._finding.event(step_id if number.isdigit() else event.causation_id)
        if number.isdigit() and step_id:
            return await self._finding.event(step_id)
        return None

    def _is_step(self, event: Recorded) -> bool:
        return event.category in {one.category for one in self._system.wired.reactings.values()}
