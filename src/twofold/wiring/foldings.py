"""Projections: each event finds its folds, and each fold finds its documents."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from twofold.domain.projection import Fold, Handwritten, Projection
from twofold.domain.signatures import members, mistake, parameters
from twofold.errors import Mistake, WiringProblems
from twofold.messages.value import Event
from twofold.wiring.checking import unique
from twofold.wiring.event_types import EventTypes
from twofold.wiring.model import Model


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


def find_foldings(
    projections: list[Projection[Any]], events: EventTypes, problems: list[Mistake]
) -> dict[str, Folding]:
    """Every projection with its folds; what is wrong goes to ``problems``."""
    found = {}
    for projection in projections:
        model = Model(projection.model, projection.name, problems)
        table: dict[str, tuple[Fold, ...]] = {}
        folds = projection.folds(problems)
        for fold in folds:
            _check_fold(fold, model, problems)
            for event in fold.events:
                for name in names_of(event, events, fold.function, problems):
                    table[name] = (*table.get(name, ()), fold)
        _check_complete(projection, folds, events, problems)
        # What can't be read has no fingerprint, and with problems nothing is going to run.
        fingerprint = "" if problems else projection.fingerprint()
        found[projection.name] = Folding(projection, model, table, fingerprint)
    return found


def find_writings(
    projections: list[Handwritten], events: EventTypes, problems: list[Mistake]
) -> dict[str, Writing]:
    """Every handwritten projection; what is wrong goes to ``problems``."""
    found = {}
    for projection in projections:
        handlers = projection.handlers(problems)
        for function in dict.fromkeys(handlers.values()):
            if not inspect.iscoroutinefunction(function):
                problems.append(mistake(f"{function.__name__} must be an async function", function))
        table = {
            name: function
            for event, function in handlers.items()
            for name in names_of(event, events, function, problems)
        }
        found[projection.name] = Writing(projection, table, projection.fingerprint())
    return found


def check_idempotent(writings: Iterable[Writing]) -> None:
    """Raises WiringProblems for those that need the store's transaction to apply an event once."""
    problems = [
        Mistake(
            f"{writing.name} writes by hand, and this read store has no transactions: an event may "
            "be handled twice; declare idempotent=True if that changes nothing, or use another "
            "read store",
            *writing.projection.declared_at,
        )
        for writing in writings
        if not writing.projection.idempotent
    ]
    if problems:
        raise WiringProblems(problems)


def check_names(
    projections: list[Projection[Any]], writings: list[Handwritten], problems: list[Mistake]
) -> None:
    """Checkpoints are kept by name, so all projections share one space of names."""
    named = [(p.name, p.declared_at) for p in projections]
    unique([*named, *((w.name, w.declared_at) for w in writings)], "projection", problems)


def names_of(
    event: type[Event], events: EventTypes, where: Callable[..., Any], problems: list[Mistake]
) -> list[str]:
    """The names under which ``event`` is recorded; a mistake if there are none."""
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


def _check_fold(fold: Fold, model: Model, problems: list[Mistake]) -> None:
    function = fold.function
    (_, document), *_ = parameters(function)
    for kind in members(document):
        if document is not None and kind not in (type(None), model.type, Any):
            problems.append(
                mistake(
                    f"{function.__name__} takes {getattr(kind, '__name__', kind)}, but the "
                    f"documents of {model.name} are {model.type.__name__}",
                    function,
                )
            )
    elsewhere = fold.key is not None or fold.each is not None
    if elsewhere and not fold.accepts_missing:
        problems.append(
            mistake(
                f"{function.__name__} folds events of other streams, which may come before the "
                f"document is there: take {model.type.__name__} | None",
                function,
            )
        )
    if fold.where and fold.where not in {c.name for c in model.columns if c.filter}:
        problems.append(
            mistake(
                f"{function.__name__} finds documents by {fold.where}, which is not marked "
                f"Filter[…] in {model.type.__name__}",
                function,
            )
        )


def _check_complete(
    projection: Projection[Any], folds: list[Fold], events: EventTypes, problems: list[Mistake]
) -> None:
    """One document per aggregate must follow the aggregate through all that happens to it.

    A fold that was forgotten shows nowhere else: the documents are merely wrong.
    """
    handled = {event for fold in folds for event in fold.events} | projection.ignored
    own = [f for f in folds if f.key is None and f.each is None and not f.where]
    kept = {events.by_class[e].category for f in own for e in f.events if e in events.by_class}
    for kind in events.by_class.values():
        if kind.category in kept and kind.cls not in handled:
            problems.append(
                mistake(
                    f"{projection.name} keeps a document for each {kind.category}, but no fold "
                    f"takes {kind.cls.__name__}: add it, or declare .ignores({kind.cls.__name__})",
                    own[-1].function,
                )
            )
