"""Training proposals, and the portfolio to browse, as rows."""

from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import DateTime
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column

Level = StrEnum("Level", ["beginner", "intermediate", "advanced"])
Status = StrEnum("Status", ["submitted", "accepted", "rejected", "withdrawn"])


class Base(MappedAsDataclass, DeclarativeBase, kw_only=True):
    pass


class Content(MappedAsDataclass, kw_only=True):
    title: Mapped[str] = mapped_column(index=True)
    category: Mapped[str] = mapped_column(index=True)
    level: Mapped[Level] = mapped_column(index=True)
    author: Mapped[str]
    status: Mapped[Status] = mapped_column(index=True, default=Status.submitted)


class Proposal(Content, Base):
    __tablename__ = "proposal"

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid4)
    reason: Mapped[str | None] = mapped_column(default=None)


class PortfolioItem(Content, Base):
    __tablename__ = "portfolio_item"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    submitted_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), index=True, default_factory=lambda: datetime.now(UTC)
    )
