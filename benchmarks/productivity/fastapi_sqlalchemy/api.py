"""The proposals over HTTP."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, FastAPI, Header, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import Session

from models import Base, Level, PortfolioItem, Proposal, Status

SORTS = {"title": PortfolioItem.title, "submittedAt": PortfolioItem.submitted_at}
engine = create_engine("sqlite:///proposals.db")


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
    Base.metadata.create_all(engine)
    yield


app = FastAPI(lifespan=lifespan)


def open_session() -> Iterator[Session]:
    with Session(engine) as session:
        yield session


Database = Annotated[Session, Depends(open_session)]


@dataclass(frozen=True)
class Caller:
    id: str
    roles: list[str]


def signed_in(
    x_caller: Annotated[str | None, Header()] = None, x_roles: Annotated[str, Header()] = ""
) -> Caller:
    if x_caller is None:
        raise HTTPException(401, "Sign in first")
    return Caller(x_caller, x_roles.split(","))


SignedIn = Annotated[Caller, Depends(signed_in)]


def reviewer(caller: SignedIn) -> None:
    if "reviewer" not in caller.roles:
        raise HTTPException(403, "Only a reviewer decides")


class Submission(BaseModel):
    title: Annotated[str, Field(min_length=5)]
    category: str
    level: Level


class Rejection(BaseModel):
    reason: str


class Entry(Submission):
    model_config = ConfigDict(alias_generator=to_camel, from_attributes=True, validate_by_name=True)

    id: UUID
    author: str
    status: Status
    submitted_at: datetime


class Page(BaseModel):
    items: list[Entry]
    page: int
    size: int
    total: int


@app.post("/api/proposals", status_code=201)
def submit(body: Submission, caller: SignedIn, session: Database) -> dict[str, UUID]:
    proposal = Proposal(**body.model_dump(), author=caller.id)
    item = PortfolioItem(**body.model_dump(), author=caller.id, id=proposal.id)
    session.add_all([proposal, item])
    session.commit()
    return {"id": item.id}


@app.post("/api/proposals/{id}/accept", dependencies=[Depends(reviewer)])
def accept(id: UUID, session: Database) -> None:
    decide(session, find(session, id), Status.accepted)


@app.post("/api/proposals/{id}/reject", dependencies=[Depends(reviewer)])
def reject(id: UUID, body: Rejection, session: Database) -> None:
    decide(session, find(session, id), Status.rejected, body.reason)


@app.post("/api/proposals/{id}/withdraw")
def withdraw(id: UUID, caller: SignedIn, session: Database) -> None:
    proposal = find(session, id)
    if proposal.author != caller.id:
        raise HTTPException(403, "Only its author withdraws a proposal")
    decide(session, proposal, Status.withdrawn)


def find(session: Session, id: UUID) -> Proposal:
    if proposal := session.get(Proposal, id, with_for_update=True):
        return proposal
    raise HTTPException(404, "No such proposal")


def decide(
    session: Session, proposal: Proposal, decision: Status, reason: str | None = None
) -> None:
    if proposal.status not in (Status.submitted, decision):
        raise HTTPException(409, f"The proposal is {proposal.status} already")
    if proposal.status == Status.submitted:
        proposal.status = decision
        proposal.reason = reason
        session.get_one(PortfolioItem, proposal.id).status = decision
        session.commit()


@app.get("/api/proposals", response_model=Page)
def portfolio(
    session: Database,
    category: str | None = None,
    level: Level | None = None,
    status: Status | None = None,
    sort_by: Annotated[str, Query(alias="sortBy")] = "title",
    direction: Annotated[Literal["asc", "desc"], Query(alias="sortDirection")] = "asc",
    page: Annotated[int, Query(ge=0)] = 0,
    size: Annotated[int, Query(ge=1, le=200)] = 20,
) -> object:
    if sort_by not in SORTS:
        raise HTTPException(400, f"sortBy must be one of {', '.join(SORTS)}")
    asked = {"category": category, "level": level, "status": status}
    found = select(PortfolioItem).filter_by(
        **{field: value for field, value in asked.items() if value}
    )
    total = session.scalar(select(func.count()).select_from(found.subquery()))
    order = SORTS[sort_by].desc() if direction == "desc" else SORTS[sort_by].asc()
    items = session.scalars(found.order_by(order, PortfolioItem.id).offset(page * size).limit(size))
    return {"items": items.all(), "page": page, "size": size, "total": total}


@app.get("/api/proposals/{id}", response_model=Entry)
def one(id: UUID, session: Database) -> PortfolioItem:
    if item := session.get(PortfolioItem, id):
        return item
    raise HTTPException(404, "No such proposal")
