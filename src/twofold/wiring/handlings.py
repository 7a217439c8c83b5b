"""Commands: each is decided by one function of one aggregate, and one rule says who may."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NewType

import msgspec

from twofold.domain.aggregate import Aggregate, Decider, Way
from twofold.domain.caller import Rule
from twofold.domain.signatures import bare, hints, marks, members, mistake, parameters
from twofold.errors import Mistake
from twofold.messages.markers import Use
from twofold.messages.value import Command
from twofold.wiring.checking import annotated, owner_field, readable
from twofold.wiring.routes import Route


class Via(msgspec.Struct, frozen=True):
    """The command's ``field`` names an aggregate of another kind, whose state knows the id.

    ``owner`` is that state's field which the rule ``own`` compares.
    """

    field: str
    way: Way
    owner: str


class Handling(msgspec.Struct, frozen=True):
    """How one command is handled. ``identity_field`` is "" where it always starts a new one.

    ``command_owner`` and ``state_owner`` name the fields that the rule ``own`` compares; with
    ``via`` it is the other aggregate's.
    """

    command: type[Command]
    aggregate: Aggregate[Any]
    decider: Decider
    may: Rule
    identity_field: str
    command_owner: str
    state_owner: str
    operation: str
    via: Via | None = None
    answer_wants_events: bool = False

    @property
    def begins(self) -> bool:
        """Whether success always means that there is a new aggregate."""
        only = self.decider.creates and not self.decider.changes
        return self.via is None and (only or not self.identity_field)


def find_handlings(
    aggregates: list[Aggregate[Any]],
    deciders: dict[str, list[Decider]],
    routes: tuple[Route, ...],
    problems: list[Mistake],
) -> dict[type[Command], Handling]:
    """How each command is handled; what is wrong goes to ``problems``."""
    rules: dict[type[Command], Route] = {}
    for route in routes:
        if isinstance(route.target, type):
            rules.setdefault(route.target, route)
    found: dict[type[Command], Handling] = {}
    decided: dict[type[Command], Callable[..., Any]] = {}
    for aggregate in aggregates:
        _check_answer(aggregate, problems)
        for decider in deciders[aggregate.name]:
            _check_decider(aggregate, decider, problems)
            for command in decider.commands:
                if command in decided:
                    other = decided[command].__name__
                    problems.append(
                        mistake(
                            f"{decider.function.__name__} decides {command.__name__}, which "
                            f"{other} decides already",
                            decider.function,
                        )
                    )
                decided[command] = decider.function
                if command in rules:
                    route = rules[command]
                    found[command] = _handling(command, aggregate, decider, route, problems)
                else:
                    problems.append(
                        mistake(
                            f"nothing says who may {command.__name__}: add a route for it "
                            "(post, put, delete or internal) with may=",
                            command,
                        )
                    )
    for command, route in rules.items():
        if command not in decided:
            problems.append(Mistake(f"no aggregate decides {command.__name__}", *route.declared_at))
    return found


def _check_answer(aggregate: Aggregate[Any], problems: list[Mistake]) -> None:
    answer = aggregate.answer
    if answer is None:
        return
    if _taken(answer) not in (2, 4) or "return" not in hints(answer):
        problems.append(
            mistake(
                f"{answer.__name__}: an answer takes (id, state) or (id, state, command, events) "
                "and names the type it returns",
                answer,
            )
        )


def _taken(answer: Callable[..., Any]) -> int:
    return len(inspect.signature(answer).parameters)


def _check_decider(aggregate: Aggregate[Any], decider: Decider, problems: list[Mistake]) -> None:
    function = decider.function
    (_, state), *_ = parameters(function)
    known = (type(None), aggregate.state_type, Any)
    for kind in members(state):
        if state is not None and kind not in known:
            problems.append(
                mistake(
                    f"{function.__name__} takes {getattr(kind, '__name__', kind)}, but the state "
                    f"of {aggregate.name} is {aggregate.state_type.__name__}",
                    function,
                )
            )
    if decider.given is not None and not inspect.iscoroutinefunction(decider.given):
        problems.append(
            mistake(
                f"{function.__name__}: given= must be an async function "
                "(command, sources, context) -> facts",
                function,
            )
        )


def _handling(
    command: type[Command],
    aggregate: Aggregate[Any],
    decider: Decider,
    route: Route,
    problems: list[Mistake],
) -> Handling:
    identity, via = "", None
    if readable(command, "the command", problems):
        identity = identity_field(command, aggregate.identity, problems)
        via = None if identity else _via(command, aggregate, problems)
        if not identity and via is None and not decider.creates:
            name = getattr(aggregate.identity, "__name__", "its id type")
            problems.append(
                mistake(
                    f"{command.__name__} needs a field of type {name} to say which one", command
                )
            )
    handling = Handling(
        command,
        aggregate,
        decider,
        route.may,
        identity,
        owner_field(command, problems),
        owner_field(aggregate.state_type, problems),
        f"{aggregate.name}.{command.__name__}",
        via,
        aggregate.answer is not None and _taken(aggregate.answer) == 4,
    )
    owned = handling.state_owner or handling.command_owner or (via and via.owner)
    if route.may.owners and not owned:
        problems.append(
            Mistake(
                f"{command.__name__} is for the owner, but no field of "
                f"{aggregate.state_type.__name__} is marked Owner[…]",
                *route.declared_at,
            )
        )
    return handling


def _via(command: type[Command], aggregate: Aggregate[Any], problems: list[Mistake]) -> Via | None:
    for way in aggregate.ways:
        field = identity_field(command, way.start.identity, problems)
        if field:
            return Via(field, way, owner_field(way.start.state_type, problems))
    return None


def identity_field(command: type[Command], identity: Any, problems: list[Mistake]) -> str:
    """The field that names the aggregate: the one of its id type, or the one marked Key."""
    known = annotated(command, problems)
    own = [n for n in command.__struct_fields__ if identity in _kinds(known.get(n))]
    keyed = [n for n in own if any(isinstance(m, Use) and m.key for m in marks(known[n]))]
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
    return tuple(m for m in members(bare(annotation)) if isinstance(m, NewType | type))
