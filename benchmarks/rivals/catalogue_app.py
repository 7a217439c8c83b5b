"""The conventional catalogue: FastAPI and SQLAlchemy 2, joined for every request."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query
from pydantic import BaseModel
from pydantic.alias_generators import to_camel
from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import contains_eager

from benchmarks.rivals.catalogue_models import CategoryRow, OfferRow, ProgramRow

POOL_SIZE = 20
_SORTS: dict[str, Any] = {
    "price": OfferRow.price,
    "date": OfferRow.begins,
    "title": ProgramRow.title,
}
engine = create_async_engine(os.environ["CRUD_DATABASE"], pool_size=POOL_SIZE, max_overflow=0)
sessions = async_sessionmaker(engine, expire_on_commit=False)


class Answer(BaseModel):
    model_config = {"alias_generator": to_camel, "populate_by_name": True}


class Offer(Answer):
    offer_id: str
    program_id: str
    title: str
    description: str
    categories: list[str]
    level: str
    duration_in_days: int
    trainer: str
    status: str
    price: Decimal
    begins: datetime
    ends: datetime
    maximum_participants: int
    places_left: int


class Count(Answer):
    value: str
    count: int


class Page(Answer):
    items: list[Offer]
    page: int
    size: int
    total: int
    facets: dict[str, list[Count]]


async def _session() -> AsyncIterator[AsyncSession]:
    async with sessions() as session:
        yield session


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    await engine.dispose()


app = FastAPI(lifespan=_lifespan)
Session = Annotated[AsyncSession, Depends(_session)]
Filters = dict[str, ColumnElement[bool]]


@app.get("/api/training-offers")
async def training_offers(
    session: Session,
    category: str | None = None,
    level: str | None = None,
    status: str | None = None,
    free_places: Annotated[bool | None, Query(alias="freePlaces")] = None,
    sort_by: Annotated[str, Query(alias="sortBy")] = "date",
    facets: str = "",
    page: Annotated[int, Query(ge=0)] = 0,
    size: Annotated[int, Query(ge=1, le=200)] = 20,
) -> Page:
    """A page of offers with their programs, how many there are, and counts."""
    filters = _filters(category, level, status, free_places)
    total = await session.scalar(_joined(select(func.count(OfferRow.id)), filters))
    statement = (
        _joined(select(OfferRow), filters)
        .options(contains_eager(OfferRow.program).selectinload(ProgramRow.categories))
        .order_by(_SORTS[sort_by], OfferRow.id)
        .limit(size)
        .offset(page * size)
    )
    found = await session.scalars(statement)
    counted = {name: await _counts(session, name, filters) for name in facets.split(",") if name}
    items = [_offer(one) for one in found]
    return Page(items=items, page=page, size=size, total=total or 0, facets=counted)


def _filters(
    category: str | None, level: str | None, status: str | None, free_places: bool | None
) -> Filters:
    filters: Filters = {}
    if category is not None:
        filters["category"] = ProgramRow.categories.any(CategoryRow.category == category)
    if level is not None:
        filters["level"] = ProgramRow.level == level
    if status is not None:
        filters["status"] = OfferRow.status == status
    if free_places is not None:
        free = OfferRow.taken < OfferRow.maximum
        filters["freePlaces"] = free if free_places else ~free
    return filters


def _joined(statement: Select[Any], filters: Filters, without: str = "") -> Select[Any]:
    joined = statement.join(ProgramRow, ProgramRow.id == OfferRow.program_id)
    return joined.where(*(one for name, one in filters.items() if name != without))


async def _counts(session: AsyncSession, name: str, filters: Filters) -> list[Count]:
    """A facet ignores the filter on itself, as ours does."""
    columns: dict[str, Any] = {
        "category": CategoryRow.category,
        "level": ProgramRow.level,
        "status": OfferRow.status,
    }
    column = columns[name]
    statement = _joined(select(column, func.count()).select_from(OfferRow), filters, without=name)
    if name == "category":
        statement = statement.join(CategoryRow, CategoryRow.program_id == ProgramRow.id)
    rows = await session.execute(statement.group_by(column).order_by(func.count().desc(), column))
    return [Count(value=value, count=count) for value, count in rows]


def _offer(one: OfferRow) -> Offer:
    program = one.program
    return Offer(
        offer_id=one.id,
        program_id=program.id,
        title=program.title,
        description=program.description,
        categories=[row.category for row in program.categories],
        level=program.level,
        duration_in_days=program.days,
        trainer=one.trainer,
        status=one.status,
        price=one.price,
        begins=one.begins,
        ends=one.ends,
        maximum_participants=one.maximum,
        places_left=one.maximum - one.taken,
    )
