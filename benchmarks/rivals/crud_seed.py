"""Filling the normalised tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from benchmarks.orders import Order, customers, orders, products
from benchmarks.rivals.crud_models import Base, CustomerRow, OrderLineRow, OrderRow, ProductRow

ORDERS_PER_INSERT = 1_000


async def seed(engine: AsyncEngine, count: int) -> list[str]:
    """Create the tables and ``count`` orders with their lines; the ids of the orders."""
    ids: list[str] = []
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
        await _insert_catalogue(connection)
        known = orders(count)
        while batch := list(islice(known, ORDERS_PER_INSERT)):
            await connection.execute(insert(OrderRow), [_order(order) for order in batch])
            await connection.execute(insert(OrderLineRow), list(_lines(batch)))
            ids += [order.order_id for order in batch]
    async with engine.begin() as connection:
        # Fresh statistics, as a database that has run for a while would have.
        await connection.execute(text("analyze"))
    return ids


async def _insert_catalogue(connection: AsyncConnection) -> None:
    people = [
        {"id": customer.customer_id, "name": customer.name, "country": customer.country}
        for customer in customers()
    ]
    goods = [
        {"sku": product.sku, "title": product.title, "price": product.price}
        for product in products()
    ]
    await connection.execute(insert(CustomerRow), people)
    await connection.execute(insert(ProductRow), goods)


def _order(order: Order) -> Mapping[str, object]:
    return {
        "id": order.order_id,
        "number": order.number,
        "customer_id": order.customer.customer_id,
        "status": order.status,
        "country": order.customer.country,
        "currency": order.currency,
        "total": order.total,
        "placed_at": order.placed_at,
    }


def _lines(batch: Iterable[Order]) -> Iterable[Mapping[str, object]]:
    for order in batch:
        for number, line in enumerate(order.lines):
            yield {
                "order_id": order.order_id,
                "line": number,
                "sku": line.product.sku,
                "quantity": line.quantity,
                "unit_price": line.product.price,
            }
