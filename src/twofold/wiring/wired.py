"""An application put together: everything found, checked, and ready to run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from twofold.domain.aggregate import Aggregate, Decider, EventSourced, StateStored
from twofold.domain.inbox import Inbox
from twofold.domain.process import Process
from twofold.domain.projection import Handwritten, Projection
from twofold.domain.questions import Answering
from twofold.domain.signatures import mistake
from twofold.errors import Mistake, WiringProblems
from twofold.messages.value import Command, Event, Query
from twofold.wiring.answerings import check_routes, find_answerings
from twofold.wiring.application import Application
from twofold.wiring.checking import readable, unique
from twofold.wiring.event_types import EventTypes, find_event_types
from twofold.wiring.foldings import Folding, Writing, check_names, find_foldings, find_writings
from twofold.wiring.handlings import Handling, find_handlings
from twofold.wiring.inboxes import Receiving, find_receivings
from twofold.wiring.reactings import Reacting, find_reactings
from twofold.wiring.routes import Route
from twofold.wiring.spelling import check_spelling


class Wired(msgspec.Struct, frozen=True):
    """Everything the runtime needs to know of an application."""

    application: Application
    events: EventTypes
    handlings: dict[type[Command], Handling]
    folds: dict[str, dict[type[Event], Callable[..., Any]]]
    fingerprints: dict[str, str]
    foldings: dict[str, Folding]
    writings: dict[str, Writing]
    reactings: dict[str, Reacting]
    receivings: dict[str, Receiving]
    answerings: dict[type[Query[Any]], tuple[Answering, Route]]
    routes: tuple[Route, ...]


def wire(application: Application) -> Wired:
    """Put ``application`` together. Raises WiringProblems with every mistake in it."""
    problems: list[Mistake] = []
    parts = _parts(application, problems)
    aggregates = _aggregates(parts, problems)
    projections = [part for part in parts if isinstance(part, Projection)]
    processes = [part for part in parts if isinstance(part, Process)]
    handwritten = [part for part in parts if isinstance(part, Handwritten)]
    routes = tuple(part for part in parts if isinstance(part, Route))
    folds = {a.name: a.folds(problems) if isinstance(a, EventSourced) else {} for a in aggregates}
    deciders = {a.name: a.deciders(problems) for a in aggregates}
    _check_aggregates(aggregates, folds, deciders, problems)
    check_names(projections, handwritten, problems)
    events = find_event_types(aggregates, folds, deciders, problems)
    handlings = find_handlings(aggregates, deciders, routes, problems)
    foldings = find_foldings(projections, events, problems)
    writings = find_writings(handwritten, events, problems)
    decided = _decided(deciders)
    reactings = find_reactings(processes, events, decided, problems)
    inboxes = [part for part in parts if isinstance(part, Inbox)]
    receivings = find_receivings(inboxes, application.name, decided, problems)
    answerings = find_answerings(routes, foldings, problems)
    check_routes(routes, problems)
    check_spelling(_functions(parts), problems)
    if problems:
        raise WiringProblems(sorted(set(problems), key=lambda m: (m.file, m.line, m.message)))
    return Wired(
        application,
        events,
        handlings,
        folds,
        {a.name: a.fold_fingerprint() for a in aggregates if isinstance(a, EventSourced)},
        foldings,
        writings,
        reactings,
        receivings,
        answerings,
        routes,
    )


def _functions(parts: list[Any]) -> Iterator[Callable[..., Any]]:
    """Everything of the application's own that is going to be called."""
    for part in parts:
        if isinstance(part, Aggregate | Projection | Handwritten | Process | Inbox):
            yield from part.functions
        elif isinstance(part, Route) and isinstance(part.target, Answering):
            yield part.target.function


def _parts(application: Application, problems: list[Mistake]) -> list[Any]:
    found = []
    for module in application.modules:
        for part in module.parts:
            if isinstance(part, Aggregate | Projection | Handwritten | Process | Inbox | Route):
                found.append(part)
            else:
                problems.append(
                    Mistake(
                        f"{part!r} in module {module.name} is no aggregate, projection, "
                        "process, inbox or route",
                        *module.declared_at,
                    )
                )
    return found


def _aggregates(parts: list[Any], problems: list[Mistake]) -> list[Aggregate[Any]]:
    """Each name once: streams are found by it."""
    found = [part for part in parts if isinstance(part, Aggregate)]
    unique([(a.name, a.declared_at) for a in found], "aggregate", problems)
    first: dict[str, Aggregate[Any]] = {}
    for aggregate in found:
        first.setdefault(aggregate.name, aggregate)
    return list(first.values())


def _decided(deciders: dict[str, list[Decider]]) -> frozenset[type[Command]]:
    return frozenset(c for found in deciders.values() for d in found for c in d.commands)


def _check_aggregates(
    aggregates: list[Aggregate[Any]],
    folds: dict[str, dict[type[Event], Callable[..., Any]]],
    deciders: dict[str, list[Decider]],
    problems: list[Mistake],
) -> None:
    for aggregate in aggregates:
        # Snapshots, and all of state-stored aggregates, are read back from JSON.
        readable(aggregate.state_type, "the state", problems)
        if isinstance(aggregate, EventSourced) and aggregate.snapshot_every < 1:
            problems.append(
                Mistake(
                    f"snapshot_every of {aggregate.name} must be at least 1", *aggregate.declared_at
                )
            )
        own = {event for decider in deciders[aggregate.name] for event in decider.events}
        own |= folds[aggregate.name].keys()
        _check_history(aggregate, own, problems)
        if isinstance(aggregate, StateStored):
            _check_rows(aggregate, problems)
            continue
        for event in own - folds[aggregate.name].keys():
            problems.append(
                mistake(
                    f"{aggregate.name} decides {event.__name__}, but no fold takes it: add it to a "
                    f"function decorated with @{aggregate.name}.evolves",
                    event,
                )
            )


def _check_rows(aggregate: StateStored[Any], problems: list[Mistake]) -> None:
    rows = aggregate.rows
    for name in ("load", "save") if rows is not None else ():
        if not inspect.iscoroutinefunction(getattr(rows, name, None)):
            problems.append(
                Mistake(
                    f"rows= of {aggregate.name} needs an async {name}: see twofold.Rows",
                    *aggregate.declared_at,
                )
            )


def _check_history(
    aggregate: Aggregate[Any], own: set[type[Event]], problems: list[Mistake]
) -> None:
    """What is said about former versions and names fits the events there are."""
    current = {event.__name__ for event in own}
    for event, upcasters in aggregate.upcasters.items():
        where = next(iter(upcasters.values()))
        missing = sorted(set(range(1, max(upcasters))) - upcasters.keys())
        if event not in own:
            problems.append(
                mistake(f"{aggregate.name} upcasts {event.__name__}, which is not its own", where)
            )
        elif missing:
            listed = ", ".join(map(str, missing))
            problems.append(
                mistake(f"{event.__name__} has no upcaster from version {listed}", where)
            )
    for former, event in aggregate.former_names.items():
        name = former.partition(".")[2]
        if event not in own or name in current:
            why = "which is not its own" if event not in own else "which is an event of today"
            what = event.__name__ if event not in own else name
            problems.append(
                Mistake(
                    f"{aggregate.name} says that {event.__name__} was formerly {name}: {what}, "
                    f"{why}",
                    *aggregate.declared_at,
                )
            )
