"""The orders of ``benchmarks.orders`` in Twofold: a document for one order, a row for lists."""

from __future__ import annotations

import asyncio
import os
from datetime import datetime
from decimal import Decimal
from typing import Any, NewType

from benchmarks.orders import Order, orders
from twofold import (
    Application,
    Command,
    Event,
    EventSourced,
    Facet,
    Key,
    Module,
    Projection,
    ReadModel,
    Recorded,
    RuntimeSettings,
    Sort,
    System,
    Value,
    anyone,
    get,
    internal,
)
from twofold.assembly.assemble import assemble
from twofold.assembly.settings import read_settings
from twofold.http.asgi import http_app

OrderId = NewType("OrderId", str)
AT_ONCE = 500


class Named(Value):
    """A customer as answers show it."""

    id: str
    name: str


class Item(Value):
    """A product as answers show it."""

    sku: str
    title: str


class OrderLine(Value):
    """A line at the price of the day."""

    product: Item
    quantity: int
    unit_price: Decimal


class Summary(Value):
    """What lists show."""

    number: str
    status: Facet[str]
    country: Facet[str]
    currency: str
    total: Decimal
    placed_at: Sort[datetime]
    customer: Named


class Details(Summary):
    """What one order shows."""

    lines: tuple[OrderLine, ...]


class Place(Details, Command):
    """An order, whole."""

    order_id: OrderId


class Placed(Details, Event):
    """It was placed."""


class Known(Value):
    """That it was is all that deciding needs."""


class Row(Summary, ReadModel):
    """An order in a list."""

    id: Key[OrderId]


class Document(Details, ReadModel):
    """An order by itself."""

    id: Key[OrderId]


order = EventSourced(Known, OrderId, name="order")
rows = Projection(Row)
documents = Projection(Document)


@order.decides
def place(state: None, command: Place) -> Placed:
    """Once."""
    return Placed.of(command)


@order.evolves
def placed(state: None, event: Placed) -> Known:
    """It exists."""
    return Known()


@rows.on
def listed(row: Row | None, event: Placed, meta: Recorded) -> Row:
    """As placed."""
    return Row.of(event, id=OrderId(meta.stream_id))


@documents.on
def shown(document: Document | None, event: Placed, meta: Recorded) -> Document:
    """As placed."""
    return Document.of(event, id=OrderId(meta.stream_id))


application = Application(
    "reading",
    Module(
        "orders",
        order,
        rows,
        documents,
        internal(Place, may=anyone),
        get("/orders", rows.page_by(lambda row: row.placed_at, descending=True), may=anyone),
        get("/orders/{id}", documents.one, may=anyone),
    ),
)


def system(address: str) -> System:
    """The application on the database at ``address``, read models in step at once."""
    given = {"TWOFOLD_LOG": address, "TWOFOLD_PROJECTIONS": "inline"}
    return assemble(
        application,
        read_settings("reading", given),
        roles=frozenset({"api"}),
        runtime=RuntimeSettings(),
    )


async def filled(address: str, count: int) -> list[str]:
    """``count`` orders; their ids."""
    ids: list[str] = []
    async with system(address) as running:
        known = [_command(one) for one in orders(count)]
        for first in range(0, count, AT_ONCE):
            sent = [running.send(command) for command in known[first : first + AT_ONCE]]
            ids += [done.identity for done in await asyncio.gather(*sent)]
    return ids


def _command(one: Order) -> Place:
    return Place(
        order_id=OrderId(one.order_id),
        number=one.number,
        status=one.status,
        country=one.customer.country,
        currency=one.currency,
        total=one.total,
        placed_at=one.placed_at,
        customer=Named(id=one.customer.customer_id, name=one.customer.name),
        lines=tuple(
            OrderLine(
                product=Item(sku=line.product.sku, title=line.product.title),
                quantity=line.quantity,
                unit_price=line.product.price,
            )
            for line in one.lines
        ),
    )


def __getattr__(name: str) -> Any:
    """``app`` for uvicorn, made when asked for; the database comes from BENCHMARK_DATABASE."""
    if name == "app":
        return http_app(system(os.environ["BENCHMARK_DATABASE"]))
    raise AttributeError(name)
