"""Reviews: who decides on proposals, and what they decide."""

from __future__ import annotations

from training.modules.reviews.domain import (
    AcceptReview,
    AssignReview,
    CommentReview,
    DescribeReviewer,
    DropReview,
    RegisterReview,
    RejectReview,
    review,
    reviewer,
)
from training.modules.reviews.processes import desk, registering
from training.modules.reviews.views import loads, reviewers, reviews
from twofold import Module, get, internal, own, post, put, role

ADMIN = role("admin")
ASSIGNED = role("reviewer") & own
SYSTEM = role("system")
_REVIEW = "/api/reviews/{proposalId}"

module = Module(
    "reviews",
    review,
    reviewer,
    registering,
    desk,
    reviews,
    reviewers,
    post(f"{_REVIEW}/accept", AcceptReview, may=ASSIGNED | ADMIN),
    post(f"{_REVIEW}/reject", RejectReview, may=ASSIGNED | ADMIN),
    post(f"{_REVIEW}/comments", CommentReview, may=ASSIGNED | ADMIN),
    get(
        "/api/reviews",
        reviews.page_by(lambda row: row.registered_at),
        may=role("reviewer") | ADMIN,
    ),
    get(_REVIEW, reviews.one, may=role("reviewer") | ADMIN),
    put("/api/reviewers/{reviewerId}", DescribeReviewer, may=ADMIN),
    get("/api/reviewers", loads, may=role("reviewer") | ADMIN),
    internal(RegisterReview, may=SYSTEM),
    internal(AssignReview, may=SYSTEM),
    internal(DropReview, may=SYSTEM),
)
