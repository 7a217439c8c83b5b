"""The conventional design: FastAPI and SQLAlchemy 2 on the tables that are written to."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Query
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import joinedload, selectinload

from benchmarks.rivals.crud_models import OrderLineRow, OrderRow

POOL_SIZE = 20


class Answer(BaseModel):
    model_config = ConfigDict(from_attributes=True, alias_generator=to_camel, populate_by_name=True)


class Product(Answer):
    sku: str
    title: str


class Customer(Answer):
    id: str
    name: str


class Line(Answer):
    product: Product
    quantity: int
    unit_price: Decimal


class Summary(Answer):
    id: str
    number: str
    status: str
    country: str
    currency: str
    total: Decimal
    placed_at: datetime
    customer: Customer


class Details(Summary):
    lines: list[Line]


class Page(Answer):
    items: list[Summary]
    page: int
    size: int
    total: int


def engine_for(address: str) -> AsyncEngine:
    """An engine with the usual pool."""
    return create_async_engine(address, pool_size=POOL_SIZE, max_overflow=0)


engine = engine_for(os.environ["CRUD_DATABASE"])
sessions = async_sessionmaker(engine, expire_on_commit=False)


async def _session() -> AsyncIterator[AsyncSession]:
    async with sessions() as session:
        yield session


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    await engine.dispose()


app = FastAPI(lifespan=_lifespan)
Session = Annotated[AsyncSession, Depends(_session)]


@app.get("/orders/{order_id}")
async def order(order_id: str, session: Session) -> Details:
    """One order with its lines."""
    lines = selectinload(OrderRow.lines).joinedload(OrderLineRow.product)
    found = await session.get(OrderRow, order_id, options=[lines, joinedload(OrderRow.customer)])
    if found is None:
        raise HTTPException(404)
    return Details.model_validate(found)


@app.get("/orders")
async def orders(
    session: Session,
    status: str | None = None,
    country: str | None = None,
    page: Annotated[int, Query(ge=0)] = 0,
    size: Annotated[int, Query(ge=1, le=200)] = 20,
) -> Page:
    """A page of orders, the latest first, and how many there are."""
    filters = _filters(status, country)
    total = await session.scalar(select(func.count()).select_from(OrderRow).where(*filters))
    found = await session.scalars(
        select(OrderRow)
        .where(*filters)
        .options(joinedload(OrderRow.customer))
        .order_by(OrderRow.placed_at.desc(), OrderRow.id)
        .limit(size)
        .offset(page * size)
    )
    items = [Summary.model_validate(one) for one in found]
    return Page(items=items, page=page, size=size, total=total or 0)


def _filters(status: str | None, country: str | None) -> list[ColumnElement[bool]]:
    filters = []
    if status is not None:
        filters.append(OrderRow.status == status)
    if country is not None:
        filters.append(OrderRow.country == country)
    return filters
