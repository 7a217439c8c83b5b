"""Revenue, taken apart into cells that add up: one per dimension, value and day.

What counts, and when:

* an order, on the day its payment was confirmed: its lines are net and gross revenue;
* a refund of an order, on its day: negative refunds and net. It has an amount and no lines, so by
  product and by category it stands under ``REFUND``;
* an imported invoice, on its date: net is Σ quantity x unit price of all its lines, gross the same
  over lines with a positive amount. It knows no categories;
* a credit note, on its date: the sum of its lines is refunds and net;
* an adjustment, on its date: net alone.

``units`` is Σ quantity of whatever is net, ``orders`` the number of paid orders and invoices that
the value occurs in. All sums are exact decimals.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from shop.modules.invoices.contracts import InvoiceImported
from shop.modules.orders.contracts import Line, OrderRefunded, PaymentConfirmed
from twofold import Column, Filter, Key, Measure, Projection, ReadModel, Recorded, Value

REFUND = "REFUND"
_ZERO = Decimal(0)


class Figures(Value):
    """What is added up."""

    net: Measure[Decimal] = _ZERO
    gross: Measure[Decimal] = _ZERO
    refunds: Measure[Decimal] = _ZERO
    units: Measure[int] = 0
    orders: Measure[int] = 0


class Place(Figures):
    """Where figures belong."""

    dimension: Filter[str]
    value: Column[str]
    day: Column[date]
    month: Column[str]


class Cell(Place, ReadModel):
    """The figures of one value of a dimension on one day."""

    cell_id: Key[str]


class Part(Value):
    """What one event adds to one cell."""

    dimension: str
    value: str
    day: date
    net: Decimal
    gross: Decimal
    refunds: Decimal
    units: int
    orders: int


cells = Projection(Cell, name="revenue_cell")


def contributions(
    event: PaymentConfirmed | OrderRefunded | InvoiceImported, meta: Recorded
) -> Iterable[tuple[str, Part]]:
    """The parts of an event, by cell."""
    if isinstance(event, OrderRefunded):
        yield from _refund(event, meta.time.date())
        return
    if isinstance(event, PaymentConfirmed):
        kind, day = "invoice", meta.time.date()
    else:
        kind, day = event.kind, event.date.date()
    total = _part(event.lines, kind)
    yield _cell("day", day.isoformat(), day, total)
    yield _cell("country", event.country, day, total)
    yield _cell("customer", event.customer_id, day, total)
    by_product: defaultdict[str, list[Line]] = defaultdict(list)
    by_category: defaultdict[str, list[Line]] = defaultdict(list)
    for line in event.lines:
        by_product[line.sku].append(line)
        by_category[line.category].append(line)
    for sku, lines in by_product.items():
        yield _cell("product", sku, day, _part(lines, kind))
    for category, lines in by_category.items():
        whole = len(by_category) == 1
        yield _cell("category", category, day, total if whole else _part(lines, kind))


def _refund(event: OrderRefunded, day: date) -> Iterable[tuple[str, Part]]:
    figures = Figures(net=-event.amount, refunds=-event.amount)
    yield _cell("day", day.isoformat(), day, figures)
    yield _cell("country", event.country, day, figures)
    yield _cell("customer", event.customer_id, day, figures)
    yield _cell("product", REFUND, day, figures)
    yield _cell("category", REFUND, day, figures)


def _part(lines: Iterable[Line], kind: str) -> Figures:
    net, gross, units = _ZERO, _ZERO, 0
    for line in lines:
        amount = line.quantity * line.unit_price
        net += amount
        units += line.quantity
        if amount > 0:
            gross += amount
    invoice = kind == "invoice"
    return Figures(
        net=net,
        gross=gross if invoice else _ZERO,
        refunds=net if kind == "credit-note" else _ZERO,
        units=units,
        orders=1 if invoice else 0,
    )


def _cell(dimension: str, value: str, day: date, figures: Figures) -> tuple[str, Part]:
    part = Part(
        dimension=dimension,
        value=value,
        day=day,
        net=figures.net,
        gross=figures.gross,
        refunds=figures.refunds,
        units=figures.units,
        orders=figures.orders,
    )
    return f"{dimension}|{day.isoformat()}|{value}", part


@cells.on(each=contributions)
def add(cell: Cell | None, part: Part) -> Cell:
    """Add a part to its cell."""
    if cell is None:
        return Cell(
            cell_id=f"{part.dimension}|{part.day.isoformat()}|{part.value}",
            dimension=part.dimension,
            value=part.value,
            day=part.day,
            month=part.day.isoformat()[:7],
            net=part.net,
            gross=part.gross,
            refunds=part.refunds,
            units=part.units,
            orders=part.orders,
        )
    return cell.but(
        net=cell.net + part.net,
        gross=cell.gross + part.gross,
        refunds=cell.refunds + part.refunds,
        units=cell.units + part.units,
        orders=cell.orders + part.orders,
    )
