"""The revenue report."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from shop.modules.reports.cells import Cell, cells
from twofold import Query, Reader, Sums, Value, answers, at_least, at_most, equal

_CENT = Decimal("0.01")
_MEASURES = ("net", "gross", "refunds", "units", "orders")


class Dimension(StrEnum):
    """What revenue can be split by."""

    DAY = "day"
    MONTH = "month"
    COUNTRY = "country"
    PRODUCT = "product"
    CATEGORY = "category"
    CUSTOMER = "customer"


class RevenueLine(Value):
    """The figures of one value, exact."""

    key: str
    net: Decimal
    gross: Decimal
    refunds: Decimal
    units: int
    orders: int


class RevenueReport(Value):
    """Lines, and the total of everything asked for (not only of the lines shown)."""

    items: list[RevenueLine]
    total: RevenueLine


class Revenue(Query[RevenueReport]):
    """Revenue between two days (inclusive), by day or month in order, else the largest first."""

    by: Dimension = Dimension.DAY
    from_: date | None = msgspec.field(default=None, name="from")
    to: date | None = None
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 1_000


@answers(cells)
async def revenue(query: Revenue, read: Reader) -> RevenueReport:
    """Add up the cells of one dimension; the days are every dimension's total."""
    in_time = query.by in (Dimension.DAY, Dimension.MONTH)
    days = [at_least(_day, query.from_)] if query.from_ else []
    days += [at_most(_day, query.to)] if query.to else []
    lines = await read.sums(
        cells,
        Sums(
            by="month" if query.by is Dimension.MONTH else "value",
            measures=_MEASURES,
            where=(equal(_dimension, "day" if in_time else query.by.value), *days),
            largest_first=not in_time,
            limit=query.limit,
        ),
    )
    total = await read.sums(
        cells, Sums(by=None, measures=_MEASURES, where=(equal(_dimension, "day"), *days))
    )
    figures = total[0].sums if total else (Decimal(0), Decimal(0), Decimal(0), 0, 0)
    return RevenueReport(
        items=[_line(str(line.value), line.sums) for line in lines], total=_line("", figures)
    )


def _day(cell: Cell) -> date:
    return cell.day


def _dimension(cell: Cell) -> str:
    return cell.dimension


def _line(key: str, sums: tuple[Decimal | int, ...]) -> RevenueLine:
    net, gross, refunds, units, orders = sums
    return RevenueLine(
        key=key,
        net=_money(net),
        gross=_money(gross),
        refunds=_money(refunds),
        units=int(units),
        orders=int(orders),
    )


def _money(amount: Decimal | int) -> Decimal:
    """At least two places, and as many more as the amount has."""
    exact = Decimal(amount)
    return exact if -exact.as_tuple().exponent > 2 else exact.quantize(_CENT)  # type: ignore[operator]
