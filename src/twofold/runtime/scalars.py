"""Values of columns as people write them in a query, and as cursors keep them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any

from twofold.domain.signatures import members
from twofold.errors import BadCursor
from twofold.ports.read_store import ColumnKind, Condition, Scalar
from twofold.wiring.model import Field

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}\Z")
DECIMAL_PATTERN = r"[+-]?[0-9]{1,12}(\.[0-9]{1,6})?"
_DECIMAL = re.compile(DECIMAL_PATTERN + r"\Z")


def condition(field: Field, test: str, texts: Sequence[str]) -> Condition:
    """The limit that a parameter sets. Raises ValueError saying what it should be."""
    if test == "any_of":
        return Condition(field.name, "any_of", tuple(scalar(field, text) for text in texts))
    if len(texts) > 1:
        raise ValueError("given more than once")
    value = scalar(field, texts[0])
    if test == "at_most" and field.kind is ColumnKind.TIME and len(texts[0]) == len("2011-08-31"):
        assert isinstance(value, datetime)
        # A day as an upper limit includes the whole day.
        if value.date() == date.max:
            raise ValueError(f"a day before {date.max}")
        return Condition(field.name, "below", (value + timedelta(days=1),))
    return Condition(field.name, "at_least" if test == "at_least" else "at_most", (value,))


def scalar(field: Field, text: str) -> Scalar:
    """``text`` as a value of the field's column. Raises ValueError saying what it should be."""
    if "\x00" in text:
        raise ValueError("must not contain the character U+0000")
    match field.kind:
        case ColumnKind.INTEGER:
            return _integer(text)
        case ColumnKind.DECIMAL:
            return _decimal(text)
        case ColumnKind.BOOLEAN:
            if text not in ("true", "false"):
                raise ValueError("true or false")
            return text == "true"
        case ColumnKind.TIME:
            return _time(text)
        case ColumnKind.DATE:
            try:
                return date.fromisoformat(text)
            except ValueError:
                raise ValueError("a date such as 2011-08-31") from None
        case _:
            return _allowed_text(field, text)


def _integer(text: str) -> int:
    # Python would take "1_000" and " 12 " as well.
    number = int(text) if _INTEGER.match(text) else 2**63
    if not -(2**63) <= number < 2**63:
        raise ValueError("a whole number of at most 64 bits")
    return number


def _decimal(text: str) -> Decimal:
    if not _DECIMAL.match(text):
        raise ValueError(
            "a number such as 12.50, with at most 12 digits before the point and 6 after"
        )
    return Decimal(text)


def _time(text: str) -> datetime:
    """A time, or a day as its beginning; UTC unless it says otherwise."""
    try:
        if len(text) == len("2011-08-31"):
            return datetime.combine(date.fromisoformat(text), time(), UTC)
        # A "+" in a query string arrives as a space.
        moment = datetime.fromisoformat(text.replace(" ", "+", 1) if "T" in text else text)
    except ValueError:
        raise ValueError("a time such as 2011-08-31T10:42:07Z, or a date") from None
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise ValueError("a time between the years 1 and 9999") from None


def _allowed_text(field: Field, text: str) -> str:
    enums = [m for m in members(field.annotation) if isinstance(m, type) and issubclass(m, Enum)]
    if enums:
        allowed = [str(member.value) for member in enums[0]]
        if text not in allowed:
            raise ValueError(f"one of {', '.join(allowed)}")
    return text


def written(value: Any) -> str:
    """A column's value as a cursor keeps it."""
    return value.isoformat() if isinstance(value, date) else str(value)


def restored(field: Field, text: str) -> Scalar:
    """What ``written`` wrote; a cursor is signed, so it is what this list once contained.

    Raises BadCursor if the field has become another one since.
    """
    readers: dict[ColumnKind, Callable[[str], Scalar]] = {
        ColumnKind.DECIMAL: Decimal,
        ColumnKind.TIME: datetime.fromisoformat,
        ColumnKind.DATE: date.fromisoformat,
    }
    try:
        return readers[field.kind](text) if field.kind in readers else text
    except (ValueError, InvalidOperation) as exc:
        raise BadCursor("the list has changed since") from exc
