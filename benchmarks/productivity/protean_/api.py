"""The proposals over HTTP."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request
from fastapi.responses import JSONResponse
from protean import current_domain
from protean.integrations.fastapi import DomainContextMiddleware, register_exception_handlers
from pydantic.alias_generators import to_camel

from proposals import (
    AcceptProposal,
    Level,
    PortfolioItem,
    RejectProposal,
    Status,
    SubmitProposal,
    WithdrawProposal,
    domain,
)

SORTS = {"title": "title", "submittedAt": "submitted_at"}


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
    domain.init(traverse=False)
    yield
    domain.close()


app = FastAPI(lifespan=lifespan)
app.add_middleware(DomainContextMiddleware, route_domain_map={"/": domain})
register_exception_handlers(app)


@app.exception_handler(PermissionError)
def forbidden(_: Request, error: PermissionError) -> JSONResponse:
    return JSONResponse({"error": str(error)}, 403)


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


def reviewer(caller: Annotated[Caller, Depends(signed_in)]) -> None:
    if "reviewer" not in caller.roles:
        raise HTTPException(403, "Only a reviewer decides")


SignedIn = Annotated[Caller, Depends(signed_in)]


@app.post("/api/proposals", status_code=201)
def submit(payload: dict[str, Any], caller: SignedIn) -> dict[str, Any]:
    command = SubmitProposal(**payload | {"author": caller.id})
    return {"id": current_domain.process(command)}


@app.post("/api/proposals/{proposal_id}/accept", dependencies=[Depends(reviewer)])
def accept(proposal_id: str) -> None:
    current_domain.process(AcceptProposal(proposal_id=proposal_id))


@app.post("/api/proposals/{proposal_id}/reject", dependencies=[Depends(reviewer)])
def reject(proposal_id: str, payload: dict[str, Any]) -> None:
    current_domain.process(RejectProposal(**payload | {"proposal_id": proposal_id}))


@app.post("/api/proposals/{proposal_id}/withdraw")
def withdraw(proposal_id: str, caller: SignedIn) -> None:
    current_domain.process(WithdrawProposal(proposal_id=proposal_id, author=caller.id))


@app.get("/api/proposals")
def portfolio(
    category: str | None = None,
    level: Level | None = None,
    status: Status | None = None,
    sort_by: Annotated[str, Query(alias="sortBy")] = "title",
    direction: Annotated[Literal["asc", "desc"], Query(alias="sortDirection")] = "asc",
    page: Annotated[int, Query(ge=0)] = 0,
    size: Annotated[int, Query(ge=1, le=200)] = 20,
) -> dict[str, Any]:
    if sort_by not in SORTS:
        raise HTTPException(400, f"sortBy must be one of {', '.join(SORTS)}")
    asked = {"category": category, "level": level, "status": status}
    order = [f"-{SORTS[sort_by]}" if direction == "desc" else SORTS[sort_by], "id"]
    found = (
        current_domain.view_for(PortfolioItem)
        .query.filter(**{field: value for field, value in asked.items() if value})
        .order_by(order)
        .offset(page * size)
        .limit(size)
        .all()
    )
    items = [in_json(item) for item in found.items]
    return {"items": items, "page": page, "size": size, "total": found.total}


@app.get("/api/proposals/{proposal_id}")
def one(proposal_id: str) -> dict[str, Any]:
    return in_json(current_domain.view_for(PortfolioItem).get(proposal_id))


def in_json(item: PortfolioItem) -> dict[str, Any]:
    return {to_camel(field): value for field, value in item.to_dict().items()}
