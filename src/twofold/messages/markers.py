"""Markers on fields: what a read model's field is for.

    class OrderSummary(ReadModel):
        order_id: Key[OrderId]
        customer_id: Owner[CustomerId]
        status: Facet[Status]
        placed_at: Annotated[Sort[datetime], Between("from", "to")]
        title: Sort[Search[str]]

A marker never changes the field's type. On commands and events markers mean nothing, so fields
shared through a mixin are marked once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Use:
    """What one field is used for; several markers on a field add up."""

    key: bool = False
    filter: bool = False
    sort: bool = False
    facet: bool = False
    search: bool = False
    owner: bool = False
    measure: bool = False
    column: bool = False
    listed: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """The name under which lists filter, sort and count by the field: ``category``."""

    name: str


@dataclass(frozen=True, slots=True)
class Between:
    """The field can be limited from below and above (both inclusive) by two query parameters."""

    least: str
    most: str


Key: TypeAlias = Annotated[T, Use(key=True)]
"""The document's identity; exactly one field has it."""
Filter: TypeAlias = Annotated[T, Use(filter=True)]
"""Queries may ask for equal values (any of several; for a tuple field: containing)."""
Sort: TypeAlias = Annotated[T, Use(sort=True)]
"""Lists may be sorted by it."""
Facet: TypeAlias = Annotated[T, Use(filter=True, facet=True)]
"""Filterable, and lists can count its values."""
Search: TypeAlias = Annotated[T, Use(search=True)]
"""Full-text search covers it and highlights hits in it."""
Owner: TypeAlias = Annotated[T, Use(filter=True, owner=True)]
"""The caller whom the document (or an aggregate's state) belongs to: see the rule ``own``."""
Listed: TypeAlias = Annotated[T, Use(column=True, listed=True)]
"""A bool: where it is False the document is there for folds alone; no query finds it."""
Column: TypeAlias = Annotated[T, Use(column=True)]
"""Kept beside the document for reports to group and limit by; no list can be filtered by it."""
Measure: TypeAlias = Annotated[T, Use(measure=True)]
"""A number that reports add up."""
