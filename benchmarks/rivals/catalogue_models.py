"""The catalogue in normalised tables, and how they are filled."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from itertools import islice

from sqlalchemy import DateTime, ForeignKey, Index, Numeric, String, insert, text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from benchmarks.catalogue import CatalogueOffer, offers, programs

_OFFERS_PER_INSERT = 2_000


class Base(DeclarativeBase):
    """The registry of the tables."""


class CategoryRow(Base):
    __tablename__ = "program_categories"
    __table_args__ = (Index("programs_by_category", "category", "program_id"),)

    program_id: Mapped[str] = mapped_column(ForeignKey("programs.id"), primary_key=True)
    category: Mapped[str] = mapped_column(String(60), primary_key=True)


class ProgramRow(Base):
    __tablename__ = "programs"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column()
    level: Mapped[str] = mapped_column(String(20), index=True)
    days: Mapped[int] = mapped_column()
    categories: Mapped[list[CategoryRow]] = relationship(order_by=CategoryRow.category)


class OfferRow(Base):
    """Places taken are kept beside: counting bookings for each list is slower still."""

    __tablename__ = "offers"
    __table_args__ = (
        Index("offers_by_price", "price", "id"),
        Index("offers_by_start", "begins", "id"),
        Index("offers_by_program", "program_id", "status"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    program_id: Mapped[str] = mapped_column(ForeignKey("programs.id"))
    trainer: Mapped[str] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(20))
    price: Mapped[Decimal] = mapped_column(Numeric(10, 2))
    begins: Mapped[datetime] = mapped_column(DateTime())
    ends: Mapped[datetime] = mapped_column(DateTime())
    maximum: Mapped[int] = mapped_column()
    taken: Mapped[int] = mapped_column()
    program: Mapped[ProgramRow] = relationship()


async def seed(engine: AsyncEngine, count: int) -> None:
    """Create the tables, the programs and ``count`` offers."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
        known = programs()
        names = ("title", "description", "level", "days")
        rows = [{"id": p.program_id, **{n: getattr(p, n) for n in names}} for p in known]
        await connection.execute(insert(ProgramRow), rows)
        pairs = [(p.program_id, category) for p in known for category in p.categories]
        several = [{"program_id": program, "category": category} for program, category in pairs]
        await connection.execute(insert(CategoryRow), several)
        found = offers(count)
        while batch := list(islice(found, _OFFERS_PER_INSERT)):
            await connection.execute(insert(OfferRow), [_offer(one) for one in batch])
    async with engine.begin() as connection:
        # Fresh statistics, as a database that has run for a while would have.
        await connection.execute(text("analyze"))


def _offer(one: CatalogueOffer) -> dict[str, object]:
    return {
        "id": one.offer_id,
        "program_id": one.program.program_id,
        "trainer": one.trainer,
        "status": "published",
        "price": one.price,
        "begins": one.begins,
        "ends": one.ends,
        "maximum": one.maximum,
        "taken": one.taken,
    }
