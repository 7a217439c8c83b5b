"""Tables and rows that the suites of read stores work with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeAlias

import msgspec

from twofold.ports.read_store import (
    Column,
    ColumnKind,
    Condition,
    ReadStore,
    Row,
    Scalar,
    Select,
    Table,
)

Connect: TypeAlias = Callable[[], ReadStore]

K = ColumnKind
TABLE = Table(
    "thing_1",
    (
        Column("name", K.TEXT, sort=True, filter=True),
        Column("kind", K.TEXT, filter=True, facet=True),
        Column("price", K.DECIMAL, sort=True, filter=True, measure=True),
        Column("units", K.INTEGER, sort=True, filter=True, measure=True),
        Column("at", K.TIME, sort=True, filter=True),
        Column("day", K.DATE, sort=True, filter=True),
        Column("active", K.BOOLEAN, filter=True, facet=True),
        Column("tags", K.TEXTS, filter=True, facet=True),
    ),
    ("title", "text"),
)
BELONGING = Table(
    f"{TABLE.name}/parked",
    (Column("kind", K.TEXT, filter=True), Column("at", K.INTEGER, sort=True, filter=True)),
)
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def row(key: str, **given: Any) -> Row:
    """A row; what is not given has a default."""
    values = {
        "name": key,
        "kind": "a",
        "price": Decimal("1.50"),
        "units": 1,
        "at": BEGIN,
        "day": date(2026, 1, 1),
        "active": True,
        "tags": (),
        **given,
    }
    texts = (values.pop("title", ""), values.pop("text", ""))
    document = msgspec.json.encode({"key": key, "title": texts[0], "text": texts[1]})
    return Row(key, document, 1, tuple(values[c.name] for c in TABLE.columns), texts)


async def put(store: ReadStore, *rows: Row, gone: Sequence[str] = ()) -> None:
    """Write in one transaction."""
    async with store.transaction() as transaction:
        await transaction.write(TABLE.name, rows, gone)


async def keys(store: ReadStore, **select: Any) -> list[str]:
    """The keys that a list answers."""
    found = await store.select(TABLE.name, Select(**select))
    return [msgspec.json.decode(document)["key"] for document in found.documents]


def any_of(column: str, *values: Scalar) -> tuple[Condition, ...]:
    """One condition."""
    return (Condition(column, "any_of", values),)
