"""Texts and values that tests of the training company share."""

from __future__ import annotations

from typing import Any

from training.modules.programs.contracts import AuthorId, Content, Level, ProposalId
from twofold import Caller

ID = ProposalId("p-1")
AUTHOR = AuthorId("author")
ADA = Caller("author", roles=frozenset({"author"}))
RITA = Caller("reviewer", roles=frozenset({"reviewer"}))
ADMIN = Caller("admin", roles=frozenset({"admin"}))

DESCRIPTION = (
    "Participants learn how rigging, lifting and lowering are planned and carried out safely, and "
    "apply the rules of the trade to cranes, hoists and slings of every size."
)
AGENDA = """# Morning
- Loads, centres of gravity and why slings slip
- Inspecting hooks, shackles, ropes and chains before each lift
# Afternoon
- Hand signals between banksman and operator
- A supervised lift in the yard, then questions about everything that went wrong
"""
PLAN = """1. Read the accident report of the week and say what was missed.
2. Inspect the equipment laid out in the hall; every defect is named and tagged.
3. Work out angles and limits for three lifts on paper, compare with your neighbour.
4. Lift the training load in pairs; the trainer stops whatever looks unsafe.
Session close: each group tells what it would do differently on Monday.
"""
CONTENT: dict[str, Any] = {
    "title": "Safe lifting with cranes",
    "description": DESCRIPTION,
    "agenda": AGENDA,
    "plan": PLAN,
    "categories": ("safety", "logistics"),
    "level": Level.BEGINNER,
    "trainer": "Tessa Trainer",
    "duration_in_days": 2,
}
BODY: dict[str, Any] = {
    **{k: v for k, v in CONTENT.items() if k != "duration_in_days"},
    "durationInDays": 2,
}


def content(**changes: Any) -> Content:
    """A content that can be released, with ``changes``."""
    return Content(**{**CONTENT, **changes})


TERMS: dict[str, Any] = {
    "trainer": "Tessa Trainer",
    "price": "450.00",
    "currency": "EUR",
    "minimumParticipants": 1,
    "maximumParticipants": 2,
    "startDate": "2026-03-02",
    "endDate": "2026-03-03",
    "startTime": "09:00",
    "endTime": "17:00",
}


def released_program(web: Any, **changes: Any) -> str:
    """A program that went all the way; answers its id."""
    web.send("PUT", "/api/reviewers/reviewer", {"name": "Rita"}, by="admin")
    made = web.post("/api/proposals", {**BODY, **changes}, by="author")
    assert made.status == 201, made
    proposal_id: str = made.json["proposalId"]
    submitted = web.post(f"/api/proposals/{proposal_id}/submit", {}, by="author")
    assert submitted.status == 200, submitted
    web.wait(1)
    accepted = web.post(f"/api/reviews/{proposal_id}/accept", {"comment": "yes"}, by="reviewer")
    assert accepted.status == 200, accepted
    web.wait(1)
    return proposal_id


def published_offer(web: Any, program_id: str = "", **changes: Any) -> str:
    """An offer that can be booked; answers its id."""
    program_id = program_id or released_program(web)
    body = {**TERMS, "programId": program_id, **changes}
    made = web.post("/api/offers", body, by="manager")
    assert made.status == 201, made
    offer_id: str = made.json["offerId"]
    published = web.post(f"/api/offers/{offer_id}/publish", {}, by="manager")
    assert published.status == 200, published
    return offer_id


def booked(web: Any, offer_id: str, by: str = "participant", **body: Any) -> Any:
    """A booking; answers what the command answered."""
    made = web.post(f"/api/offers/{offer_id}/bookings", body, by=by)
    assert made.status == 200, made
    return made.json
