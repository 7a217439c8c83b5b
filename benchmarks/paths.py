"""What is asked of every system that is measured for its reads."""

from __future__ import annotations

from urllib.parse import quote

from benchmarks.orders import COUNTRIES, STATUSES

ONE_ORDER_PATHS = 2_000


def page_paths() -> list[str]:
    """The first pages of each status, of each country, and of some of both."""
    countries = [quote(country) for country in COUNTRIES]
    by_status = [f"/orders?status={status}&page={page}" for status in STATUSES for page in range(3)]
    by_country = [f"/orders?country={country}" for country in countries]
    by_both = [
        f"/orders?status={status}&country={country}"
        for status in STATUSES[:3]
        for country in countries[:3]
    ]
    return by_status + by_country + by_both
