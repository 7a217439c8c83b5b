"""One decision, run: what its annotations demand is checked, what it says is folded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twofold.domain.aggregate import Aggregate, Begun, Decider, StateStored, as_events
from twofold.errors import AlreadyExists, NotFound
from twofold.messages.value import Command, Event

Folds = Mapping[type[Event], Callable[..., Any]]


def decide(
    aggregate: Aggregate[Any],
    decider: Decider,
    folds: Folds,
    state: Any,
    command: Command,
    identity: str,
    arguments: Sequence[Any],
) -> tuple[tuple[Event, ...], Any]:
    """The events and the state after them; ``arguments`` are what ``decider.wants``.

    Raises NotFound, AlreadyExists and what the decision raises; TypeError if it breaks its word.
    """
    if state is None and not decider.creates:
        raise NotFound(aggregate.name, identity)
    if state is not None and not decider.changes:
        raise AlreadyExists(aggregate.name, identity)
    decided = decider.function(state, command, *arguments)
    if isinstance(aggregate, StateStored):
        return _with_state(decider, state, decided)
    events = as_events(decided)
    for event in events:
        if isinstance(event, Begun):
            continue
        fold = folds.get(type(event))
        if fold is None:
            raise TypeError(
                f"{decider.function.__name__} decided {type(event).__name__}, which its return "
                f"annotation does not name or {aggregate.name} does not fold"
            )
        state = fold(state, event)
    return events, state


def _with_state(decider: Decider, before: Any, decided: Any) -> tuple[tuple[Event, ...], Any]:
    after, happened = decided
    events = as_events(happened)
    if not events and after is not before and after != before:
        raise TypeError(
            f"{decider.function.__name__} changed the state without an event to show for it"
        )
    for event in events:
        if not isinstance(event, Begun) and type(event) not in decider.events:
            raise TypeError(
                f"{decider.function.__name__} decided {type(event).__name__}, which its return "
                "annotation does not name"
            )
    return events, after
