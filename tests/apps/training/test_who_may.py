"""Every route, every account, own and foreign: who may is what the table says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.apps.training.examples import (
    BODY,
    TERMS,
    booked,
    published_offer,
    released_program,
)
from training.main import ACCOUNTS, app
from twofold.testing import site
from twofold.wiring.wired import wire

ROLES = {account.account: account.roles[0] for account in ACCOUNTS}
OWNERS = {"author": "author", "reviewer": "reviewer", "participant": "participant"}
ANYONE = "anyone"


class Access(NamedTuple):
    """Roles that may with everything, the role that may with what is theirs, and a body."""

    all_of_it: str
    own: str = ""
    body: Any = None


MOVE = {key: TERMS[key] for key in ("startDate", "endDate", "startTime", "endTime")}
WHY = {"reason": "because"}
SAYS = {"comment": "so be it"}
MANAGERS = "manager admin"
TABLE = {
    "POST /api/proposals": Access("author admin", body=BODY),
    "PUT /api/proposals/{proposalId}": Access("admin", "author", BODY),
    "POST /api/proposals/{proposalId}/submit": Access("admin", "author", {}),
    "POST /api/proposals/{proposalId}/withdraw": Access("admin", "author", WHY),
    "POST /api/proposals/check": Access("author admin", body=BODY),
    "GET /api/proposals": Access("author reviewer manager admin"),
    "GET /api/proposals/{proposalId}": Access("reviewer manager admin", "author"),
    "PUT /api/programs/{programId}": Access("admin", "author", BODY),
    "POST /api/programs/{programId}/withdraw": Access("admin", "author", WHY),
    "POST /api/reviews/{proposalId}/accept": Access("admin", "reviewer", SAYS),
    "POST /api/reviews/{proposalId}/reject": Access("admin", "reviewer", SAYS),
    "POST /api/reviews/{proposalId}/comments": Access("admin", "reviewer", {"text": "hm"}),
    "GET /api/reviews": Access("reviewer admin"),
    "GET /api/reviews/{proposalId}": Access("reviewer admin"),
    "PUT /api/reviewers/{reviewerId}": Access("admin", body={"name": "Rita"}),
    "GET /api/reviewers": Access("reviewer admin"),
    "POST /api/offers": Access(MANAGERS, body={**TERMS, "programId": "p"}),
    "PUT /api/offers/{offerId}": Access(MANAGERS, body={**TERMS, "programId": "p"}),
    "POST /api/offers/{offerId}/publish": Access(MANAGERS, body={}),
    "POST /api/offers/{offerId}/reschedule": Access(MANAGERS, body=MOVE),
    "POST /api/offers/{offerId}/change-price": Access(MANAGERS, body={"price": "450.00"}),
    "POST /api/offers/{offerId}/close": Access(MANAGERS, body={}),
    "POST /api/offers/{offerId}/cancel": Access(MANAGERS, body=WHY),
    "POST /api/offers/{offerId}/bookings": Access("participant admin", body={}),
    "POST /api/bookings/{bookingId}/confirm": Access("admin", "participant", {}),
    "POST /api/bookings/{bookingId}/cancel": Access("admin", "participant", {}),
    "POST /api/discounts": Access(MANAGERS, body={"code": "TENTH"}),
    "GET /api/discounts": Access(MANAGERS),
    "GET /api/offers": Access(MANAGERS),
    "GET /api/offers/{offerId}": Access(MANAGERS),
    "GET /api/bookings": Access("participant manager admin"),
    "GET /api/bookings/{bookingId}": Access(MANAGERS, "participant"),
    "GET /api/training-programs": Access(ANYONE),
    "GET /api/training-programs/{programId}": Access(ANYONE),
    "GET /api/training-offers": Access(ANYONE),
    "GET /api/training-offers/{offerId}": Access(ANYONE),
}
ROUTES = [f"{route.method} {route.path}" for route in wire(app).routes if route.path]


def test_every_route_has_its_line_in_the_table() -> None:
    assert sorted(ROUTES) == sorted(TABLE)


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[Any, dict[str, str]]]:
    """A site with one of everything, each owned by the first account of its role."""
    with site(app) as web:
        program_id = released_program(web)
        offer_id = published_offer(web, program_id, maximumParticipants=9)
        made = web.post("/api/proposals", BODY, by="author").json["proposalId"]
        web.post(f"/api/proposals/{made}/submit", {}, by="author")
        web.wait(1)
        yield (
            web,
            {
                "proposalId": made,
                "programId": program_id,
                "offerId": offer_id,
                "bookingId": booked(web, offer_id)["bookingId"],
                "reviewerId": "reviewer",
            },
        )


def expected(access: Access, account: str, method: str) -> set[int]:
    """What the answer may be: refused in one way, or not refused."""
    role = ROLES.get(account, "")
    fine = {200, 201, 400, 409, 422}
    if access.all_of_it == ANYONE or (role and role in access.all_of_it.split()):
        return fine
    if not role:
        return {401}
    if access.own and role == access.own:
        return fine if account in OWNERS else {404 if method == "GET" else 403}
    return {403}


@pytest.mark.parametrize("route", sorted(TABLE))
def test_who_may(world: tuple[Any, dict[str, str]], route: str) -> None:
    web, ids = world
    method, template = route.split()
    access = TABLE[route]
    for account in ("", *ROLES):
        path = template.format(**ids)
        got = web.send(method, path, access.body, by=account)
        assert got.status in expected(access, account, method), (account, got)


def test_lists_show_only_what_is_the_callers(world: tuple[Any, dict[str, str]]) -> None:
    web, _ = world
    for path, owner, other in (
        ("/api/proposals", "author", "author2"),
        ("/api/bookings", "participant", "participant2"),
    ):
        field = owner
        mine = web.get(path, by=owner).json["items"]
        assert mine
        assert {item[field] for item in mine} == {owner}
        assert {item[field] for item in web.get(path, by=other).json["items"]} <= {other}


def test_nobody_books_in_anothers_name(world: tuple[Any, dict[str, str]]) -> None:
    web, ids = world
    path = f"/api/offers/{ids['offerId']}/bookings"
    body = {"participant": "participant2"}
    assert web.post(path, body, by="participant").status == 403
    body = {**BODY, "author": "author2"}
    assert web.post("/api/proposals", body, by="author").status == 403


def test_commands_of_the_system_have_no_way_in() -> None:
    wired = wire(app)
    inner = {type_.__name__ for type_, h in wired.handlings.items() if h.may.text == "system"}
    reachable = {route.target for route in wired.routes if route.path}
    assert "ReleaseProgram" in inner
    assert not {t.__name__ for t in reachable if isinstance(t, type)} & inner
