"""Queries and routes: what can be asked, where, and by whom."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec
from msgspec.structs import fields as struct_fields

from twofold.domain.projection import OneOf, PageOf
from twofold.domain.questions import Answering, Fresh
from twofold.domain.signatures import mistake
from twofold.errors import Mistake
from twofold.messages.value import Query
from twofold.wiring.checking import readable, unique
from twofold.wiring.foldings import Folding
from twofold.wiring.routes import Route

Answerings = dict[type[Query[Any]], tuple[Answering, Route]]


def find_answerings(
    routes: tuple[Route, ...], foldings: dict[str, Folding], problems: list[Mistake]
) -> Answerings:
    """Queries of the application's own; what is wrong with any query goes to ``problems``."""
    found: Answerings = {}
    for route in routes:
        target = route.target
        if isinstance(target, type):
            continue
        asked = target.projections if isinstance(target, Answering) else (target.projection,)
        for projection in asked:
            _check_projection(route, foldings.get(projection.name), projection.name, problems)
        if isinstance(target, PageOf) and projection.name in foldings:
            _check_sort(route, target, foldings[projection.name], problems)
        if isinstance(target, Answering):
            _add(found, target, route, problems)
    return found


def _check_projection(
    route: Route, folding: Folding | None, name: str, problems: list[Mistake]
) -> None:
    if folding is None:
        problems.append(Mistake(f"{name} is in no module", *route.declared_at))
    elif route.may.owners and not folding.model.owner:
        problems.append(
            Mistake(
                f"{route.path} is for the owner, but no field of "
                f"{folding.model.type.__name__} is marked Owner[…]",
                *route.declared_at,
            )
        )


def _check_sort(route: Route, page: PageOf, folding: Folding, problems: list[Mistake]) -> None:
    if page.sort and page.sort[0] not in folding.model.sorts:
        problems.append(
            Mistake(
                f"the list is sorted by {page.sort[0]}, which is not marked Sort[…] in "
                f"{folding.model.type.__name__}",
                *route.declared_at,
            )
        )


def _add(found: Answerings, target: Answering, route: Route, problems: list[Mistake]) -> None:
    function = target.function
    message = target.message(problems)
    if message is None or not readable(message, "the query", problems):
        return
    if not inspect.iscoroutinefunction(function):
        problems.append(mistake(f"{function.__name__} must be an async function", function))
    if not target.projections:
        problems.append(
            mistake(
                f"{function.__name__}: name the projections it reads, @answers(…), so that its "
                "answer can say how current it is",
                function,
            )
        )
    known = found.setdefault(message, (target, route))
    if known[0].function is not function:
        problems.append(
            mistake(
                f"{function.__name__} answers {message.__name__}, which "
                f"{known[0].function.__name__} answers already",
                function,
            )
        )


class Promise(msgspec.Struct, frozen=True):
    """A query that promises to be fresh, by its name, and the projections it reads."""

    query: str
    fresh: Fresh
    projections: tuple[str, ...]


def find_promises(routes: tuple[Route, ...]) -> dict[int, Promise]:
    """The promises of routes that make one, by the ``id`` of their targets, which pages share."""
    return {
        id(route.target): _promise(route, route.fresh)
        for route in routes
        if route.fresh is not None
    }


def _promise(route: Route, fresh: Fresh) -> Promise:
    target = route.target
    if isinstance(target, Answering):
        message = target.message([])
        name = message.__name__ if message is not None else target.function.__name__
        return Promise(name, fresh, tuple(one.name for one in target.projections))
    assert isinstance(target, OneOf | PageOf)
    kind = "one" if isinstance(target, OneOf) else "page"
    return Promise(f"{target.projection.name}.{kind}", fresh, (target.projection.name,))


def _check_fresh(routes: tuple[Route, ...], problems: list[Mistake]) -> None:
    known: dict[str, Fresh] = {}
    for route in routes:
        fresh = route.fresh
        if fresh is None:
            continue
        if isinstance(route.target, type):
            problems.append(
                Mistake("commands are never behind: fresh= is for queries", *route.declared_at)
            )
            continue
        if not (0 < fresh.share < 1 and fresh.seconds > 0):
            why = "fresh= takes seconds above 0 and a share between 0 and 1: Fresh(0.2, 0.99)"
            problems.append(Mistake(why, *route.declared_at))
        name = _promise(route, fresh).query
        if known.setdefault(name, fresh) != fresh:
            problems.append(
                Mistake(f"{name} promises something else elsewhere", *route.declared_at)
            )


def check_routes(routes: tuple[Route, ...], problems: list[Mistake]) -> None:
    """Each path once, well-formed, with parameters that its target has."""
    _check_fresh(routes, problems)
    unique([(f"{r.method} {r.path}", r.declared_at) for r in routes if r.path], "route", problems)
    for route in routes:
        if route.path and not route.path.startswith("/"):
            problems.append(
                Mistake(f"the path {route.path!r} must begin with /", *route.declared_at)
            )
        allowed = _path_names(route) if route.path_names or isinstance(route.target, OneOf) else ()
        for name in route.path_names:
            if allowed is not None and name not in allowed:
                listed = ", ".join(allowed) or "none"
                problems.append(
                    Mistake(
                        f"{route.path} has {{{name}}}, but the fields are {listed}",
                        *route.declared_at,
                    )
                )
        if isinstance(route.target, OneOf) and route.path and len(route.path_names) != 1:
            problems.append(
                Mistake(
                    f"{route.path} needs one parameter, the document's key: /…/{{id}}",
                    *route.declared_at,
                )
            )


def _path_names(route: Route) -> tuple[str, ...] | None:
    """The parameters a path may have; None: any, or unknown."""
    target = route.target
    if isinstance(target, OneOf):
        return None
    if isinstance(target, PageOf):
        return ()
    message = target if isinstance(target, type) else target.message([])
    try:
        return None if message is None else tuple(f.encode_name for f in struct_fields(message))
    except NameError:
        # Reported already, as a message that can't be read.
        return None
