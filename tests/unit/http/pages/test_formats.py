"""Values are written as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from twofold.http.pages.formats import money, plural, relative_time

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("1234.5", "GBP", "£1,234.50"),
        ("-3", "EUR", "-€3.00"),
        ("0.125", "USD", "$0.125"),
        ("9", "CHF", "CHF 9.00"),
    ],
)
def test_money_has_its_sign_and_every_place_it_has(amount: str, currency: str, text: str) -> None:
    assert money(amount, currency) == text


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=5), "5 hours ago"),
        (timedelta(days=-2), "in 2 days"),
        (timedelta(seconds=-30), "in a moment"),
        (timedelta(days=40), "20 Jan 2026"),
    ],
)
def test_times_are_relative_within_a_month(ago: timedelta, text: str) -> None:
    assert relative_time(NOW - ago, NOW) == text


def test_one_is_not_many() -> None:
    assert [plural(n, "order") for n in (0, 1, 1200)] == ["0 orders", "1 order", "1,200 orders"]
    assert plural(2, "entry|entries") == "2 entries"
