"""Sample data for demonstrations: made up, the same at every start, sent as real commands.

What processes do with them (assigning reviews, releasing programs, promoting who waits) is done by
the processes themselves.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import TypeVar

import msgspec

from training.modules.offers.booking import BookPlace, CancelBooking, ConfirmBooking
from training.modules.offers.contracts import BookingId, DiscountCode, OfferId
from training.modules.offers.discount import IssueDiscount
from training.modules.offers.lifecycle import (
    CancelOffer,
    CloseOffer,
    DraftOffer,
    PublishOffer,
    RescheduleOffer,
)
from training.modules.programs.contracts import (
    Content,
    ProgramId,
    ProposalId,
    ProposalStatus,
)
from training.modules.programs.program import WithdrawProgram
from training.modules.programs.proposal import (
    DraftProposal,
    SubmitProposal,
    WithdrawProposal,
    proposal,
)
from training.modules.reviews.contracts import ReviewerId, ReviewStatus
from training.modules.reviews.domain import (
    AcceptReview,
    CommentReview,
    DescribeReviewer,
    RejectReview,
    review,
)
from training.sample_texts import content
from twofold import Caller, Command, Done, Refused, Sent, System
from twofold.domain.aggregate import Aggregate

S = TypeVar("S")
PROGRAMS = 36
OFFERS = 90
BOOKINGS = 420
_LONGEST_WAIT_SECONDS = 60.0
_AT_ONCE = 50
_ADMIN = Caller("admin", "Alma Admin", frozenset({"admin"}))
_AUTHORS = (
    Caller("author", "Ada Author", frozenset({"author"})),
    Caller("author2", "Arne Author", frozenset({"author"})),
)
_CODES = tuple(DiscountCode(code) for code in ("WELCOME10", "SUMMER10", "TEAM10", "THANKS10"))


class Sample:
    """Makes reviewers, programs with their history, offers and bookings."""

    def __init__(self, system: System, seed: int = 2026) -> None:
        self._system = system
        self._random = random.Random(seed)
        self._now = system.clock.now().replace(microsecond=0)

    async def make(
        self, programs: int = PROGRAMS, offers: int = OFFERS, bookings: int = BOOKINGS
    ) -> None:
        """Everything."""
        for name, known in (("Rita", ("safety", "logistics")), ("Raul", ("digital", "languages"))):
            account = "reviewer" if name == "Rita" else "reviewer2"
            described = DescribeReviewer(
                reviewer_id=ReviewerId(account), name=f"{name} Reviewer", specialities=known
            )
            await self._send(described)
        for code in _CODES:
            await self._send(IssueDiscount(code=code))
        proposals = [await self._submitted(number) for number in range(programs)]
        await self._reviewed(proposals)
        made = [ProgramId(one) for one in proposals]
        offered = [await self._offered(made[n % len(made)], n) for n in range(offers)]
        await self._booked(offered, bookings)
        await self._upheavals(made, offered)
        await self._unfinished(programs)

    async def _submitted(self, number: int) -> ProposalId:
        author = _AUTHORS[number % len(_AUTHORS)]
        days = self._random.randint(20, 300)
        proposal_id = await self._drafted(content(number, self._random), author, days)
        await self._send(SubmitProposal(proposal_id=proposal_id), author, days - 1)
        return proposal_id

    async def _drafted(self, texts: Content, author: Caller, days: int) -> ProposalId:
        return ProposalId((await self._send(DraftProposal.of(texts), author, days)).identity)

    async def _reviewed(self, proposals: list[ProposalId]) -> None:
        """Accept whatever is assigned, until everything is; then wait for the releases."""
        left = set(proposals)

        async def accepted() -> bool:
            for proposal_id, state in (await self._states(review, left)).items():
                if state.status is ReviewStatus.ASSIGNED:
                    accept = AcceptReview(
                        proposal_id=ProposalId(proposal_id), comment="Clear and complete."
                    )
                    reviewer = Caller(state.reviewer, roles=frozenset({"reviewer"}))
                    await self._send(accept, reviewer)
                    left.discard(ProposalId(proposal_id))
            return not left

        async def released() -> bool:
            states = await self._states(proposal, proposals)
            return all(one.status is ProposalStatus.RELEASED for one in states.values())

        await self._until(accepted)
        await self._until(released)

    async def _offered(self, program_id: ProgramId, number: int) -> OfferId:
        starts = self._now.date() + timedelta(days=self._random.randint(12, 240))
        days = self._random.randint(0, 2)
        places = self._random.choice((3, 6, 8, 12))
        draft = DraftOffer(
            program_id=program_id,
            trainer=self._random.choice(("Tessa Trent", "Omar Haddad", "Ines Duarte")),
            price=Decimal(self._random.randint(12, 180) * 10),
            currency="EUR",
            minimum_participants=min(places, self._random.randint(1, 4)),
            maximum_participants=places,
            start_date=starts,
            end_date=starts + timedelta(days=days),
            start_time="09:00",
            end_time="16:30",
        )
        offer_id = OfferId((await self._send(draft)).identity)
        if number % 15 != 14:
            await self._send(PublishOffer(offer_id=offer_id))
        return offer_id

    async def _booked(self, offers: list[OfferId], bookings: int) -> None:
        people = ["participant", "participant2", *(f"p-{number}" for number in range(60))]
        # Some offers are wanted by everybody, so that there are waiting lists to see.
        wanted = [offer for index, offer in enumerate(offers) for _ in range(1 + index % 5 * 2)]
        plans = [
            (self._random.choice(wanted), self._random.choice(people), self._random.random())
            for _ in range(bookings)
        ]
        await _gathered(self._booking(*plan) for plan in dict.fromkeys(plans))

    async def _booking(self, offer_id: OfferId, person: str, fate: float) -> None:
        caller = Caller(person, roles=frozenset({"participant"}))
        code = _CODES[int(fate * 1_000) % len(_CODES)] if fate < 0.02 else None
        try:
            book = BookPlace(offer_id=offer_id, discount_code=code)
            done = await self._send(book, caller)
        except Refused:
            # Booked twice, or not published: people try that.
            return
        told = msgspec.json.decode(done.answer)
        booking_id = BookingId(told["bookingId"])
        if told["status"] == "held" and fate < 0.93:
            await self._send(ConfirmBooking(booking_id=booking_id), caller)
        if 0.85 < fate < 0.93:
            await self._send(CancelBooking(booking_id=booking_id), caller)

    async def _upheavals(self, programs: list[ProgramId], offers: list[OfferId]) -> None:
        """An offer cancelled, one closed, one moved, and a program withdrawn under its offers."""
        await self._send(CancelOffer(offer_id=offers[5], reason="The trainer is ill."))
        await self._send(CloseOffer(offer_id=offers[6]))
        moved = self._now.date() + timedelta(days=90)
        await self._send(
            RescheduleOffer(
                offer_id=offers[7],
                start_date=moved,
                end_date=moved + timedelta(days=1),
                start_time="10:00",
                end_time="17:00",
            )
        )
        await self._send(WithdrawProgram(program_id=programs[3], reason="The law has changed."))

    async def _unfinished(self, number: int) -> None:
        """Proposals in every other state; each demo reviewer keeps one to decide."""
        ada, arne = _AUTHORS
        thin = content(number, self._random).but(plan="1. Begin. 2. End.", title="Thin plans")
        rejected = await self._drafted(content(number + 1, self._random), arne, 15)
        failing = await self._drafted(thin, ada, 12)
        for proposal_id in (rejected, failing):
            await self._send(SubmitProposal(proposal_id=proposal_id), _ADMIN, 10)
        await self._assigned([rejected, failing])
        no = RejectReview(proposal_id=rejected, comment="We have three of these already.")
        await self._send(no)
        await self._send(AcceptReview(proposal_id=failing, comment="Good idea."))
        withdrawn = await self._drafted(content(number + 2, self._random), ada, 9)
        await self._send(WithdrawProposal(proposal_id=withdrawn, reason="Not ready yet."), ada, 8)
        await self._drafted(content(number + 3, self._random), ada, 4)
        waiting = []
        for category in ("safety", "digital"):
            texts = content(number + 4, self._random).but(categories=(category,))
            proposal_id = await self._drafted(texts, arne, 3)
            await self._send(SubmitProposal(proposal_id=proposal_id), arne, 2)
            waiting.append(proposal_id)
        await self._assigned(waiting)
        note = CommentReview(proposal_id=waiting[0], text="How long is the break?")
        await self._send(note)

    async def _assigned(self, proposals: list[ProposalId]) -> None:
        async def all_of_them() -> bool:
            states = await self._states(review, proposals)
            assigned = [one for one in states.values() if one.status is ReviewStatus.ASSIGNED]
            return len(assigned) == len(proposals)

        await self._until(all_of_them)

    async def _states(
        self, aggregate: Aggregate[S], identities: Iterable[ProposalId]
    ) -> Mapping[str, S]:
        return await self._system.streams.fresh(aggregate, list(identities))

    async def _until(self, done: Callable[[], Awaitable[bool]]) -> None:
        """Wait for the processes, but not for ever: they may run in no process at all."""
        begun = self._system.clock.monotonic()
        while not await done():
            if self._system.clock.monotonic() - begun > _LONGEST_WAIT_SECONDS:
                return
            await self._system.clock.sleep(0.02)

    async def _send(self, command: Command, caller: Caller = _ADMIN, days: int = 0) -> Done:
        at = self._now - timedelta(days=days) if days else None
        return await self._system.send(command, Sent(caller=caller, at=at))


async def _gathered(work: Iterable[Awaitable[None]]) -> None:
    """Run ``work`` with a bounded number under way, so that commits are shared."""
    limit = asyncio.Semaphore(_AT_ONCE)

    async def one(item: Awaitable[None]) -> None:
        async with limit:
            await item

    await asyncio.gather(*(one(item) for item in work))


async def sample(system: System) -> None:
    """Fill an empty training company."""
    await Sample(system).make()
