"""How the versions of read models stand, put together from the stores and the leases."""

from __future__ import annotations

from collections.abc import Mapping

from twofold.errors import TwofoldError
from twofold.messages.recorded import moment
from twofold.ports.read_store import DROPPED, Checkpoint, Select
from twofold.runtime.presence import readers_of
from twofold.runtime.rebuilding.notes import Note, group_of, note_of
from twofold.runtime.rebuilding.views import RebuildView, VersionState, VersionsView, VersionView
from twofold.runtime.system import System
from twofold.runtime.versions import latest, table_name, version_of, versions_of
from twofold.wiring.foldings import Folding


class Looking:
    """One look, with the checkpoints and the log's head as they were at its beginning."""

    def __init__(
        self, system: System, checkpoints: Mapping[str, Checkpoint], head: int, *, rows: bool
    ) -> None:
        self._system = system
        self._checkpoints = checkpoints
        self._head = head
        self._rows = rows

    async def versions(self, name: str) -> VersionsView:
        """Those of one projection."""
        leases, group = self._system.log.leases, group_of(name)
        fingerprint = self._system.choosing.projections[name].fingerprint
        found = versions_of(name, self._checkpoints)
        known = version_of(name, fingerprint, self._checkpoints)
        note = note_of((await leases.marks(group)).get(0, ""))
        running = any((await leases.members(group)).values())
        mine = [n for n, one in found.items() if one.fingerprint == fingerprint and one.readable]
        former = [number for number in mine if number != known.number]
        seen = []
        for number in sorted(found, reverse=True):
            state = _state(found[number], number == known.number, number in mine)
            seen.append(await self._version(name, number, state))
        readable = known.made and self._checkpoints[table_name(name, known.number)].served
        rebuild = rebuild_view(note, running) if note.version else None
        back_to = latest(former, found) if former else None
        return VersionsView(name, known.outdated, readable, tuple(seen), rebuild, back_to)

    async def _version(self, name: str, number: int, state: VersionState) -> VersionView:
        table = table_name(name, number)
        checkpoint, group = self._checkpoints[table], readers_of(table)
        signs = (await self._system.log.leases.signs([group]))[group]
        return VersionView(
            number,
            state,
            checkpoint.position,
            max(0, self._head - checkpoint.position),
            sum(sign.alive for sign in signs),
            checkpoint.parked,
            moment(checkpoint.chosen_us) if checkpoint.chosen_us > 0 else None,
            await self._count(name, number) if self._rows else None,
        )

    async def _count(self, name: str, number: int) -> int | None:
        """The rows of a version whose columns this code knows."""
        projection = self._system.choosing.projections[name]
        applier = self._system.choosing.applier(projection, number)
        if not isinstance(projection, Folding):
            return None
        try:
            await self._system.read_store.open(applier.tables)
            return (await self._system.read_store.select(applier.table, Select(limit=1))).total
        except TwofoldError:
            return None


def rebuild_view(note: Note, running: bool) -> RebuildView:
    """What is noted of a rebuild."""
    return RebuildView(
        note.version,
        running,
        note.phase,
        note.by,
        note.applied,
        note.head,
        note.events_per_second,
        note.seconds_left,
        moment(note.since_us),
        moment(note.at_us),
        note.waits,
        note.why,
    )


def _state(checkpoint: Checkpoint, read: bool, same_code: bool) -> VersionState:
    if checkpoint.chosen_us == DROPPED:
        return "going"
    if checkpoint.beside:
        return "building"
    if not same_code:
        return "other code"
    return "read" if read else "former"
