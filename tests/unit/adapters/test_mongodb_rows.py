"""Values on MongoDB: exact, or refused with the field's name."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from bson.decimal128 import Decimal128

from twofold.adapters.mongodb.rows import content, from_driver, row_of, summed, to_driver
from twofold.errors import InvalidInput
from twofold.ports.read_store import Column, ColumnKind, Row, Table

K = ColumnKind
NUMBER = Column("amount", K.DECIMAL)
MEASURE = Column("net", K.DECIMAL, measure=True)
COUNT = Column("units", K.INTEGER, measure=True)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (K.TEXT, "a\x00b 🙂"),
        (K.INTEGER, -(2**63)),
        (K.INTEGER, 2**63 - 1),
        (K.DECIMAL, Decimal("1234567890123456789012345678901234")),
        (K.DECIMAL, Decimal("-0.0000000000000000000000000000000001")),
        (K.BOOLEAN, False),
        (K.TIME, datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
        (K.TIME, datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
        (K.DATE, date(1, 1, 1)),
        (K.TEXTS, ("a", "b")),
    ],
)
def test_values_come_back_as_they_were(kind: ColumnKind, value: Any) -> None:
    column = Column("any", kind)
    assert from_driver(column, to_driver(column, value)) == value
    if kind is not K.TEXTS:
        assert from_driver(column, to_driver(column, None)) is None


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        (NUMBER, Decimal("12345678901234567890123456789012345"), "amount: .* at most 34 digits"),
        (MEASURE, Decimal("0.00000000001"), "net: .* at most 10 places and less than 10.15"),
        (MEASURE, Decimal("1e15"), "net: .* at most 10 places and less than 10.15"),
        (COUNT, 2**63, "units: .* does not fit 64 bits"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_name(column: Column, value: Any, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        to_driver(column, value)


def test_needless_zeros_make_no_other_value() -> None:
    assert to_driver(NUMBER, Decimal("2.500")) == to_driver(NUMBER, Decimal("2.5"))
    assert to_driver(NUMBER, Decimal("1E+3")) == Decimal128("1000")


def test_a_sum_that_left_the_integers_is_refused() -> None:
    assert summed(COUNT, 2**62) == 2**62
    with pytest.raises(InvalidInput, match="the sum of units"):
        summed(COUNT, float(2**64))


def test_a_word_is_worth_more_the_earlier_its_text() -> None:
    table = Table("t_1", (), ("title", "text"))
    row = Row("k", b"{}", 7, (), ("Tea, tea", "for two: tea"))
    found = content(table, row)
    assert {one["w"]: one["s"] for one in found["t"]} == {"tea": 5, "for": 1, "two": 1}
    assert row_of(table, {"_id": "k", "row": found}) == Row("k", b"{}", 7, ())
