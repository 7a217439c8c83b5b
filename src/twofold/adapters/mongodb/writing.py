"""Writing read models on MongoDB: collected in memory, committed through a journal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from bson.objectid import ObjectId

from twofold.adapters._columns import column_of
from twofold.adapters.mongodb.control import Control, Controls
from twofold.adapters.mongodb.database import Document, MongoDatabase, translated
from twofold.adapters.mongodb.journals import Changes, Journals
from twofold.adapters.mongodb.queries import single
from twofold.adapters.mongodb.rows import content, path
from twofold.errors import CheckpointLost
from twofold.ports.read_store import Checkpoint, Move, Row, Scalar, Table, owner_of

_KEYS = 2_000


class _Written(NamedTuple):
    row: Row
    content: Document


class _Step(NamedTuple):
    control: Control
    checkpoint: Checkpoint

    def lost(self) -> CheckpointLost:
        known = self.control.checkpoint
        return CheckpointLost(self.control.name, known.position if known else 0)


class MongoReadTransaction:
    """One read model's rows and its checkpoint, or first checkpoints of several.

    Nothing is sent before the end of the block; what was read until then is safe to rely on, since
    the commit fails if anybody has committed in between.
    """

    def __init__(
        self,
        database: MongoDatabase,
        tables: Mapping[str, Table],
        controls: Controls,
        journals: Journals,
    ) -> None:
        self._database = database
        self._tables = tables
        self._controls = controls
        self._journals = journals
        self._worker = ObjectId()
        self._turns: list[str] = []
        self._steps: dict[str, _Step] = {}
        self._written: dict[str, dict[str, _Written | None]] = {}

    @property
    def connection(self) -> Any:
        """The driver's database. What is written through it takes effect at once."""
        return self._database.connection

    async def checkpoint(self, projection: str) -> Checkpoint | None:
        """The checkpoint as this transaction sees it."""
        if projection in self._steps:
            return self._steps[projection].checkpoint
        return (await self._controls.glance(projection)).checkpoint

    async def documents(self, table: str, keys: Sequence[str]) -> Mapping[str, bytes]:
        """By primary key."""
        changed = self._written.get(table, {})
        found = {key: one.row.document for key in keys if (one := changed.get(key)) is not None}
        wanted = [key for key in keys if key not in changed]
        for first in range(0, len(wanted), _KEYS):
            found |= await documents(self._database, table, wanted[first : first + _KEYS])
        return found

    async def matching(
        self, table: str, column: str, values: Sequence[Scalar]
    ) -> Mapping[str, bytes]:
        """By the column's index."""
        declared = column_of(self._tables[table], column)
        wanted = [single(declared, value) for value in values]
        query = {"row.live": True, path(column): {"$in": wanted}}
        with translated():
            cursor = self._database.rows(table).find(query, {"row.document": True})
            stored = {d["_id"]: d["row"]["document"] for d in await cursor.to_list()}
        changed = self._written.get(table, {})
        found = {key: document for key, document in stored.items() if key not in changed}
        return found | dict(self._matching_here(table, column, values))

    async def write(self, table: str, rows: Sequence[Row], gone: Sequence[str]) -> None:
        """Remember what to change. Raises InvalidInput for values that do not fit."""
        shape = self._tables[table]
        changes = self._written.setdefault(table, {})
        changes.update({row.key: _Written(row, content(shape, row)) for row in rows})
        changes.update(dict.fromkeys(gone))

    async def claim(self, checkpoint: Checkpoint) -> None:
        """The first checkpoint. Raises CheckpointLost if there is one."""
        control = await self._controls.glance(checkpoint.projection)
        if control.journal is not None:
            control = await self._settled(checkpoint.projection)
        if control.checkpoint is not None or checkpoint.projection in self._steps:
            raise CheckpointLost(checkpoint.projection, 0)
        self._steps[checkpoint.projection] = _Step(control, checkpoint)

    async def advance(self, checkpoint: Checkpoint, expected: int) -> Checkpoint:
        """Compare now, set at the end of the block. Raises CheckpointLost."""
        control, known = await self._held(checkpoint)
        if not known.stands_at(expected):
            raise CheckpointLost(checkpoint.projection, expected)
        moved = checkpoint.after(known)
        self._steps[checkpoint.projection] = _Step(control, moved)
        return moved

    async def advance_parts(
        self, checkpoint: Checkpoint, partitions: int, moves: Mapping[int, Move]
    ) -> Checkpoint:
        """Compare now, set at the end of the block. Raises CheckpointLost."""
        control, known = await self._held(checkpoint)
        moved = known.moved(checkpoint, partitions, moves)
        self._steps[checkpoint.projection] = _Step(control, moved)
        return moved

    async def hold(self, projection: str) -> Checkpoint | None:
        """Take the turn; what is found is compared with at the end of the block."""
        step = self._steps.get(projection)
        if step is not None:
            return step.checkpoint
        control = await self._settled(projection)
        if control.checkpoint is not None:
            self._steps[projection] = _Step(control, control.checkpoint)
        return control.checkpoint

    async def mend(self, projection: str, parked: int) -> None:
        """Counted at the end of the block."""
        control, checkpoint = self._steps[projection]
        self._steps[projection] = _Step(control, checkpoint.mending(parked))

    async def choose(self, projection: str, chosen_us: int) -> None:
        """Set at the end of the block."""
        control, checkpoint = self._steps[projection]
        chosen = msgspec.structs.replace(checkpoint, chosen_us=chosen_us)
        self._steps[projection] = _Step(control, chosen)

    async def _held(self, checkpoint: Checkpoint) -> tuple[Control, Checkpoint]:
        """What is compared with at the commit, and the checkpoint as this transaction sees it."""
        step = self._steps.get(checkpoint.projection)
        if step is not None:
            return step.control, step.checkpoint
        control = await self._settled(checkpoint.projection)
        return control, control.checkpoint or checkpoint.unmoved()

    async def commit(self) -> None:
        """Make everything visible, or nothing.

        Raises CheckpointLost, and ValueError if several read models were written at once.
        """
        written = {owner_of(table) for table, changes in self._written.items() if changes}
        names = written | self._steps.keys()
        if written and len(names) > 1:
            raise ValueError(
                "a transaction on MongoDB writes one read model and moves no checkpoint but its "
                f"own; this one has {', '.join(sorted(names))}"
            )
        if not written:
            await self._move_all()
        elif self._steps:
            (step,) = self._steps.values()
            if not await self._journals.commit(step.control, step.checkpoint, self._changes()):
                raise step.lost()
        else:
            await self._write_only(*written)
        # A commit ends the turn by itself.
        self._turns.clear()

    async def end(self) -> None:
        """Let others go on, whether it was committed or not."""
        await self._journals.turns.leave(self._turns, self._worker)

    async def _settled(self, name: str) -> Control:
        self._turns.append(name)
        return await self._journals.settled(name, self._worker)

    async def _write_only(self, table: str) -> None:
        """Rows without a checkpoint: nothing was expected, so whoever was first is followed."""
        while True:
            control = await self._settled(table)
            if await self._journals.commit(control, control.checkpoint, self._changes()):
                return

    async def _move_all(self) -> None:
        """Checkpoints alone; those of several are taken back if one of them is lost."""
        moved: list[Control] = []
        for _, step in sorted(self._steps.items()):
            if not await self._controls.move(step.control, step.checkpoint):
                for control in moved:
                    now = msgspec.structs.replace(control, rev=control.rev + 1)
                    await self._controls.move(now, control.checkpoint)
                raise step.lost()
            moved.append(step.control)

    def _changes(self) -> Changes:
        return {
            table: {key: one and one.content for key, one in rows.items()}
            for table, rows in self._written.items()
        }

    def _matching_here(
        self, table: str, column: str, values: Sequence[Scalar]
    ) -> Iterator[tuple[str, bytes]]:
        names = [c.name for c in self._tables[table].columns]
        index = names.index(column)
        for key, one in self._written.get(table, {}).items():
            if one is None:
                continue
            held = one.row.values[index]
            if any(v in values for v in (held if isinstance(held, tuple) else (held,))):
                yield key, one.row.document


async def documents(
    database: MongoDatabase, table: str, keys: Sequence[str]
) -> Mapping[str, bytes]:
    """The documents that there are among ``keys``.

    Whether a row lives is looked at here: by key alone, every server finds it in the index.
    """
    shown = {"row.live": True, "row.document": True}
    with translated():
        cursor = database.rows(table).find({"_id": {"$in": list(keys)}}, shown)
        return {d["_id"]: d["row"]["document"] for d in await cursor.to_list() if d["row"]["live"]}
