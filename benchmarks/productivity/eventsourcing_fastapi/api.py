"""The proposals over HTTP."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError
from eventsourcing.projection import ProjectionRunner
from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from portfolio import SORTS, Page, Portfolio, PortfolioItem, PortfolioProjection
from proposals import DecidedOtherwise, Level, Proposals, Status

Runner = ProjectionRunner[Proposals, Portfolio]
STATUS_CODES: dict[type[Exception], int] = {
    AggregateNotFoundError: 404,
    DecidedOtherwise: 409,
    PermissionError: 403,
}


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    with ProjectionRunner(
        application_class=Proposals, projection_class=PortfolioProjection, view_class=Portfolio
    ) as app.state.runner:
        yield


def refused(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, STATUS_CODES[type(error)])


app = FastAPI(lifespan=lifespan)
for refusal in STATUS_CODES:
    app.add_exception_handler(refusal, refused)


def running(request: Request) -> Runner:
    runner: Runner = request.app.state.runner
    return runner


Running = Annotated[Runner, Depends(running)]


def in_step(runner: Runner) -> None:
    """Wait until the portfolio shows what was just recorded."""
    runner.wait(runner.app.recorder.max_notification_id())


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


@app.post("/api/proposals", status_code=201)
def submit(body: Submission, caller: SignedIn, runner: Running) -> dict[str, UUID]:
    id = runner.app.submit(body.title, body.category, body.level, caller.id)
    in_step(runner)
    return {"id": id}


@app.post("/api/proposals/{id}/accept", dependencies=[Depends(reviewer)])
def accept(id: UUID, runner: Running) -> None:
    runner.app.accept(id)
    in_step(runner)


@app.post("/api/proposals/{id}/reject", dependencies=[Depends(reviewer)])
def reject(id: UUID, body: Rejection, runner: Running) -> None:
    runner.app.reject(id, body.reason)
    in_step(runner)


@app.post("/api/proposals/{id}/withdraw")
def withdraw(id: UUID, caller: SignedIn, runner: Running) -> None:
    runner.app.withdraw(id, caller.id)
    in_step(runner)


@app.get("/api/proposals")
def portfolio(
    runner: Running,
    category: str | None = None,
    level: Level | None = None,
    status: Status | None = None,
    sort_by: Annotated[str, Query(alias="sortBy")] = "title",
    direction: Annotated[Literal["asc", "desc"], Query(alias="sortDirection")] = "asc",
    page: Annotated[int, Query(ge=0)] = 0,
    size: Annotated[int, Query(ge=1, le=200)] = 20,
) -> Page:
    if sort_by not in SORTS:
        raise HTTPException(400, f"sortBy must be one of {', '.join(SORTS)}")
    filters = {"category": category, "level": level, "status": status}
    return runner.view.browse(filters, sort_by, direction == "desc", page, size)


@app.get("/api/proposals/{id}")
def one(id: UUID, runner: Running) -> PortfolioItem:
    if id not in runner.view.items:
        raise HTTPException(404, "No such proposal")
    return runner.view.items[id]
