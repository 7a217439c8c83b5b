"""Queries: what can be asked of read models.

Every projection answers two questions by itself, ``projection.page`` (a list with filters, sorts
and pages as the model's markers declare) and ``projection.one``. Others are queries of one's own:

    class Revenue(Query[RevenueReport]):
        by: Dimension

    @answers(cells)
    async def revenue(query: Revenue, read: Reader) -> RevenueReport: ...
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

import msgspec

from twofold.domain.caller import Caller
from twofold.domain.fields import field_name
from twofold.domain.projection import Projection
from twofold.domain.signatures import caller_place, classes_within, hints, mistake, parameters
from twofold.errors import Mistake
from twofold.messages.value import Query, ReadModel
from twofold.ports.read_store import Condition, Scalar, Select, Selected, Summed, Sums

D = TypeVar("D", bound=ReadModel)
Q = TypeVar("Q")
R = TypeVar("R")

WhenBehind: TypeAlias = Literal["refuse", "serve-stale"]


class Fresh(msgspec.Struct, frozen=True):
    """What a query promises: ``share`` of its answers are at most ``seconds`` behind the log."""

    seconds: float
    share: float = 0.99


class Reader(Protocol):
    """Reads documents of read models; what a query of one's own is handed."""

    @property
    def caller(self) -> Caller:
        """Who asks."""

    async def one(self, projection: Projection[D], key: str) -> D | None:
        """One document."""

    async def documents(self, projection: Projection[D], select: Select) -> Sequence[D]:
        """Documents of a list, decoded."""

    async def select(self, projection: Projection[Any], select: Select) -> Selected:
        """A list as stored, with totals and facets."""

    async def sums(self, projection: Projection[Any], sums: Sums) -> Sequence[Summed]:
        """A report."""


def equal(field: Callable[[D], Any], *values: Scalar) -> Condition:
    """``field`` has one of ``values``."""
    return Condition(field_name(field), "any_of", values)


def at_least(field: Callable[[D], Any], value: Scalar) -> Condition:
    """``field`` ≥ ``value``."""
    return Condition(field_name(field), "at_least", (value,))


def at_most(field: Callable[[D], Any], value: Scalar) -> Condition:
    """``field`` ≤ ``value``."""
    return Condition(field_name(field), "at_most", (value,))


def below(field: Callable[[D], Any], value: Scalar) -> Condition:
    """``field`` < ``value``."""
    return Condition(field_name(field), "below", (value,))


class Answering(msgspec.Struct, frozen=True):
    """A query's function, and the projections whose progress its answer depends on."""

    function: Callable[..., Awaitable[Any]]
    projections: tuple[Projection[Any], ...]
    declared_at: tuple[str, int]

    def message(self, problems: list[Mistake]) -> type[Query[Any]] | None:
        """The query class it answers; what is wrong goes to ``problems``."""
        try:
            (_, query), _ = parameters(self.function)
            (kind,) = classes_within(query, Query)
        except (NameError, ValueError) as exc:
            name = self.function.__name__
            problems.append(mistake(f"{name}: an answer takes (query, read): {exc}", self.function))
            return None
        return kind

    def answer_type(self) -> Any:
        """What it returns."""
        return hints(self.function).get("return", Any)


def answers(
    *projections: Projection[Any],
) -> Callable[[Callable[[Q, Reader], Awaitable[R]]], Answering]:
    """Decorates ``async (query, read) -> answer``.

    ``projections`` are those it reads: the answer is as current as the last of them.
    """
    where = caller_place()

    def register(function: Callable[[Q, Reader], Awaitable[R]]) -> Answering:
        return Answering(function, projections, where)

    return register
