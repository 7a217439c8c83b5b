"""An application put together: everything found, checked, and ready to run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NewType

import msgspec

from twofold.domain.aggregate import Aggregate, Decider, EventSourced
from twofold.domain.caller import Rule
from twofold.domain.projection import Fold, Handwritten, OneOf, PageOf, Projection
from twofold.domain.questions import Answering
from twofold.domain.signatures import bare, hints, marks, members, mistake
from twofold.errors import Mistake, WiringProblems
from twofold.messages.markers import Use
from twofold.messages.value import Command, Event, Query
from twofold.wiring.application import Application
from twofold.wiring.event_types import EventType, EventTypes
from twofold.wiring.model import Model
from twofold.wiring.routes import Route


class Handling(msgspec.Struct, frozen=True):
    """How one command is handled. ``identity_field`` is "" where it always starts a new one.

    ``command_owner`` and ``state_owner`` name the fields that the rule ``own`` compares.
    """

    command: type[Command]
    aggregate: Aggregate[Any]
    decider: Decider
    may: Rule
    identity_field: str
    command_owner: str
    state_owner: str
    operation: str


class Folding(msgspec.Struct, frozen=True):
    """A projection, its model, and its folds by event type name."""

    projection: Projection[Any]
    model: Model
    folds: dict[str, tuple[Fold, ...]]
    fingerprint: str

    @property
    def name(self) -> str:
        """The projection's name."""
        return self.projection.name


class Writing(msgspec.Struct, frozen=True):
    """A handwritten projection and its handlers by event type name."""

    projection: Handwritten
    handlers: dict[str, Callable[..., Any]]
    fingerprint: str

    @property
    def name(self) -> str:
        """The projection's name."""
        return self.projection.name


class Wired(msgspec.Struct, frozen=True):
    """Everything the runtime needs to know of an application."""

    application: Application
    events: EventTypes
    handlings: dict[type[Command], Handling]
    folds: dict[str, dict[type[Event], Callable[..., Any]]]
    fingerprints: dict[str, str]
    foldings: dict[str, Folding]
    writings: dict[str, Writing]
    answerings: dict[type[Query[Any]], tuple[Answering, Route]]
    routes: tuple[Route, ...]


def wire(application: Application) -> Wired:
    """Put ``application`` together. Raises WiringProblems with every mistake in it."""
    problems: list[Mistake] = []
    parts = [part for module in application.modules for part in module.parts]
    aggregates = [part for part in parts if isinstance(part, Aggregate)]
    routes = tuple(part for part in parts if isinstance(part, Route))
    folds = {a.name: a.folds(problems) if isinstance(a, EventSourced) else {} for a in aggregates}
    _unique([(a.name, a.declared_at) for a in aggregates], "aggregate", problems)
    deciders = {a.name: a.deciders(problems) for a in aggregates}
    events = _events(aggregates, folds, deciders, problems)
    handlings = _handlings(aggregates, deciders, routes, problems)
    foldings = _foldings([p for p in parts if isinstance(p, Projection)], events, problems)
    writings = _writings([p for p in parts if isinstance(p, Handwritten)], events, problems)
    answerings = _answerings(routes, foldings, handlings, problems)
    _check_routes(routes, problems)
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
        answerings,
        routes,
    )


def _unique(named: list[tuple[str, tuple[str, int]]], what: str, problems: list[Mistake]) -> None:
    seen: dict[str, tuple[str, int]] = {}
    for name, where in named:
        if name in seen:
            file, line = seen[name]
            problems.append(
                Mistake(f"two {what}s are named {name!r}, the other at {file}:{line}", *where)
            )
        seen[name] = where


