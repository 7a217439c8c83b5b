"""A month of offers at a glance."""

from __future__ import annotations

from calendar import Calendar
from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import msgspec
from starlette.responses import Response

from twofold.errors import InvalidInput, Problem
from twofold.http.pages.formats import as_time
from twofold.http.pages.page import PlainPage
from twofold.http.pages.site import Site
from twofold.http.pages.visit import Visit

_MOST = 200
_FIRST_YEAR, _LAST_YEAR = 1900, 2999


class Day(msgspec.Struct, frozen=True):
    """A day of the calendar and what begins on it."""

    day: date
    inside: bool
    today: bool
    offers: list[dict[str, Any]]


async def _show(site: Site, visit: Visit) -> Response:
    """The month that the address names, else this one."""
    today = site.system.clock.now().date()
    first = _month(visit.parameter("month")) or today.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    wanted = {
        "from": [first.isoformat()],
        "to": [(following - timedelta(days=1)).isoformat()],
        "size": [str(_MOST)],
        "sortBy": ["date"],
    }
    view = await site.items(visit, "/api/offers", wanted)
    begins: dict[date, list[dict[str, Any]]] = defaultdict(list)
    for offer in view.items:
        when = as_time(offer["begins"])
        if when is not None:
            begins[when.date()].append(offer)
    weeks = Calendar().monthdatescalendar(first.year, first.month)
    values = {
        "fresh": view.fresh,
        "total": view.total,
        "name": f"{first:%B %Y}",
        "weeks": [
            [Day(day, day.month == first.month, day == today, begins[day]) for day in week]
            for week in weeks
        ],
        "before": f"{first - timedelta(days=1):%Y-%m}",
        "after": f"{following:%Y-%m}",
    }
    return site.page(visit, "calendar.html", values)


def _month(text: str) -> date | None:
    try:
        first = date.fromisoformat(f"{text}-01") if text else None
    except ValueError:
        raise InvalidInput([Problem("month", "is written 2026-03")]) from None
    if first is not None and not _FIRST_YEAR <= first.year <= _LAST_YEAR:
        raise InvalidInput([Problem("month", f"from {_FIRST_YEAR} to {_LAST_YEAR}")])
    return first


PAGES = (PlainPage("/desk/calendar", show=_show),)
