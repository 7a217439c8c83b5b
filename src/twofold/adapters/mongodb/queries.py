"""What lists and reports ask of MongoDB: filters, orders and pipelines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from bson.regex import Regex

from twofold.adapters._columns import column_of
from twofold.adapters._text import words
from twofold.adapters.mongodb.database import Document
from twofold.adapters.mongodb.rows import NONE, path, to_driver
from twofold.ports.read_store import (
    Column,
    ColumnKind,
    Condition,
    Scalar,
    Select,
    Sums,
    Table,
)

_SIGNS = {"at_least": "$gte", "at_most": "$lte", "below": "$lt"}
_NOTHING: Document = {"_id": {"$in": []}}


def single(column: Column, value: Scalar) -> Any:
    """One value to compare a column with; of several texts, one of them."""
    if column.kind is ColumnKind.TEXTS:
        return NONE if value is None else value
    return to_driver(column, value)


def matching(
    table: Table, conditions: Sequence[Condition], text: str = "", *, without: str = ""
) -> Document:
    """A filter for living rows; ``without``: the column whose conditions a facet leaves out."""
    parts = [_condition(table, c) for c in conditions if c.column != without]
    if text.strip():
        wanted = words(text)
        parts += _words(wanted) if wanted else [_NOTHING]
    return {"row.live": True, "$and": parts} if parts else {"row.live": True}


def _condition(table: Table, condition: Condition) -> Document:
    column = column_of(table, condition.column)
    given = [single(column, value) for value in condition.values]
    if condition.test == "any_of":
        return {path(column.name): given[0] if len(given) == 1 else {"$in": given}}
    return {path(column.name): {_SIGNS[condition.test]: given[0]}}


def _words(wanted: Sequence[str]) -> list[Document]:
    """All words, the last one as a prefix: both are looked up in the index of words."""
    return [{"row.t.w": word} for word in wanted[:-1]] + [{"row.t.w": _prefix(wanted)}]


def _prefix(wanted: Sequence[str]) -> Regex[str]:
    return Regex(f"^{re.escape(wanted[-1])}")


def page(table: Table, select: Select) -> Document:
    """The filter of one page."""
    found = matching(table, select.where, select.text)
    if select.after is None:
        return found
    return {**found, "$and": [*found.get("$and", ()), _beyond(table, select)]}


def order(select: Select) -> list[tuple[str, int]]:
    """Keys follow the direction of the sort, so that one index serves both."""
    if select.sort is None:
        return [("_id", 1)]
    column, descending = select.sort
    direction = -1 if descending else 1
    return [(path(column), direction), ("_id", direction)]


def _beyond(table: Table, select: Select) -> Document:
    assert select.after is not None
    value, key = select.after
    if select.sort is None:
        return {"_id": {"$gt": key}}
    name, descending = select.sort
    sign = "$lt" if descending else "$gt"
    placed = single(column_of(table, name), value)
    ways: list[Document] = [{path(name): placed, "_id": {sign: key}}]
    if value is not None:
        ways.append({path(name): {sign: placed}})
        if not descending:
            # Values compare within their type, so what has none is named beside them.
            ways.append({path(name): NONE})
    elif descending:
        ways.append({path(name): {"$ne": NONE}})
    return {"$or": ways}


def ranked(table: Table, select: Select) -> list[Document]:
    """A pipeline for keys by relevance: what hits are worth, added up."""
    wanted = words(select.text)
    hits = [{"row.t.w": {"$in": list(wanted)}}, {"row.t.w": _prefix(wanted)}]
    return [
        {"$match": matching(table, select.where, select.text)},
        {"$project": {"row.t": True}},
        {"$unwind": "$row.t"},
        {"$match": {"$or": hits}},
        {"$group": {"_id": "$_id", "worth": {"$sum": "$row.t.s"}}},
        {"$sort": {"worth": -1, "_id": 1}},
        {"$skip": select.offset},
        {"$limit": select.limit + 1},
    ]


def facet(table: Table, select: Select, name: str) -> list[Document]:
    """A pipeline that counts values, the most frequent first."""
    column = column_of(table, name)
    source = f"${path(name)}"
    apart = [{"$unwind": source}] if column.kind is ColumnKind.TEXTS else []
    return [
        {"$match": matching(table, select.where, select.text, without=name)},
        {"$project": {path(name): True}},
        *apart,
        {"$group": {"_id": source, "count": {"$sum": 1}}},
        {"$sort": {"count": -1, "_id": 1}},
    ]


def sums(table: Table, wanted: Sums) -> list[Document]:
    """A pipeline that adds measures up per value: ``_id`` and ``sums`` in order."""
    added = {f"s{i}": {"$sum": f"${path(name)}"} for i, name in enumerate(wanted.measures)}
    by = f"${path(wanted.by)}" if wanted.by else None
    limit = [{"$limit": wanted.limit}] if wanted.limit is not None else []
    largest = {"s0": -1} if wanted.largest_first else {}
    return [
        {"$match": matching(table, wanted.where)},
        {"$group": {"_id": by, **added}},
        {"$sort": {**largest, "_id": 1}},
        *limit,
    ]
