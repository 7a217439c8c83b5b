"""Reading input: a typed value, or every problem at once with its path."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal, NewType, TypeVar

import msgspec
import pytest
from hypothesis import given, strategies
from msgspec import Meta

from twofold.errors import InvalidInput, Problem
from twofold.messages.validation import read_value
from twofold.messages.value import Command, Value

OrderId = NewType("OrderId", str)
C = TypeVar("C", bound=msgspec.Struct)


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Line(Value, forbid_unknown_fields=True):
    sku: Annotated[str, Meta(min_length=2)]
    quantity: Annotated[int, Meta(ge=1)]


class Card(Value, tag="card"):
    digits: str


class Cash(Value, tag="cash"):
    coins: int


class Order(Command):
    order_id: OrderId = OrderId("")
    lines: Annotated[tuple[Line, ...], Meta(min_length=1)]
    first: Line | None = None
    by_name: dict[str, Line] = {}
    pair: tuple[int, str] = (1, "")
    colour: Colour | None = None
    size: Literal["small", "large"] = "small"
    price: Decimal = Decimal(0)
    at: datetime | None = None
    count: int = 0
    weight: float = 0.0
    note: str = ""
    paid_with: Card | Cash | None = None
    anything: Any = None


LINES = [{"sku": "AB", "quantity": 1}]


def problems(raw: dict[str, Any], kind: type[C] = Order, **options: Any) -> dict[str, str]:  # type: ignore[assignment]
    with pytest.raises(InvalidInput) as caught:
        read_value(kind, raw, **options)
    return {problem.field: problem.message for problem in caught.value.problems}


def test_sound_input_becomes_a_value() -> None:
    order = read_value(Order, {"lines": LINES, "price": "12.50", "colour": "red"})
    assert order.lines == (Line(sku="AB", quantity=1),)
    assert (order.price, order.colour) == (Decimal("12.50"), Colour.RED)


def test_every_problem_is_named_with_its_path() -> None:
    raw = {
        "lines": [{"sku": "A", "quantity": 0}, LINES[0], {"quantity": "2", "color": 1}],
        "byName": {"x": {"sku": "AB"}},
        "first": [],
        "pair": ["1", 2],
        "colour": "green",
        "size": "tiny",
        "price": "cheap",
        "unknown": 1,
    }
    assert problems(raw) == {
        "lines[0].sku": "needs at least 2 characters",
        "lines[0].quantity": "must be at least 1",
        "lines[2].sku": "is missing",
        "lines[2].quantity": "must be a whole number, not text",
        "lines[2].color": "no such field; there are: sku, quantity",
        "byName.x.quantity": "is missing",
        "first": "must be an object or null, not a list",
        "pair[0]": "must be a whole number, not text",
        "pair[1]": "must be text, not a whole number",
        "colour": "one of red, blue",
        "size": "one of small, large",
        "price": 'must be a decimal number such as "12.50"',
        "unknown": "no such field; there are: orderId, lines, first, byName, pair, colour, size, "
        "price, at, count, weight, note, paidWith, anything",
    }


@pytest.mark.parametrize(
    ("raw", "field", "message"),
    [
        ({"lines": []}, "lines", "needs 1 or more entries"),
        ({"lines": {}}, "lines", "must be a list, not an object"),
        ({"pair": [1]}, "pair", "needs exactly 2 entries"),
        ({"at": "yesterday"}, "at", "must be a time such as 2011-08-31T10:42:07Z"),
        ({"at": "2011-08-31T10:42:07"}, "at", "needs a time zone, such as Z at the end"),
        ({"price": 12.5}, "price", 'must be a decimal number in quotes, such as "12.50"'),
        ({"price": 0}, "price", 'must be a decimal number in quotes, such as "12.50"'),
        ({"count": 2**63}, "count", "must fit into 64 bits"),
        ({"price": "NaN"}, "price", "must be a finite number"),
        ({"price": "1E+999999"}, "price", "may have at most 28 digits"),
        ({"price": "1E-999999"}, "price", "may have at most 28 digits"),
        ({"note": "a\x00b"}, "note", "must not contain the control character U+0000"),
        ({"note": "a\x9bb"}, "note", "must not contain the control character U+009B"),
        ({"anything": {"a": ["\x1b"]}}, "anything.a[0]", "control character U+001B"),
        ({"anything": {"\x00": 1}}, "anything", "has a name with a control character"),
        ({"paidWith": {"type": "card", "digits": 1}}, "paidWith.digits", "must be text"),
        ({"paidWith": {"type": "gold"}}, "paidWith.type", "can't be 'gold'"),
        ({"paidWith": {}}, "paidWith", "type is missing"),
    ],
)
def test_a_problem_in_plain_words(raw: dict[str, Any], field: str, message: str) -> None:
    found = problems({"lines": LINES, **raw})
    assert list(found) == [field]
    assert message in found[field]


def test_control_characters_are_named_beside_other_problems() -> None:
    found = problems({"note": "\x07", "count": "many"})
    assert set(found) == {"lines", "note", "count"}


def test_new_lines_and_tabs_are_text() -> None:
    assert read_value(Order, {"lines": LINES, "note": "a\r\n\tb"}).note == "a\r\n\tb"


def test_nesting_without_end_is_refused() -> None:
    deep: Any = 1
    for _ in range(900):
        deep = [deep]
    (message,) = problems({"lines": LINES, "anything": deep}).values()
    assert message == "is nested more than 32 levels deep"


def test_texts_of_a_query_are_read_as_their_types() -> None:
    class Asked(Command):
        count: int
        weight: float = 1.0
        sure: bool = False

    assert read_value(Asked, {"count": "3", "sure": "true"}, strict=False) == Asked(
        count=3, sure=True
    )
    assert problems({"count": "x", "weight": "nan"}, Asked, strict=False) == {
        "count": "must be a whole number",
        "weight": "must be a finite number",
    }
    assert problems({"count": "1", "weight": "inf"}, Asked, strict=False) == {
        "weight": "must be a finite number"
    }


class Renumber(Command):
    order_id: OrderId
    number: int
    note: str = ""


def test_what_the_path_gives_is_read_from_text() -> None:
    path = {"orderId": "7", "number": "12"}
    assert read_value(Renumber, {}, given=path) == Renumber(order_id=OrderId("7"), number=12)


def test_what_the_path_gives_can_be_wrong_and_is_not_offered_for_the_body() -> None:
    path = {"orderId": "7", "number": "twelve"}
    assert problems({"orderId": "8", "nota": ""}, Renumber, given=path) == {
        "orderId": "is given by the path",
        "number": "must be a whole number",
        "nota": "no such field; there are: note",
    }


texts = strategies.sampled_from(["", "red", "small", "12.5", "NaN", "\x00", "2011-08-31", "sku"])
scalars = strategies.none() | strategies.booleans() | strategies.integers() | texts
json_values = strategies.recursive(
    scalars | strategies.floats(allow_nan=False, allow_infinity=False),
    lambda inner: strategies.lists(inner, max_size=3) | strategies.dictionaries(texts, inner),
    max_leaves=8,
)
names = strategies.sampled_from([field.encode_name for field in msgspec.structs.fields(Order)])


def outcome(raw: dict[str, Any]) -> Order | tuple[Problem, ...]:
    try:
        return read_value(Order, raw)
    except InvalidInput as exc:
        return exc.problems


@given(strategies.dictionaries(names, json_values))
def test_whatever_comes_is_either_read_or_explained(raw: dict[str, Any]) -> None:
    found = outcome(raw)
    if isinstance(found, Order):
        assert msgspec.convert(raw, Order) == found
    else:
        assert found
        assert all(problem.message for problem in found)


def test_a_query_has_no_word_for_null() -> None:
    class Asked(Value):
        limit: int | None = None
        name: str | None = None

    null = "can't be null; leave it out"
    assert problems({"limit": "null"}, Asked, strict=False) == {"limit": null}
    assert problems({"limit": "null", "name": 1}, Asked, strict=False)["limit"] == null
    assert read_value(Asked, {"name": "null"}, strict=False).name == "null"
    assert read_value(Asked, {"limit": None}) == Asked()
