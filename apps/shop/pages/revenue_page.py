"""The revenue dashboard: figures, charts, and the tables behind them."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from shop.modules.reports.queries import Dimension, Revenue, RevenueLine
from twofold.errors import InvalidInput, Problem
from twofold.http.pages.charts import Bar, columns, ranks, sparkline
from twofold.http.pages.formats import money
from twofold.http.pages.listing import note_time
from twofold.http.pages.site import Site, Visit

_CURRENCY = "GBP"
_SHOWN = 10
_RANKED = (Dimension.COUNTRY, Dimension.PRODUCT, Dimension.CUSTOMER)


class Dashboard:
    """What the template shows."""

    stale = False
    as_of: object = None
    as_of_clock = ""


class RevenuePage:
    """Revenue by month, or by day within a month, and what it came from."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def show(self, request: Request) -> Response:
        """The dashboard for a span of time."""
        visit = Visit.of(request, self._site)
        month = request.query_params.get("month", "")
        begin, end = _span(request, month)
        by = Dimension.DAY if month else Dimension.MONTH
        asked = await visit.asked(self._site.system)
        found = await self._site.system.ask(Revenue(by=by, from_=begin, to=end), asked)
        view = Dashboard()
        view.stale = found.stale
        note_time(view, found.time_us, self._site.system.clock.now())
        ranked = []
        for dimension in _RANKED:
            query = Revenue(by=dimension, from_=begin, to=end, limit=_SHOWN)
            lines = (await self._site.system.ask(query, asked)).answer.items
            ranked.append((dimension.value, lines, _ranks(dimension, lines)))
        values = {
            "view": view,
            "total": found.answer.total,
            "lines": found.answer.items,
            "by": by.value,
            "month": month,
            "currency": _CURRENCY,
            "chart": columns("Net revenue", [_bar(line, by) for line in found.answer.items]),
            "trend": sparkline("Orders", [_orders(line) for line in found.answer.items]),
            "ranked": ranked,
            "begin": begin or "",
            "end": end or "",
        }
        return self._site.page(visit, "revenue.html", values)


def _orders(line: RevenueLine) -> Any:
    return type(line.net)(line.orders)


def _bar(line: RevenueLine, by: Dimension) -> Bar:
    href = f"/revenue?{urlencode({'month': line.key})}" if by is Dimension.MONTH else ""
    label = line.key if by is Dimension.MONTH else line.key[-2:]
    return Bar(label, line.net, f"{money(line.net, _CURRENCY)} net, {line.orders} orders", href)


def _ranks(dimension: Dimension, lines: list[RevenueLine]) -> Any:
    hrefs = {
        Dimension.COUNTRY: "/orders?country={}",
        Dimension.PRODUCT: "/products/{}",
        Dimension.CUSTOMER: "/customers/{}",
    }
    bars = [
        Bar(
            line.key or "(none)",
            line.net,
            money(line.net, _CURRENCY),
            hrefs[dimension].format(line.key) if line.key and line.key != "REFUND" else "",
        )
        for line in lines
    ]
    return ranks(f"Net revenue by {dimension}", bars)


def _span(request: Request, month: str) -> tuple[date | None, date | None]:
    try:
        if month:
            begin = date.fromisoformat(f"{month}-01")
            following = date(begin.year + begin.month // 12, begin.month % 12 + 1, 1)
            return begin, date.fromordinal(following.toordinal() - 1)
        given = [request.query_params.get(name, "") for name in ("from", "to")]
        first, last = (date.fromisoformat(text) if text else None for text in given)
    except ValueError:
        raise InvalidInput([Problem("from", "dates are written 2011-08-31")]) from None
    return first, last
