"""The rules of reviews, and who gets what to review."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st

from tests.apps.training.examples import ADA, ADMIN, AUTHOR, CONTENT, ID, RITA
from training.modules.programs.contracts import AuthorId, ProposalId
from training.modules.reviews.assignment import MOST_OPEN, Desk, Queued
from training.modules.reviews.contracts import (
    ReviewAccepted,
    ReviewAssigned,
    ReviewCommented,
    ReviewDropped,
    ReviewerDescribed,
    ReviewerId,
    ReviewRegistered,
    ReviewRejected,
)
from training.modules.reviews.domain import (
    AcceptReview,
    AssignReview,
    CommentReview,
    DecidedBefore,
    DescribeReviewer,
    DropReview,
    OwnProposal,
    RegisterReview,
    RejectReview,
    review,
    reviewer,
)
from twofold import InvalidInput, Refused
from twofold.messages.validation import read_value
from twofold.testing import given

SUMMARY = {k: v for k, v in CONTENT.items() if k not in ("description", "agenda", "plan")}
RITAS = ReviewerId("reviewer")
REGISTERED = ReviewRegistered(author=AUTHOR, round=1, **SUMMARY)
ASSIGNED = ReviewAssigned(reviewer=RITAS, round=1)
REGISTER = RegisterReview(proposal_id=ID, author=AUTHOR, round=1, **SUMMARY)
ASSIGN = AssignReview(proposal_id=ID, reviewer=RITAS, round=1)
ACCEPT = AcceptReview(proposal_id=ID, comment="clear and complete")
REJECT = RejectReview(proposal_id=ID, comment="too thin")
ACCEPTED = ReviewAccepted(comment="clear and complete", round=1)
REJECTED = ReviewRejected(comment="too thin", round=1)
DROPPED = ReviewDropped(round=1)


def test_a_review_is_registered_once_for_each_round() -> None:
    given(review).when(REGISTER).then(REGISTERED)
    given(review, REGISTERED).when(REGISTER).nothing()
    given(review, REGISTERED, ASSIGNED, ACCEPTED).when(REGISTER).nothing()
    again = REGISTER.but(round=2)
    given(review, REGISTERED, ASSIGNED, ACCEPTED).when(again).then(REGISTERED.but(round=2))


def test_a_queued_review_is_assigned_once() -> None:
    given(review, REGISTERED).when(ASSIGN).then(ASSIGNED)
    given(review, REGISTERED, ASSIGNED).when(ASSIGN).nothing()
    other = ASSIGN.but(reviewer=ReviewerId("reviewer2"))
    given(review, REGISTERED, ASSIGNED).when(other).refused(Refused, "assigned already")
    given(review, REGISTERED, DROPPED).when(ASSIGN).refused(Refused)


def test_nothing_is_assigned_to_its_author() -> None:
    given(review, REGISTERED).when(ASSIGN.but(reviewer=ReviewerId(AUTHOR))).refused(OwnProposal)


@pytest.mark.parametrize("command", [ACCEPT, REJECT, CommentReview(proposal_id=ID, text="hm")])
def test_nobody_reviews_their_own_work(command: Any) -> None:
    given(review, REGISTERED, ASSIGNED).when(command, caller=ADA).refused(OwnProposal)


@pytest.mark.parametrize("caller", [RITA, ADMIN])
def test_the_same_decision_is_silence_the_opposite_an_error(caller: Any) -> None:
    past = (REGISTERED, ASSIGNED)
    given(review, *past).when(ACCEPT, caller=caller).then(ACCEPTED)
    given(review, *past).when(REJECT, caller=caller).then(REJECTED)
    given(review, *past, ACCEPTED).when(ACCEPT, caller=caller).nothing()
    given(review, *past, REJECTED).when(REJECT, caller=caller).nothing()
    given(review, *past, ACCEPTED).when(REJECT, caller=caller).refused(DecidedBefore)
    given(review, *past, REJECTED).when(ACCEPT, caller=caller).refused(DecidedBefore)
    given(review, *past, DROPPED).when(ACCEPT, caller=caller).refused(DecidedBefore, "dropped")


@pytest.mark.parametrize("command", [AcceptReview, RejectReview])
def test_a_decision_carries_a_comment(command: Any) -> None:
    with pytest.raises(InvalidInput, match="comment"):
        read_value(command, {"proposalId": ID})
    with pytest.raises(InvalidInput, match="comment"):
        read_value(command, {"proposalId": ID, "comment": ""})


def test_comments_are_noted_while_the_review_is_open() -> None:
    note = CommentReview(proposal_id=ID, text="which cranes?")
    given(review, REGISTERED, ASSIGNED).when(note, caller=RITA).then(
        ReviewCommented(text="which cranes?")
    )
    given(review, REGISTERED, ASSIGNED, ACCEPTED).when(note, caller=RITA).refused(DecidedBefore)


def test_what_is_decided_is_not_dropped() -> None:
    drop = DropReview(proposal_id=ID)
    given(review, REGISTERED).when(drop).then(DROPPED)
    given(review, REGISTERED, ASSIGNED, ACCEPTED).when(drop).nothing()


def test_a_reviewer_is_described_as_often_as_it_changes() -> None:
    describe = DescribeReviewer(reviewer_id=RITAS, name="Rita", specialities=("safety",))
    event = ReviewerDescribed(name="Rita", specialities=("safety",))
    given(reviewer).when(describe).then(event)
    given(reviewer, event).when(describe).nothing()


def queued(number: int, *categories: str, author: str = "author") -> Queued:
    """A proposal in the queue."""
    return Queued(
        proposal_id=ProposalId(f"p-{number}"),
        author=AuthorId(author),
        categories=categories,
        round=1,
    )


def desk(**reviewers: tuple[str, ...]) -> Desk:
    """A desk with these reviewers and nothing to do."""
    return Desk(reviewers={ReviewerId(name): known for name, known in reviewers.items()})


def chosen(at: Desk, *waiting: Queued) -> list[str | None]:
    """Who gets each of ``waiting``, which come one after the other."""
    found: list[str | None] = []
    for one in waiting:
        at, assigned = at.registered(one).settled()
        found.append(next((r for q, r in assigned if q == one), None))
    return found


def test_who_knows_all_categories_comes_before_the_best_partial_match() -> None:
    all_of_them, most = ("safety", "law"), ("safety", "law", "tax")
    at = desk(a=("safety",), b=all_of_them, c=most)
    assert chosen(at, queued(1, "Safety", "law")) == ["b"]
    assert chosen(desk(a=("safety",), b=("tax",)), queued(1, "safety", "law")) == ["a"]
    assert chosen(desk(a=("x",), b=all_of_them), queued(1, *most)) == ["b"]


def test_a_specialist_comes_before_whoever_has_less_to_do() -> None:
    at = desk(busy=("law",), idle=("tax",))
    assert chosen(at, queued(1, "law"), queued(2, "law")) == ["busy", "busy"]


def test_without_a_specialist_the_least_loaded_gets_it() -> None:
    at = desk(a=(), b=())
    assert chosen(at, *(queued(n, "law") for n in range(4))) == ["a", "b", "a", "b"]


def test_nobody_gets_more_than_three_open_reviews() -> None:
    at = desk(a=("law",))
    got = chosen(at, *(queued(n, "law") for n in range(MOST_OPEN + 1)))
    assert got == ["a", "a", "a", None]


def test_never_the_author() -> None:
    at = desk(author=("law",), other=())
    assert chosen(at, queued(1, "law", author="author")) == ["other"]
    assert chosen(desk(author=("law",)), queued(1, "law", author="author")) == [None]


def test_what_is_queued_is_assigned_when_the_load_changes() -> None:
    at = desk(a=())
    for number in range(MOST_OPEN + 2):
        at, _ = at.registered(queued(number)).settled()
    assert [q.proposal_id for q in at.queue] == ["p-3", "p-4"]
    at, assigned = at.without(ProposalId("p-0")).settled()
    assert [(q.proposal_id, r) for q, r in assigned] == [("p-3", "a")]
    at, assigned = at.described(ReviewerId("b"), ()).settled()
    assert [(q.proposal_id, r) for q, r in assigned] == [("p-4", "b")]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("register"), st.integers(0, 30), st.sampled_from(["a", "b", "x"])),
        st.tuples(st.just("decide"), st.integers(0, 30), st.just("")),
        st.tuples(st.just("describe"), st.integers(0, 3), st.just("")),
    ),
    max_size=60,
)


@settings(deadline=None)
@over(STEPS)
def test_every_proposal_is_assigned_or_queued_whatever_happens(steps: list[Any]) -> None:
    at, open_ones = Desk(), set()
    for what, number, author in steps:
        proposal = ProposalId(f"p-{number}")
        if what == "register":
            at = at.registered(queued(number, author=author))
            open_ones.add(proposal)
        elif what == "decide":
            at = at.without(proposal)
            open_ones.discard(proposal)
        else:
            at = at.described(ReviewerId("abcd"[number]), ())
        at, assigned = at.settled()
        waiting = [q.proposal_id for q in at.queue]
        assert sorted([*at.assigned, *waiting]) == sorted(open_ones)
        assert all(str(r) != q.author for q, r in assigned)
        loads = list(at.assigned.values())
        assert all(loads.count(r) <= MOST_OPEN for r in at.reviewers)
        for q in at.queue:
            assert at.best(q) is None
