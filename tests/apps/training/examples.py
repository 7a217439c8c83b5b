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
