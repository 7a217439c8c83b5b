"""Lists: what may be asked is declared, and everything wrong with a request is said at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import pytest

from twofold import Between, Facet, Filter, InvalidInput, Key, ReadModel, Search, Sort
from twofold.errors import BadCursor
from twofold.ports.read_store import Condition, Scalar, Select
from twofold.runtime.listing import LONGEST_TEXT, Listing, ListRequest
from twofold.runtime.tokens import Tokens
from twofold.wiring.model import Model


class Status(StrEnum):
    OPEN = "open"
    PAID = "paid"


class Order(ReadModel):
    order_id: Key[str]
    status: Facet[Status]
    country: Filter[str]
    note: Search[str]
    paid: Filter[bool]
    units: Sort[Filter[int]]
    tags: Facet[tuple[str, ...]]
    total: Annotated[Sort[Decimal], Between("minTotal", "maxTotal")]
    placed_at: Annotated[Sort[datetime | None], Between("from", "to")]
    due_on: Annotated[Sort[date], Between("dueFrom", "dueTo")]
    secret: str = ""


class Plain(ReadModel):
    plain_id: Key[str]


TOKENS = Tokens("epoch", b"k" * 32)
ORDERS = Listing(Model(Order, "orders", []))
PLAIN = Listing(Model(Plain, "plain", []))


def request(parameters: Mapping[str, str | list[str]], listing: Listing = ORDERS) -> ListRequest:
    """A request; a parameter is one text or several."""
    texts = {name: [t] if isinstance(t, str) else t for name, t in parameters.items()}
    return listing.request(texts, TOKENS)


def problems(
    parameters: Mapping[str, str | list[str]], listing: Listing = ORDERS
) -> dict[str, str]:
    """What is wrong, by field."""
    with pytest.raises(InvalidInput) as raised:
        request(parameters, listing)
    return {problem.field: problem.message for problem in raised.value.problems}


def test_without_parameters_it_is_the_first_page() -> None:
    assert request({}) == ListRequest(Select(limit=20), 0, 20)


def test_pages_are_counted_from_zero() -> None:
    asked = request({"page": "3", "size": "50"})
    assert (asked.page, asked.size, asked.select.offset, asked.select.limit) == (3, 50, 150, 50)


@pytest.mark.parametrize(
    ("name", "texts", "condition"),
    [
        ("status", ["open", "paid"], Condition("status", "any_of", ("open", "paid"))),
        ("country", ["DE"], Condition("country", "any_of", ("DE",))),
        ("country", [""], Condition("country", "any_of", ("",))),
        ("paid", ["true"], Condition("paid", "any_of", (True,))),
        ("units", ["-5", "7"], Condition("units", "any_of", (-5, 7))),
        ("tags", ["a"], Condition("tags", "any_of", ("a",))),
        ("minTotal", ["12.50"], Condition("total", "at_least", (Decimal("12.50"),))),
        ("maxTotal", ["-3"], Condition("total", "at_most", (Decimal(-3),))),
        ("dueFrom", ["2026-02-01"], Condition("due_on", "at_least", (date(2026, 2, 1),))),
        ("dueTo", ["2026-02-01"], Condition("due_on", "at_most", (date(2026, 2, 1),))),
        (
            "from",
            ["2026-02-01"],
            Condition("placed_at", "at_least", (datetime(2026, 2, 1, tzinfo=UTC),)),
        ),
        (
            "to",
            ["2026-02-01"],
            Condition("placed_at", "below", (datetime(2026, 2, 2, tzinfo=UTC),)),
        ),
        (
            "to",
            ["2026-02-01T10:00:00+02:00"],
            Condition("placed_at", "at_most", (datetime(2026, 2, 1, 8, tzinfo=UTC),)),
        ),
        (
            "to",
            ["2026-02-01T10:00:00 02:00"],
            Condition("placed_at", "at_most", (datetime(2026, 2, 1, 8, tzinfo=UTC),)),
        ),
    ],
)
def test_filters_are_read_by_their_columns(
    name: str, texts: list[str], condition: Condition
) -> None:
    assert request({name: texts}).select.where == (condition,)


@pytest.mark.parametrize(
    ("parameters", "field", "message"),
    [
        ({"secret": "x"}, "secret", "no such filter; there are: status"),
        ({"note": "x"}, "note", "no such filter"),
        ({"order_id": "x"}, "order_id", "no such filter"),
        ({"status": "closed"}, "status", "one of open, paid"),
        ({"status": ["open", "x"]}, "status", "one of open, paid"),
        ({"paid": "yes"}, "paid", "true or false"),
        ({"paid": "True"}, "paid", "true or false"),
        ({"country": "a\x00b"}, "country", "U+0000"),
        *(
            ({"units": text}, "units", "a whole number of at most 64 bits")
            for text in ("", "x", "1.5", "1_000", " 1", "1e3", "٣", str(2**63), "9" * 5000)
        ),
        *(
            ({"minTotal": text}, "minTotal", "a number such as 12.50")
            for text in ("", "x", "NaN", "inf", "-Infinity", "1e5", "1_0", "1,5", ".5", "1" * 13)
        ),
        ({"minTotal": "1.1234567"}, "minTotal", "6 after"),
        ({"minTotal": ["1", "2"]}, "minTotal", "given more than once"),
        *(
            ({"from": text}, "from", "a time such as 2011-08-31T10:42:07Z")
            for text in ("", "x", "yesterday", "2026-02-30", "2026-13-01T00:00:00Z", "1e9")
        ),
        ({"from": "0001-01-01T00:00:00+14:00"}, "from", "between the years 1 and 9999"),
        ({"to": "9999-12-31"}, "to", "a day before 9999-12-31"),
        ({"dueTo": "2026-02-30"}, "dueTo", "a date such as 2011-08-31"),
        ({"sortBy": "secret"}, "sortBy", "can't sort by 'secret'; allowed: units, total, placedAt"),
        ({"sortBy": "placed_at"}, "sortBy", "can't sort by"),
        ({"sortBy": ["total", "units"]}, "sortBy", "given more than once"),
        ({"sortDirection": "up"}, "sortDirection", "asc or desc"),
        *(
            ({"page": text}, "page", "a whole number from 0 to 500")
            for text in ("-1", "x", "501", "1.0", "٣", "9" * 5000)
        ),
        *(
            ({"size": text}, "size", "a whole number from 1 to 200")
            for text in ("0", "201", "x", "-1")
        ),
        ({"page": ["1", "2"]}, "page", "given more than once"),
        ({"facets": "total,nope"}, "facets", "no facet total, nope; allowed: status, tags"),
        ({"q": "x" * (LONGEST_TEXT + 1)}, "q", "at most 200 characters"),
        ({"q": ["a", "b"]}, "q", "given more than once"),
        ({"cursor": "junk"}, "cursor", "start again without a cursor"),
        ({"cursor": ["a", "b"]}, "cursor", "given more than once"),
    ],
)
def test_bad_input_is_told_with_what_is_allowed(
    parameters: dict[str, Any], field: str, message: str
) -> None:
    told = problems(parameters)
    assert list(told) == [field]
    assert message in told[field]


def test_everything_wrong_is_told_at_once() -> None:
    told = problems(
        {
            "secret": "x",
            "units": "x",
            "size": "0",
            "sortBy": "x",
            "facets": "x",
            "sortDirection": "x",
        }
    )
    assert sorted(told) == ["facets", "secret", "size", "sortBy", "sortDirection", "units"]


def test_a_list_without_markers_offers_nothing() -> None:
    told = problems({"q": "x", "sortBy": "x", "facets": "x", "plainId": "x"}, PLAIN)
    assert told["q"] == "this list has no text to search"
    assert told["sortBy"].endswith("allowed: none")
    assert told["plainId"].endswith("there are: none")


def test_facets_are_named_once_with_commas_or_repeated() -> None:
    assert request({"facets": ["status,tags", "status"]}).select.facets == ("status", "tags")


def test_the_usual_order_holds_where_none_is_asked_for() -> None:
    usual = ("placed_at", True)

    def sort(**parameters: str) -> tuple[str, bool] | None:
        texts = {name: [text] for name, text in parameters.items()}
        return ORDERS.request(texts, TOKENS, usual).select.sort

    assert sort() == usual
    assert sort(sortDirection="asc") == ("placed_at", False)
    assert sort(sortBy="total") == ("total", False)
    # What was searched for comes best match first.
    assert sort(q="words") is None


@pytest.mark.parametrize(
    ("by", "value"),
    [
        ("total", Decimal("1E+20")),
        ("total", Decimal("-0.000001")),
        ("units", 5),
        ("placedAt", datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)),
        ("placedAt", None),
        ("dueOn", date(2026, 1, 2)),
        ("", None),
    ],
)
def test_a_cursor_goes_on_after_the_last_row(by: str, value: Scalar) -> None:
    asked = {"country": "DE", **({"sortBy": by, "sortDirection": "desc"} if by else {})}
    first = request(asked)
    cursor = ORDERS.next_cursor(first.select, (value, "o-20"), TOKENS)
    assert cursor is not None
    following = request({**asked, "cursor": cursor})
    assert following.page is None
    assert (following.select.after, following.select.offset) == ((value, "o-20"), 0)


def test_there_is_no_cursor_at_the_end() -> None:
    assert ORDERS.next_cursor(request({}).select, None, TOKENS) is None


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"country": "FR"}, "other filters"),
        ({"q": "x"}, "other filters"),
        ({"sortBy": "units"}, "another sort"),
        ({"sortBy": "total", "sortDirection": "desc"}, "another sort"),
    ],
)
def test_a_cursor_belongs_to_its_filters_and_sort(changed: dict[str, str], why: str) -> None:
    asked = {"country": "DE", "sortBy": "total"}
    cursor = ORDERS.next_cursor(request(asked).select, (Decimal(1), "o"), TOKENS)
    with pytest.raises(BadCursor, match=why):
        request({**asked, **changed, "cursor": cursor or ""})


def test_a_cursor_belongs_to_its_list_and_its_database() -> None:
    cursor = PLAIN.next_cursor(request({}, PLAIN).select, (None, "p"), TOKENS)
    assert cursor is not None
    assert request({"cursor": cursor}, PLAIN).select.after == (None, "p")
    with pytest.raises(BadCursor, match="other filters"):
        request({"cursor": cursor})
    with pytest.raises(BadCursor, match="not issued by this system"):
        PLAIN.request({"cursor": [cursor]}, Tokens("epoch", b"x" * 32))


def test_a_cursor_from_before_the_field_changed_is_refused() -> None:
    select = Select(sort=("total", False))
    cursor = ORDERS.next_cursor(select, ("a text", "o"), TOKENS)
    with pytest.raises(BadCursor, match="the list has changed"):
        request({"sortBy": "total", "cursor": cursor or ""})
