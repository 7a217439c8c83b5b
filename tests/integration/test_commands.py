"""Commands, on every backend."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from tests.integration.conftest import Start
from tests.proposals import Accept, Level, ProposalId, Reject, Submit, TooLate, Withdraw
from twofold import Caller, NotFound, Sent, System
from twofold.errors import Forbidden, KeyReused, SignInRequired

ANN = Caller("ann")
RITA = Caller("rita", roles=frozenset({"reviewer"}))


def draft(title: str = "Machine safety") -> Submit:
    return Submit(title=title, level=Level.BEGINNER)


async def submitted(system: System) -> ProposalId:
    return ProposalId((await system.send(draft(), Sent(caller=ANN))).identity)


async def test_the_same_key_has_one_effect_and_equal_answers(start: Start) -> None:
    system = await start()
    limit = asyncio.Semaphore(50)

    async def send() -> tuple[bytes, int, str]:
        async with limit:
            done = await system.send(draft(), Sent(caller=ANN, key="key-1"))
            return done.answer, done.position, done.identity

    answers = await asyncio.gather(*(send() for _ in range(200)))
    assert len(set(answers)) == 1
    assert await system.log.head() == 1


async def test_the_same_key_in_two_processes_has_one_effect(start: Start) -> None:
    first, second = await start(), await start()
    done = await asyncio.gather(
        *(s.send(draft(), Sent(caller=ANN, key="k")) for s in (first, second) for _ in range(20))
    )
    assert len({d.answer for d in done}) == 1
    assert await first.log.head() == 1


async def test_a_key_with_another_payload_is_refused(start: Start) -> None:
    system = await start()
    await system.send(draft(), Sent(caller=ANN, key="k"))
    with pytest.raises(KeyReused):
        await system.send(draft("Something else"), Sent(caller=ANN, key="k"))
    await system.send(draft("Something else"), Sent(caller=Caller("bob"), key="k"))
    assert await system.log.head() == 2


async def test_a_refusal_under_a_key_is_repeated_though_it_would_now_be_accepted(
    start: Start,
) -> None:
    system = await start()
    proposal = await submitted(system)
    await system.send(Accept(proposal_id=proposal), Sent(caller=RITA))
    reject = Reject(proposal_id=proposal, reason="no")
    for _ in range(2):
        with pytest.raises(TooLate) as refused:
            await system.send(reject, Sent(caller=RITA, key="k"))
        assert refused.value.details == {"status": "accepted"}
    other = await start()
    with pytest.raises(TooLate):
        await other.send(reject, Sent(caller=RITA, key="k"))
    assert await system.log.head() == 2


async def test_the_same_decision_twice_is_silence(start: Start) -> None:
    system = await start()
    proposal = await submitted(system)
    first = await system.send(Accept(proposal_id=proposal), Sent(caller=RITA))
    again = await system.send(Accept(proposal_id=proposal), Sent(caller=RITA))
    assert again.events == ()
    assert again.position == first.position
    assert await system.log.head() == 2


async def test_unknown_ids_foreign_callers_and_strangers_are_told_apart(start: Start) -> None:
    system = await start()
    proposal = await submitted(system)
    with pytest.raises(NotFound):
        await system.send(Accept(proposal_id=ProposalId("none")), Sent(caller=RITA))
    with pytest.raises(Forbidden):
        await system.send(Accept(proposal_id=proposal), Sent(caller=ANN))
    with pytest.raises(Forbidden):
        await system.send(Withdraw(proposal_id=proposal), Sent(caller=RITA))
    with pytest.raises(SignInRequired):
        await system.send(draft())
    assert await system.log.head() == 1


async def test_a_stale_process_never_refuses_wrongly(start: Start) -> None:
    first, second = await start(), await start()
    proposal = await submitted(first)
    with pytest.raises(Forbidden):
        # The second process now knows the state as it is.
        await second.send(Withdraw(proposal_id=proposal), Sent(caller=RITA))
    await first.send(Accept(proposal_id=proposal), Sent(caller=RITA))
    done = await second.send(Accept(proposal_id=proposal), Sent(caller=RITA))
    assert done.events == ()
    with pytest.raises(TooLate):
        await second.send(Withdraw(proposal_id=proposal), Sent(caller=ANN))


async def test_racing_processes_decide_each_proposal_once(start: Start) -> None:
    systems = [await start() for _ in range(3)]
    proposals = [await submitted(systems[0]) for _ in range(10)]

    async def decide(number: int, proposal: ProposalId) -> str:
        system = systems[number % 3]
        command = (
            Accept(proposal_id=proposal)
            if number % 2
            else Reject(proposal_id=proposal, reason="no")
        )
        try:
            return "done" if (await system.send(command, Sent(caller=RITA))).events else "silent"
        except TooLate:
            return "refused"

    outcomes = [
        await asyncio.gather(*(decide(number, proposal) for number in range(6)))
        for proposal in proposals
    ]
    assert all(sorted(o) == ["done", *["refused"] * 3, *["silent"] * 2] for o in outcomes)
    assert await systems[0].log.head() == 20


async def test_events_carry_who_when_and_why(start: Start) -> None:
    system = await start()
    done = await system.send(
        draft(), Sent(caller=ANN, correlation_id="request-1", trace="00-ab-cd-01")
    )
    (recorded,) = await system.log.read(0, 10)
    assert recorded.type == "proposal.Submitted"
    assert recorded.stream == f"proposal:{done.identity}"
    assert (recorded.actor, recorded.correlation_id) == ("ann", "request-1")
    assert (recorded.causation_id, recorded.trace) == (done.command_id, "00-ab-cd-01")
    assert msgspec.json.decode(recorded.data)["title"] == "Machine safety"
    assert abs((system.clock.now() - recorded.time).total_seconds()) < 60
