"""Who reviews what: pure, on what the desk knows of reviewers, their load and the queue.

The chain: somebody who knows all of the categories, then whoever knows most of them, then
whoever has the least to do. Nobody gets more than ``MOST_OPEN`` open reviews, and nobody their own
work; equals share by load and then by name. What nobody can take stays queued, in order.
"""

from __future__ import annotations

from collections import Counter

from training.modules.programs.contracts import AuthorId, ProposalId
from training.modules.reviews.contracts import ReviewerId
from twofold import Value

MOST_OPEN = 3


class Queued(Value):
    """A proposal that waits for a reviewer."""

    proposal_id: ProposalId
    author: AuthorId
    categories: tuple[str, ...]
    round: int


class Desk(Value):
    """What assigning needs to know: who reviews what, who has which review, and the queue."""

    reviewers: dict[ReviewerId, tuple[str, ...]] = {}
    assigned: dict[ProposalId, ReviewerId] = {}
    queue: tuple[Queued, ...] = ()

    def described(self, reviewer: ReviewerId, specialities: tuple[str, ...]) -> Desk:
        """Somebody reviews, or reviews other things."""
        return self.but(reviewers={**self.reviewers, reviewer: specialities})

    def registered(self, queued: Queued) -> Desk:
        """One more waits."""
        return self.without(queued.proposal_id).but(
            queue=(*(q for q in self.queue if q.proposal_id != queued.proposal_id), queued)
        )

    def without(self, proposal: ProposalId) -> Desk:
        """It is decided or dropped."""
        return self.but(
            assigned={p: r for p, r in self.assigned.items() if p != proposal},
            queue=tuple(q for q in self.queue if q.proposal_id != proposal),
        )

    def settled(self) -> tuple[Desk, tuple[tuple[Queued, ReviewerId], ...]]:
        """The desk once everything is assigned that can be, and to whom."""
        desk, found = self, []
        for queued in self.queue:
            reviewer = desk.best(queued)
            if reviewer is not None:
                found.append((queued, reviewer))
                desk = desk.but(assigned={**desk.assigned, queued.proposal_id: reviewer})
        taken = {queued.proposal_id for queued, _ in found}
        rest = tuple(q for q in self.queue if q.proposal_id not in taken)
        return desk.but(queue=rest), tuple(found)

    def best(self, queued: Queued) -> ReviewerId | None:
        """Who should review it; None if nobody can now."""
        load = Counter(self.assigned.values())
        free = [r for r in self.reviewers if load[r] < MOST_OPEN and str(r) != queued.author]
        wanted = {category.casefold() for category in queued.categories}

        def rank(reviewer: ReviewerId) -> tuple[bool, int, int, str]:
            known = {category.casefold() for category in self.reviewers[reviewer]} & wanted
            knows_all = bool(wanted) and known == wanted
            return not knows_all, -len(known), load[reviewer], reviewer

        return min(free, key=rank, default=None)
