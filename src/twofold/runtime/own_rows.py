"""A team's own rows within the transaction that appends: checked before, saved after."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from twofold.domain.aggregate import Aggregate, StateStored
from twofold.messages.recorded import stream_name
from twofold.ports.log import LogTransaction

ROWS = "rows"
"""Marks, in a snapshot's place, the version of a stream whose state is in rows."""


class RowChange(NamedTuple):
    """What a command decided on (``before``) and came to; both are None where there is no row."""

    aggregate: StateStored[Any]
    identity: str
    before: Any
    after: Any

    @property
    def stream(self) -> str:
        """The aggregate's stream."""
        return stream_name(self.aggregate.name, self.identity)


def kept_in_rows(aggregate: Aggregate[Any]) -> StateStored[Any] | None:
    """The aggregate, if it is one whose state is in a team's own rows."""
    if isinstance(aggregate, StateStored) and aggregate.rows is not None:
        return aggregate
    return None


async def load_rows(
    transaction: LogTransaction, wanted: Sequence[tuple[StateStored[Any], str]]
) -> dict[str, Any]:
    """The states that are there, by stream; one query for each kind of aggregate.

    Kinds and ids go in one order everywhere, so that transactions which lock rows can't deadlock.
    """
    identities: defaultdict[str, set[str]] = defaultdict(set)
    kinds = {aggregate.name: aggregate for aggregate, _ in wanted}
    for aggregate, identity in wanted:
        identities[aggregate.name].add(identity)
    found: dict[str, Any] = {}
    for name, each in sorted(identities.items()):
        rows = kinds[name].rows
        assert rows is not None
        states = await rows.load(transaction.connection, sorted(each))
        found |= {stream_name(name, identity): state for identity, state in states.items()}
    return found


async def overtaken(
    transaction: LogTransaction, changes: Sequence[RowChange | None]
) -> frozenset[int]:
    """Which changes (by index) were decided on rows that are not so any more."""
    made = [change for change in changes if change is not None]
    now = await load_rows(transaction, [(change.aggregate, change.identity) for change in made])
    found = set()
    for index, change in enumerate(changes):
        if change is None:
            continue
        if change.before == now.get(change.stream):
            now[change.stream] = change.after
        else:
            found.add(index)
    return frozenset(found)


async def save_rows(transaction: LogTransaction, changes: Sequence[RowChange]) -> None:
    """Write what each row came to in the end."""
    states: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    kinds = {change.aggregate.name: change.aggregate for change in changes}
    for change in changes:
        if change.after is not None and change.after != change.before:
            states[change.aggregate.name][change.identity] = change.after
    for name, each in sorted(states.items()):
        rows = kinds[name].rows
        assert rows is not None
        await rows.save(transaction.connection, dict(sorted(each.items())))
