"""The revenue dashboard: figures, charts, and the tables behind them."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from decimal import Decimal
from urllib.parse import quote, urlencode

import msgspec
from markupsafe import Markup
from starlette.responses import Response

from shop.modules.reports.cells import cells
from shop.modules.reports.queries import Dimension, Revenue, RevenueLine, RevenueReport
from twofold.errors import InvalidInput, Problem
from twofold.http.pages.charts import Bar, columns, ranks, sparkline
from twofold.http.pages.formats import day, money, plural
from twofold.http.pages.freshness import freshness
from twofold.http.pages.page import PlainPage
from twofold.http.pages.site import Site
from twofold.http.pages.visit import HEADERS, Visit
from twofold.http.tables import CSV, columns_of, table

_CURRENCY = "GBP"
_SHOWN = 10
_MOST_LINES = 10_000
_RANKED = {
    Dimension.COUNTRY: "/orders?country={}",
    Dimension.CATEGORY: "/products?category={}",
    Dimension.PRODUCT: "/products/{}",
    Dimension.CUSTOMER: "/customers/{}",
}
_FIGURES = ("net", "gross", "refunds", "units", "orders")
_NO_PRODUCT = "REFUND"


class Span(msgspec.Struct, frozen=True):
    """The days reported on, both included; ``month`` if it is exactly one as 2011-08."""

    begin: date | None = None
    end: date | None = None
    month: str = ""

    @property
    def query(self) -> str:
        """As parameters of an address."""
        given = {"month": self.month} if self.month else {"from": self.begin, "to": self.end}
        return urlencode({name: value for name, value in given.items() if value})

    @property
    def before(self) -> Span | None:
        """The same number of days before it, if there are so many."""
        if self.begin is None or self.end is None:
            return None
        days = self.end.toordinal() - self.begin.toordinal() + 1
        first = self.begin.toordinal() - days
        return Span(date.fromordinal(first), self.begin - timedelta(days=1)) if first > 0 else None

    @property
    def spoken(self) -> str:
        """``1 Aug 2011 to 31 Aug 2011``."""
        return f"{day(self.begin)} to {day(self.end)}"


async def _show(site: Site, visit: Visit) -> Response:
    """Revenue by month, or by day within a month, and what it came from."""
    span = _span(visit)
    by = Dimension.DAY if span.month else Dimension.MONTH
    found = await site.ask(visit, _query(by, span))
    report: RevenueReport = found.answer
    ranked = [(kind, await _ranked(site, visit, kind, span)) for kind in _RANKED]
    values = {
        "span": span,
        "by": by.value,
        "currency": _CURRENCY,
        "total": report.total,
        "changes": await _changes(site, visit, span, report.total),
        "lines": report.items,
        "chart": columns(f"Net revenue by {by}", [_bar(line, by) for line in report.items]),
        "trends": {name: _trend(name, report.items) for name in _FIGURES},
        "ranked": [(kind, lines, _ranks(kind, lines)) for kind, lines in ranked],
        "fresh": freshness(
            site.system,
            (cells.name,),
            found.position,
            found.time_us,
            stale=found.stale,
        ),
    }
    return site.page(visit, "revenue.html", values)


async def _export(site: Site, visit: Visit) -> Response:
    """The same figures, exact, as a table for spreadsheets."""
    text = visit.parameter("by") or Dimension.MONTH.value
    if text not in tuple(Dimension):
        raise InvalidInput([Problem("by", f"one of {', '.join(Dimension)}")])
    query = _query(Dimension(text), _span(visit), _MOST_LINES)
    lines = (await site.ask(visit, query)).answer.items
    name = f'attachment; filename="revenue-by-{text}.csv"'
    headers = {**HEADERS, "content-disposition": name}
    content = table(columns_of(RevenueReport), lines)
    response = Response(content, 200, headers, media_type=CSV.decode())
    return visit.finish(response)


async def _ranked(site: Site, visit: Visit, kind: Dimension, span: Span) -> list[RevenueLine]:
    found = await site.ask(visit, _query(kind, span, _SHOWN))
    lines: list[RevenueLine] = found.answer.items
    return lines


async def _changes(site: Site, visit: Visit, span: Span, total: RevenueLine) -> dict[str, str]:
    """Each figure against the same span before, in percent; empty if there is none."""
    if span.before is None:
        return {}
    before = (await site.ask(visit, _query(Dimension.DAY, span.before, 1))).answer.total
    return {name: _change(getattr(before, name), getattr(total, name)) for name in _FIGURES}


def _query(by: Dimension, span: Span, limit: int = 1_000) -> Revenue:
    return Revenue(by=by, from_=span.begin, to=span.end, limit=limit)


def _change(before: Decimal | int, now: Decimal | int) -> str:
    if not before:
        return ""
    percent = (Decimal(now) - Decimal(before)) / abs(Decimal(before)) * 100
    return f"{percent:+.1f} %"


def _bar(line: RevenueLine, by: Dimension) -> Bar:
    shown = f"{money(line.net, _CURRENCY)} net, {plural(line.orders, 'order')}"
    if by is Dimension.MONTH:
        return Bar(line.key, line.net, shown, f"/revenue?{urlencode({'month': line.key})}")
    drill = urlencode({"from": line.key, "to": line.key})
    return Bar(str(int(line.key[-2:])), line.net, shown, f"/orders?{drill}")


def _trend(name: str, lines: list[RevenueLine]) -> Markup:
    values = [Decimal(getattr(line, name)) for line in lines]
    return sparkline(f"{name.capitalize()} over time", values)


def _ranks(kind: Dimension, lines: list[RevenueLine]) -> Markup:
    bars = []
    for line in lines:
        known = line.key not in ("", _NO_PRODUCT)
        href = _RANKED[kind].format(quote(line.key, safe="")) if known else ""
        bars.append(Bar(line.key or "(none)", line.net, money(line.net, _CURRENCY), href))
    return ranks(bars)


def _span(visit: Visit) -> Span:
    """The days that an address names. Raises InvalidInput."""
    month = visit.parameter("month")
    problems, days = [], []
    for name, text in (
        ("month", month and f"{month}-01"),
        ("from", visit.parameter("from")),
        ("to", visit.parameter("to")),
    ):
        try:
            days.append(date.fromisoformat(text) if text else None)
        except ValueError:
            example = "2011-08" if name == "month" else "2011-08-31"
            problems.append(Problem(name, f"is written {example}"))
    if problems:
        raise InvalidInput(problems)
    first, begin, end = days
    if first is not None:
        return Span(first, first.replace(day=monthrange(first.year, first.month)[1]), month)
    if begin is not None and end is not None and end < begin:
        raise InvalidInput([Problem("to", "must not be before from")])
    return Span(begin, end)


PAGES = (PlainPage("/revenue", show=_show), PlainPage("/revenue.csv", show=_export))
