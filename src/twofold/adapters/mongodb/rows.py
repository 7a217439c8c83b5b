"""Rows of read models as documents of MongoDB, and back.

    {_id: key, row: {b: batch, live: true, position, c: {column: value}, t: [{w, s}], document}}

``b`` comes first: embedded documents compare field by field, so ``$max`` replaces a row by that of
a later batch and by no other (ADR 0013).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from bson.decimal128 import Decimal128, create_decimal128_context
from bson.max_key import MaxKey

from twofold.adapters._columns import plain
from twofold.adapters._text import words
from twofold.adapters.mongodb.database import Document
from twofold.errors import InvalidInput
from twofold.messages.recorded import microseconds, moment
from twofold.ports.read_store import Column, ColumnKind, ColumnValue, Row, Table

# Sorts above everything else, as None does.
NONE = MaxKey()
_EXACT = create_decimal128_context()
_PLACES, _DIGITS = 10, 15
_INTEGERS = range(-(2**63), 2**63)


def path(column: str) -> str:
    """Where a column is in a document."""
    return f"row.c.{column}"


def content(table: Table, row: Row) -> Document:
    """Everything of ``row`` but its batch. Raises InvalidInput for values that do not fit."""
    values = zip(table.columns, row.values, strict=True)
    found: Document = {
        "live": True,
        "position": row.position,
        "c": {column.name: to_driver(column, value) for column, value in values},
    }
    if table.texts:
        found["t"] = _weighed(row.texts)
    found["document"] = row.document
    return found


def row_of(table: Table, found: Document) -> Row:
    """The row again, without its texts."""
    kept = found["row"]
    values = tuple(from_driver(c, kept["c"][c.name]) for c in table.columns)
    return Row(found["_id"], kept["document"], kept["position"], values)


def to_driver(column: Column, value: ColumnValue) -> Any:
    """A column's value as it is kept: times as microseconds, dates as ISO text."""
    if column.kind is ColumnKind.TEXTS:
        return list(value or ())  # type: ignore[arg-type]
    if value is None:
        return NONE
    match column.kind:
        case ColumnKind.DECIMAL:
            return _decimal(column, value)
        case ColumnKind.INTEGER:
            if value not in _INTEGERS:
                raise InvalidInput(f"{column.name}: {value} does not fit 64 bits")
            return value
        case ColumnKind.TIME:
            return microseconds(value)  # type: ignore[arg-type]
        case ColumnKind.DATE:
            return value.isoformat()  # type: ignore[union-attr]
    return value


def from_driver(column: Column, value: Any) -> Any:
    """The reverse; several texts come sorted, each once."""
    if isinstance(value, MaxKey):
        return None
    match column.kind:
        case ColumnKind.DECIMAL:
            return _number(value)
        case ColumnKind.TIME:
            return moment(value)
        case ColumnKind.DATE:
            return date.fromisoformat(value)
        case ColumnKind.TEXTS if isinstance(value, list):
            return tuple(sorted(set(value)))
    return value


def summed(column: Column, value: Any) -> Decimal | int:
    """A sum as the server made it."""
    if column.kind is ColumnKind.DECIMAL:
        return _number(value)
    if not isinstance(value, int):
        raise InvalidInput(f"the sum of {column.name} does not fit 64 bits")
    return value


def _number(value: Any) -> Decimal:
    exact = value.to_decimal() if isinstance(value, Decimal128) else Decimal(value)
    return plain(exact)


def _decimal(column: Column, value: Any) -> Decimal128:
    """Measures are bounded further, so that the server's sums of a billion of them are exact."""
    number = plain(value if type(value) is Decimal else Decimal(value))
    places = -number.as_tuple().exponent  # type: ignore[operator]
    if column.measure and (places > _PLACES or abs(number) >= 10**_DIGITS):
        raise InvalidInput(
            f"{column.name}: {value} does not fit a measure on MongoDB: at most {_PLACES} places "
            f"and less than 10^{_DIGITS}"
        )
    if len(number.as_tuple().digits) > _EXACT.prec:
        raise InvalidInput(
            f"{column.name}: {value} does not fit a decimal on MongoDB: at most {_EXACT.prec} "
            "digits"
        )
    return Decimal128(number)


def _weighed(texts: Sequence[str]) -> list[Document]:
    """Each word once, with what a hit is worth: the earlier its text, the more."""
    worth: Counter[str] = Counter()
    for weight, text in zip(range(len(texts), 0, -1), texts, strict=True):
        for word in words(text):
            worth[word] += weight
    return [{"w": word, "s": score} for word, score in worth.items()]