def _events(
    aggregates: list[Aggregate[Any]],
    folds: dict[str, dict[type[Event], Callable[..., Any]]],
    deciders: dict[str, list[Decider]],
    problems: list[Mistake],
) -> EventTypes:
    types: dict[str, EventType] = {}
    owners: dict[type[Event], str] = {}
    for aggregate in aggregates:
        decided = {event for d in deciders[aggregate.name] for event in d.events}
        folded = folds[aggregate.name]
        if isinstance(aggregate, EventSourced):
            for event in decided - folded.keys():
                problems.append(
                    mistake(
                        f"{aggregate.name} decides {event.__name__}, but no fold takes it: add it "
                        f"to a function decorated with @{aggregate.name}.evolves",
                        event,
                    )
                )
        for event in {**folded, **dict.fromkeys(decided)}:
            if owners.setdefault(event, aggregate.name) != aggregate.name:
                problems.append(
                    mistake(
                        f"{event.__name__} belongs to two aggregates, {owners[event]} and "
                        f"{aggregate.name}: declare one class for each",
                        event,
                    )
                )
            name = f"{aggregate.name}.{event.__name__}"
            try:
                types[name] = EventType(name, event, aggregate.upcasters.get(event))
            except TypeError as exc:
                problems.append(mistake(f"{event.__name__} can't be decoded: {exc}", event))
        for former, event in aggregate.former_names.items():
            types[former] = EventType(former, event, aggregate.upcasters.get(event))
    return _with_current_names(types)


def _with_current_names(types: dict[str, EventType]) -> EventTypes:
    known = EventTypes(types)
    for kind in types.values():
        if kind.name.partition(".")[2] == kind.cls.__name__:
            known.by_class[kind.cls] = kind
    return known


def _handlings(
    aggregates: list[Aggregate[Any]],
    deciders: dict[str, list[Decider]],
    routes: tuple[Route, ...],
    problems: list[Mistake],
) -> dict[type[Command], Handling]:
    rules: dict[type[Command], Route] = {}
    for route in routes:
        if isinstance(route.target, type):
            rules.setdefault(route.target, route)
    found: dict[type[Command], Handling] = {}
    for aggregate in aggregates:
        for decider in deciders[aggregate.name]:
            for command in decider.commands:
                if command in found:
                    other = found[command].decider.function.__name__
                    problems.append(
                        mistake(
                            f"{decider.function.__name__} decides {command.__name__}, which "
                            f"{other} decides already",
                            decider.function,
                        )
                    )
                if command not in rules:
                    problems.append(
                        mistake(
                            f"nothing says who may {command.__name__}: add a route for it "
                            "(post, put, delete or internal) with may=",
                            command,
                        )
                    )
                    continue
                found[command] = _handling(command, aggregate, decider, rules[command], problems)
    for command, route in rules.items():
        if command not in found and not any(command.__name__ in str(p) for p in problems):
            problems.append(Mistake(f"no aggregate decides {command.__name__}", *route.declared_at))
    return found


def _handling(
    command: type[Command],
    aggregate: Aggregate[Any],
    decider: Decider,
    route: Route,
    problems: list[Mistake],
) -> Handling:
    identity = identity_field(command, aggregate.identity, problems)
    if not identity and not decider.creates:
        name = getattr(aggregate.identity, "__name__", "its id type")
        problems.append(
            mistake(f"{command.__name__} needs a field of type {name} to say which one", command)
        )
    handling = Handling(
        command,
        aggregate,
        decider,
        route.may,
        identity,
        _owner_field(command),
        _owner_field(aggregate.state_type),
        f"{aggregate.name}.{command.__name__}",
    )
    if route.may.owners and not (handling.state_owner or handling.command_owner):
        problems.append(
            Mistake(
                f"{command.__name__} is for the owner, but no field of "
                f"{aggregate.state_type.__name__} is marked Owner[…]",
                *route.declared_at,
            )
        )
    return handling


def identity_field(command: type[Command], identity: Any, problems: list[Mistake]) -> str:
    """The field that names the aggregate: the one of its id type, or the one marked Key."""
    annotations = hints(command)
    own = [n for n in command.__struct_fields__ if identity in _kinds(annotations[n])]
    keyed = [n for n in own if any(isinstance(m, Use) and m.key for m in marks(annotations[n]))]
    candidates = keyed or own
    if len(candidates) > 1:
        problems.append(
            mistake(
                f"{command.__name__} has several fields of type {identity.__name__} "
                f"({', '.join(candidates)}): mark the aggregate's own as Key[…]",
                command,
            )
        )
    return candidates[0] if candidates else ""


def _kinds(annotation: Any) -> tuple[Any, ...]:
    return tuple(m for m in members(annotation) if isinstance(m, NewType | type))


def _owner_field(cls: type) -> str:
    if not issubclass(cls, msgspec.Struct):
        return ""
    annotations = hints(cls)
    return next(
        (
            name
            for name in cls.__struct_fields__
            if any(isinstance(m, Use) and m.owner for m in marks(annotations[name]))
        ),
        "",
    )


