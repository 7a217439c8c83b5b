"""Rows with the same facets, counted as they are written: lists then need not count them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from twofold.adapters._columns import column_of
from twofold.adapters._counted import Counts
from twofold.ports.read_store import Column, ColumnKind, Condition, FacetCount, Select, Table

# More groups than these take as long to add up as a list's rows take to count.
LONGEST = 20_000


def group_columns(table: Table) -> list[Column]:
    """What rows are grouped by: facets, and whatever is yes or no.

    Of one alone, its index tells the same in one pass, and writing is cheaper.
    """
    found = [c for c in table.columns if c.facet or c.kind is ColumnKind.BOOLEAN]
    return found if len(found) > 1 else []


def in_groups(table: Table, select: Select) -> bool:
    """Whether the groups say all that is to be counted for ``select``."""
    names = {column.name for column in group_columns(table)}
    alike = all(c.test == "any_of" and c.column in names for c in select.where)
    return bool(names) and alike and not select.text.strip()


def beyond_facets(select: Select) -> list[Condition]:
    """The conditions that no facet of ``select`` ignores."""
    return [condition for condition in select.where if condition.column not in select.facets]


def added_up(table: Table, select: Select, groups: Iterable[Sequence[Any]]) -> Counts:
    """Total and facets, from groups of the facets' values and how many rows have them.

    A group counts for a facet where all limits hold but the one on that facet.
    """
    facets = [column_of(table, name) for name in select.facets]
    limits = [[set(c.values) for c in select.where if c.column == f.name] for f in facets]
    total, tallies = 0, [Counter[Any]() for _ in facets]
    for *values, count in groups:
        parts = [
            tuple(value or ()) if facet.kind is ColumnKind.TEXTS else (value,)
            for facet, value in zip(facets, values, strict=True)
        ]
        missed = [i for i, part in enumerate(parts) if not _within(part, limits[i])]
        if not missed:
            total += count
        if len(missed) > 1:
            continue
        for i in missed or range(len(parts)):
            for value in parts[i]:
                tallies[i][value] += count
    found = {f.name: _frequent_first(tally) for f, tally in zip(facets, tallies, strict=True)}
    return Counts(total if select.total else None, found)


def _within(part: Sequence[Any], limits: Sequence[set[Any]]) -> bool:
    return all(not limit.isdisjoint(part) for limit in limits)


def _frequent_first(tally: Counter[Any]) -> list[FacetCount]:
    ordered = sorted(
        tally.items(),
        key=lambda one: (-one[1], one[0] is None, "" if one[0] is None else one[0]),
    )
    return [FacetCount(value, count) for value, count in ordered]
