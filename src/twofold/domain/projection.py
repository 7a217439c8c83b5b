"""Projections: folds of events into documents.

    portfolio = Projection(PortfolioItem)

    @portfolio.on
    def submitted(item: PortfolioItem | None, event: Submitted) -> PortfolioItem: ...

Which document an event concerns:

* ``@on`` alone: the one whose key is the id of the event's stream;
* ``@on(key=f)``: the one whose key ``f(event, meta)`` computes;
* ``@on(each=f)``: several; ``f(event, meta)`` yields (key, part) and the fold receives the parts;
* ``@on(where=lambda doc: doc.field, equals=f)``: all whose field equals ``f(event, meta)``;
  none where that is None.

``beside=f`` gives the fold a second document, the one whose key ``f(event, meta)`` computes (or
None), as a further parameter. So what belongs to many documents and may come before them, such as
the title of something they refer to, is kept once; mark such documents ``Listed[bool]`` = False.

A fold does no I/O. It returns the new document, or None to remove it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

import msgspec

from twofold.domain.aggregate import snake_case
from twofold.domain.fields import field_name
from twofold.domain.fingerprint import fingerprint
from twofold.domain.signatures import (
    bare,
    caller_place,
    classes_within,
    mistake,
    optional,
    parameters,
)
from twofold.errors import Mistake
from twofold.messages.recorded import Recorded
from twofold.messages.value import Event, ReadModel

D = TypeVar("D", bound=ReadModel)
P = ParamSpec("P")
F = TypeVar("F", bound=Callable[..., Any])


class Fold(msgspec.Struct, frozen=True):
    """One fold of a projection and how it finds its documents.

    ``wants``: what it takes after document and event, "meta" or "beside". ``accepts_missing``: the
    document may not exist yet.
    """

    function: Callable[..., Any]
    events: tuple[type[Event], ...]
    wants: tuple[str, ...]
    accepts_missing: bool
    key: Callable[[Any, Recorded], str] | None = None
    each: Callable[[Any, Recorded], Iterable[tuple[str, Any]]] | None = None
    where: str = ""
    equals: Callable[[Any, Recorded], Any] | None = None
    beside: Callable[[Any, Recorded], str] | None = None


class _Declared(msgspec.Struct, frozen=True):
    function: Callable[..., Any]
    key: Callable[..., Any] | None
    each: Callable[..., Any] | None
    where: Callable[..., Any] | None
    equals: Callable[..., Any] | None
    beside: Callable[..., Any] | None


class Projection(Generic[D]):
    """Keeps the documents of one read model in step with the log."""

    def __init__(self, model: type[D], *, name: str = "") -> None:
        self.model = model
        self.name = name or snake_case(model.__name__)
        self.declared_at = caller_place()
        self.ignored: frozenset[type[Event]] = frozenset()
        self._declared: list[_Declared] = []

    @overload
    def on(
        self, function: Callable[Concatenate[D, P], D | None], /
    ) -> Callable[Concatenate[D, P], D | None]: ...
    @overload
    def on(
        self,
        /,
        *,
        key: Callable[[Any, Recorded], str] | None = None,
        each: Callable[[Any, Recorded], Iterable[tuple[str, Any]]] | None = None,
        where: Callable[[D], Any] | None = None,
        equals: Callable[[Any, Recorded], Any] | None = None,
        beside: Callable[[Any, Recorded], str] | None = None,
    ) -> Callable[
        [Callable[Concatenate[D, P], D | None]], Callable[Concatenate[D, P], D | None]
    ]: ...
    def on(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        key: Callable[..., Any] | None = None,
        each: Callable[..., Any] | None = None,
        where: Callable[..., Any] | None = None,
        equals: Callable[..., Any] | None = None,
        beside: Callable[..., Any] | None = None,
    ) -> Callable[..., Any]:
        """Decorates a fold; see the module for the ways to find its documents."""

        def register(fold: Callable[..., Any]) -> Callable[..., Any]:
            self._declared.append(_Declared(fold, key, each, where, equals, beside))
            return fold

        return register(function) if function is not None else register

    def ignores(self, *events: type[Event]) -> None:
        """Events of aggregates whose documents it keeps, but which change none of them."""
        self.ignored |= frozenset(events)

    @property
    def page(self) -> PageOf:
        """The list of all documents, filtered, sorted and paged as the markers declare."""
        return PageOf(self)

    def page_by(self, field: Callable[[D], object], *, descending: bool = False) -> PageOf:
        """``page``, sorted by ``field`` where the request does not say how."""
        return PageOf(self, (field_name(field), descending))

    @property
    def one(self) -> OneOf:
        """One document by its key."""
        return OneOf(self)

    def folds(self, problems: list[Mistake]) -> list[Fold]:
        """All folds, read from their annotations; what is wrong goes to ``problems``."""
        return [f for f in (self._fold(item, problems) for item in self._declared) if f]

    def _fold(self, declared: _Declared, problems: list[Mistake]) -> Fold | None:
        function = declared.function
        try:
            (_, document), (_, subject), *others = parameters(function)
            where = field_name(declared.where) if declared.where else ""
            source = parameters(declared.each)[0][1] if declared.each else subject
        except (NameError, ValueError, TypeError, IndexError) as exc:
            problems.append(
                mistake(
                    f"{function.__name__}: a fold takes (document, event[, meta]): {exc}", function
                )
            )
            return None
        events = classes_within(source, Event)
        if not events:
            problems.append(mistake(f"{function.__name__}: which events does it fold?", function))
        if declared.each is not None and declared.beside is not None:
            problems.append(mistake(f"{function.__name__}: beside= can't go with each=", function))
        ways = sum(way is not None for way in (declared.key, declared.each, declared.where))
        if ways > 1 or (declared.where is None) != (declared.equals is None):
            problems.append(
                mistake(
                    f"{function.__name__}: a fold finds documents by key=, by each=, or by where= "
                    "together with equals=",
                    function,
                )
            )
        wants = tuple("meta" if bare(kind) is Recorded else "beside" for _, kind in others)
        if wants.count("beside") != (declared.beside is not None) or wants.count("meta") > 1:
            problems.append(
                mistake(
                    f"{function.__name__}: beyond document and event a fold takes the Recorded "
                    "and, with on(beside=…), that document",
                    function,
                )
            )
        return Fold(
            function,
            events,
            wants=wants,
            accepts_missing=optional(document),
            key=declared.key,
            each=declared.each,
            where=where,
            equals=declared.equals,
            beside=declared.beside,
        )

    @property
    def functions(self) -> list[Callable[..., Any]]:
        """The folds, and the ways to find documents."""
        return [
            function
            for item in self._declared
            for function in msgspec.structs.astuple(item)
            if function is not None
        ]

    def fingerprint(self) -> str:
        """Changes when a fold, a way to find documents, or the model changes."""
        return fingerprint(self.functions, [self.model])


class PageOf(msgspec.Struct, frozen=True):
    """The question "which documents?" to a projection.

    ``sort`` (field, descending?) is used where the request names none; without it, by key.
    """

    projection: Projection[Any]
    sort: tuple[str, bool] | None = None


class OneOf(msgspec.Struct, frozen=True):
    """The question "this document?" to a projection."""

    projection: Projection[Any]


class Handwritten:
    """A projection that writes with the store's own transaction, as it likes.

        ledger = Handwritten("ledger")

        @ledger.on
        async def paid(connection: Any, event: Paid, meta: Recorded) -> None: ...

    The checkpoint is moved in the same transaction, so each event is applied once. On a store
    without transactions (MongoDB) writes take effect at once, and an event may be handled again or
    by two workers at the same time: ``idempotent=True`` declares that this changes nothing.
    """

    def __init__(self, name: str, *, idempotent: bool = False) -> None:
        self.name = name
        self.idempotent = idempotent
        self.declared_at = caller_place()
        self._declared: list[Callable[..., Awaitable[None]]] = []

    def on(self, function: F) -> F:
        """Decorates ``async (connection, event, meta) -> None``."""
        self._declared.append(function)
        return function

    def handlers(
        self, problems: list[Mistake]
    ) -> dict[type[Event], Callable[..., Awaitable[None]]]:
        """Event class to handler; what is wrong goes to ``problems``."""
        table: dict[type[Event], Callable[..., Awaitable[None]]] = {}
        for function in self._declared:
            try:
                _, (_, event), _ = parameters(function)
            except (NameError, ValueError) as exc:
                problems.append(
                    mistake(
                        f"{function.__name__}: it takes (connection, event, meta): {exc}", function
                    )
                )
                continue
            table.update(dict.fromkeys(classes_within(event, Event), function))
        return table

    @property
    def functions(self) -> list[Callable[..., Any]]:
        """The handlers."""
        return list(self._declared)

    def fingerprint(self) -> str:
        """Changes when a handler changes."""
        return fingerprint(self._declared, [])