def _names_of(
    event: type[Event], events: EventTypes, where: Callable[..., Any], problems: list[Mistake]
) -> list[str]:
    names = [name for name, kind in events.by_name.items() if kind.cls is event]
    if not names:
        problems.append(
            mistake(
                f"{where.__name__} waits for {event.__name__}, which no aggregate of this "
                "application records",
                where,
            )
        )
    return names


def _foldings(
    projections: list[Projection[Any]], events: EventTypes, problems: list[Mistake]
) -> dict[str, Folding]:
    _unique([(p.name, p.declared_at) for p in projections], "projection", problems)
    found = {}
    for projection in projections:
        model = Model(projection.model, projection.name, problems)
        table: dict[str, tuple[Fold, ...]] = {}
        for fold in projection.folds(problems):
            _check_fold(fold, model, problems)
            for event in fold.events:
                for name in _names_of(event, events, fold.function, problems):
                    table[name] = (*table.get(name, ()), fold)
        found[projection.name] = Folding(projection, model, table, projection.fingerprint())
    return found


def _check_fold(fold: Fold, model: Model, problems: list[Mistake]) -> None:
    name = fold.function.__name__
    elsewhere = fold.key is not None or fold.each is not None
    if elsewhere and not fold.accepts_missing:
        problems.append(
            mistake(
                f"{name} folds events of other streams, which may come before the document is "
                f"there: take {model.type.__name__} | None",
                fold.function,
            )
        )
    if fold.where and fold.where not in {c.name for c in model.columns if c.filter}:
        problems.append(
            mistake(
                f"{name} finds documents by {fold.where}, which is not marked Filter[…] in "
                f"{model.type.__name__}",
                fold.function,
            )
        )


def _writings(
    projections: list[Handwritten], events: EventTypes, problems: list[Mistake]
) -> dict[str, Writing]:
    _unique([(p.name, p.declared_at) for p in projections], "projection", problems)
    found = {}
    for projection in projections:
        table = {
            name: function
            for event, function in projection.handlers(problems).items()
            for name in _names_of(event, events, function, problems)
        }
        found[projection.name] = Writing(projection, table, projection.fingerprint())
    return found


def _answerings(
    routes: tuple[Route, ...],
    foldings: dict[str, Folding],
    handlings: dict[type[Command], Handling],
    problems: list[Mistake],
) -> dict[type[Query[Any]], tuple[Answering, Route]]:
    found: dict[type[Query[Any]], tuple[Answering, Route]] = {}
    for route in routes:
        target = route.target
        if isinstance(target, type):
            continue
        asked = target.projections if isinstance(target, Answering) else (target.projection,)
        for projection in asked:
            if foldings.get(projection.name) is None:
                problems.append(Mistake(f"{projection.name} is in no module", *route.declared_at))
            elif route.may.owners and not foldings[projection.name].model.owner:
                problems.append(
                    Mistake(
                        f"{route.path} is for the owner, but no field of "
                        f"{projection.model.__name__} is marked Owner[…]",
                        *route.declared_at,
                    )
                )
        if isinstance(target, Answering):
            message = target.message(problems)
            if message is not None:
                found[message] = (target, route)
    return found


def _check_routes(routes: tuple[Route, ...], problems: list[Mistake]) -> None:
    _unique([(f"{r.method} {r.path}", r.declared_at) for r in routes if r.path], "route", problems)
    for route in routes:
        if route.path and not route.path.startswith("/"):
            problems.append(
                Mistake(f"the path {route.path!r} must begin with /", *route.declared_at)
            )
        for name in route.path_names:
            allowed = _path_names(route)
            if allowed is not None and name not in allowed:
                problems.append(
                    Mistake(
                        f"{route.path} has {{{name}}}, but the fields are {', '.join(allowed)}",
                        *route.declared_at,
                    )
                )


def _path_names(route: Route) -> list[str] | None:
    target = route.target
    if isinstance(target, type):
        return [bare(field.encode_name) for field in msgspec.structs.fields(target)]
    if isinstance(target, OneOf):
        return None if len(route.path_names) == 1 else ["one parameter, the document's key"]
    if isinstance(target, PageOf):
        return []
    message = target.message([])
    return None if message is None else [f.encode_name for f in msgspec.structs.fields(message)]
