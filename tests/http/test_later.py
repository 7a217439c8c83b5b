"""Commands that are accepted now and decided later, over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, NewType

import msgspec
import pytest

from tests.http.conftest import Client, in_memory
from tests.proposals import app
from twofold import (
    Application,
    Command,
    Event,
    EventSourced,
    Module,
    RuntimeSettings,
    System,
    Value,
    post,
    signed_in,
)
from twofold.adapters.memory.log import MemoryLog, MemoryStorage
from twofold.adapters.memory.read_store import MemoryReadStore, MemoryTables
from twofold.adapters.memory.transport import MemoryBroker, MemoryTransport
from twofold.http.asgi import HttpApp
from twofold.http.security import SecuritySettings
from twofold.runtime.clock import SeededChance, SystemClock

BODY = {"title": "Safety at work", "level": "beginner"}
LATER = RuntimeSettings(commands="async")
API, WORKER = frozenset({"api"}), frozenset({"commands"})
_SECONDS = 20.0


class Site:
    """Processes of one system, over the write database alone or over a broker."""

    def __init__(self, broker: MemoryBroker | None) -> None:
        self._stores = MemoryStorage(), MemoryTables()
        self._broker = broker
        self._running: list[HttpApp] = []

    async def start(
        self,
        roles: frozenset[str],
        settings: RuntimeSettings = LATER,
        application: Application = app,
    ) -> Client:
        """One more process."""
        storage, tables = self._stores
        system = System(
            application,
            MemoryLog(storage),
            MemoryReadStore(tables),
            clock=SystemClock(),
            chance=SeededChance(len(self._running)),
            settings=settings,
            roles=roles,
            transport=MemoryTransport(self._broker) if self._broker else None,
        )
        http = HttpApp(system, SecuritySettings(demo=True), max_body_bytes=10_000)
        await http.start()
        self._running.append(http)
        return Client(http)

    async def stop(self) -> None:
        """All of them."""
        for http in self._running:
            await http.stop()


@pytest.fixture(params=["write database", "broker"])
async def site(request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    site = Site(MemoryBroker(limit_bytes=5_000) if request.param == "broker" else None)
    yield site
    await site.stop()


DivisionId = NewType("DivisionId", str)


class Divide(Command):
    division_id: DivisionId
    dividend: int
    divisor: int


class Divided(Event):
    quotient: int


class Division(Value):
    quotient: int = 0


division = EventSourced(Division, DivisionId)


@division.decides
def divide(state: Division | None, command: Divide) -> Divided:
    return Divided(quotient=command.dividend // command.divisor)


@division.evolves
def kept(state: Division | None, event: Divided) -> Division:
    return Division(quotient=event.quotient)


arithmetic = Application(
    "arithmetic",
    Module("divisions", division, post("/divisions/{divisionId}", Divide, may=signed_in)),
    accounts=app.accounts,
)


async def decided(client: Client, where: str, by: str) -> Any:
    """What became of a command, once it is known."""
    async with asyncio.timeout(_SECONDS):
        while True:
            found = (await client.get(where, by)).json()
            if found["status"] not in ("accepted", "running"):
                return found
            await asyncio.sleep(0.01)


async def test_a_command_is_known_from_the_moment_of_acceptance(site: Site) -> None:
    api = await site.start(API)
    other = await site.start(API)
    answer = await api.post("/api/proposals", BODY, by="ann")
    assert answer.status_code == 202
    where = answer.headers["location"]
    accepted = {
        "commandId": where.removeprefix("/commands/"),
        "status": "accepted",
        "result": None,
        "problem": None,
        "consistencyToken": None,
    }
    assert answer.json() == accepted
    assert (await other.get(where, by="ann")).json() == accepted
    assert (await other.get(where, by="rita")).status_code == 404
    assert (await other.get(where)).status_code == 401
    assert (await other.get(where, by="otis")).json() == accepted
    damaged = where[:-3] + ("AAA" if where[-3:] != "AAA" else "BBB")
    assert (await other.get(damaged, by="ann")).status_code == 404
    assert (await other.get(damaged, by="otis")).status_code == 404


async def test_a_worker_that_comes_later_decides_what_was_accepted(site: Site) -> None:
    api = await site.start(API)
    answers = [await api.post("/api/proposals", BODY, by="ann") for _ in range(5)]
    await site.start(WORKER)
    found = [await decided(api, one.headers["location"], "ann") for one in answers]
    assert [one["status"] for one in found] == ["succeeded"] * 5
    assert len({one["result"]["proposalId"] for one in found}) == 5
    token = found[-1]["consistencyToken"]
    listed = await api.get("/api/proposals", by="rita", Consistency_Token=token)
    assert listed.json()["total"] == 5


async def test_input_and_permission_are_checked_at_once(site: Site) -> None:
    api = await site.start(API)
    bad = await api.post("/api/proposals", {"title": "x", "level": "none"}, by="ann")
    assert bad.status_code == 422
    assert {problem["field"] for problem in bad.json()["errors"]} == {"title", "level"}
    assert (await api.post("/api/proposals", BODY)).status_code == 401
    assert (await api.post("/api/proposals/p/accept", by="ann")).status_code == 403
    depth = await api.http.system.log.inbox.depth()
    assert depth.waiting == 0


async def test_refusals_are_outcomes(site: Site) -> None:
    api = await site.start(API)
    await site.start(WORKER)
    made = await api.post("/api/proposals", BODY, by="ann")
    one = (await decided(api, made.headers["location"], "ann"))["result"]["proposalId"]
    first = await api.post(f"/api/proposals/{one}/accept", by="rita")
    again = await api.post(f"/api/proposals/{one}/reject", {"reason": "no"}, by="rita")
    unknown = await api.post("/api/proposals/nowhere/accept", by="rita")
    assert (await decided(api, first.headers["location"], "rita"))["status"] == "succeeded"
    late = await decided(api, again.headers["location"], "rita")
    assert late["status"] == "refused"
    assert (late["problem"]["status"], late["problem"]["type"]) == (409, "/problems/too-late")
    lost = await decided(api, unknown.headers["location"], "rita")
    assert (lost["status"], lost["problem"]["status"]) == ("refused", 404)
    foreign = await api.post(f"/api/proposals/{one}/withdraw", by="bob")
    problem = (await decided(api, foreign.headers["location"], "bob"))["problem"]
    assert problem["status"] == 403


async def test_the_same_key_is_the_same_command(site: Site) -> None:
    api = await site.start(API)
    sent = [await api.post("/api/proposals", BODY, by="ann", Idempotency_Key="k") for _ in range(3)]
    assert {one.status_code for one in sent} == {202}
    (where,) = {one.headers["location"] for one in sent}
    other = {**BODY, "title": "Another one"}
    reused = await api.post("/api/proposals", other, by="ann", Idempotency_Key="k")
    assert (reused.status_code, reused.json()["type"]) == (422, "/problems/key-reused")
    theirs = await api.post("/api/proposals", other, by="bob", Idempotency_Key="k")
    assert theirs.headers["location"] != where
    await site.start(WORKER)
    first = await decided(api, where, "ann")
    again = await api.post("/api/proposals", BODY, by="ann", Idempotency_Key="k")
    assert again.headers["location"] == where
    await decided(api, theirs.headers["location"], "bob")
    assert await decided(api, where, "ann") == first
    assert await api.http.system.log.head() == 2


async def test_a_key_reused_at_another_process_is_told_at_the_latest_with_the_outcome(
    site: Site,
) -> None:
    first, second = await site.start(API), await site.start(API)
    one = await first.post("/api/proposals", BODY, by="ann", Idempotency_Key="k")
    other = {**BODY, "title": "Another one"}
    two = await second.post("/api/proposals", other, by="ann", Idempotency_Key="k")
    await site.start(WORKER)
    assert (await decided(first, one.headers["location"], "ann"))["status"] == "succeeded"
    if two.status_code == 202:
        told = await decided(second, two.headers["location"], "ann")
        assert (told["status"], told["problem"]["type"]) == ("refused", "/problems/key-reused")
        assert told["problem"]["status"] == 422
    else:
        assert two.status_code == 422
    assert await first.http.system.log.head() == 1


async def test_a_client_may_wait_for_the_outcome(site: Site) -> None:
    api = await site.start(frozenset({"api", "commands"}))
    made = await api.post("/api/proposals", BODY, by="ann", Prefer="wait=10")
    assert made.status_code == 201
    assert made.json()["proposalId"]
    assert made.headers["consistency-token"]
    where = f"/api/proposals/{made.json()['proposalId']}/accept"
    assert (await api.post(where, by="rita", Prefer="wait=10")).status_code == 200
    late = where.replace("accept", "reject")
    refused = await api.post(late, {"reason": "no"}, by="rita", Prefer="respond-async, wait=10")
    assert refused.status_code == 409


async def test_a_client_waits_no_longer_than_it_said(site: Site) -> None:
    api = await site.start(API)
    made = await api.post("/api/proposals", BODY, by="ann", Prefer="wait=0.05")
    assert made.status_code == 202


async def test_one_request_may_be_answered_later_where_others_are_not(site: Site) -> None:
    both = await site.start(API, RuntimeSettings())
    assert (await both.post("/api/proposals", BODY, by="ann")).status_code == 201
    later = await both.post("/api/proposals", BODY, by="ann", Prefer="respond-async")
    assert later.status_code == 202
    assert later.headers["preference-applied"] == "respond-async"
    found = await decided(both, later.headers["location"], "ann")
    assert found["status"] == "succeeded"


async def test_what_was_sent_at_once_and_what_is_sent_later_share_their_keys(site: Site) -> None:
    both = await site.start(API, RuntimeSettings())
    now = await both.post("/api/proposals", BODY, by="ann", Idempotency_Key="k")
    later = await both.post(
        "/api/proposals", BODY, by="ann", Idempotency_Key="k", Prefer="respond-async"
    )
    found = await decided(both, later.headers["location"], "ann")
    assert found["result"] == now.json()
    other = {**BODY, "title": "Another one"}
    reused = await both.post(
        "/api/proposals", other, by="ann", Idempotency_Key="k", Prefer="respond-async"
    )
    assert reused.status_code == 422


async def waits(client: Client, where: str, by: str) -> Any:
    """What is told of a command, once it waits for an operator."""
    async with asyncio.timeout(_SECONDS):
        while True:
            found = (await client.get(where, by)).json()
            if found["problem"] is not None:
                return found
            await asyncio.sleep(0.01)


async def test_a_command_that_cannot_be_decided_waits_with_those_behind_it(site: Site) -> None:
    settings = msgspec.structs.replace(LATER, command_attempts=2, retry_seconds=0.01)
    api = await site.start(frozenset({"api", "commands"}), settings, arithmetic)
    broken = await api.post("/divisions/d", {"dividend": 1, "divisor": 0}, by="rita")
    behind = await api.post("/divisions/d", {"dividend": 6, "divisor": 3}, by="rita")
    other = await api.post("/divisions/e", {"dividend": 6, "divisor": 3}, by="rita")
    assert (await decided(api, other.headers["location"], "rita"))["status"] == "succeeded"
    first = await waits(api, broken.headers["location"], "rita")
    assert first["status"] == "accepted"
    assert first["problem"]["type"] == "/problems/command-parked"
    assert "met an unexpected error" in first["problem"]["detail"]
    assert "error" not in first["problem"]
    seen = (await api.get(broken.headers["location"], by="otis")).json()
    assert seen["problem"]["error"] == "ZeroDivisionError: integer division or modulo by zero"
    second = await waits(api, behind.headers["location"], "rita")
    assert second["status"] == "accepted"
    assert "waits behind" in second["problem"]["detail"]
    (listed,) = (await api.get("/parked?projection=commands", by="otis")).json()["items"]
    assert (listed["sequence"], listed["event"]) == ("lane:division:d", "division.Divide")
    named = {"projection": "commands", "sequence": listed["sequence"], "seen": listed["seen"]}
    leaving = {**named, "reason": "nobody divides by zero"}
    shown = (await api.post("/parked/dry-run", named, by="otis")).json()
    assert shown["again"]["error"].startswith("ZeroDivisionError")
    answer = await api.post("/parked/discard", leaving, by="otis")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["discarded"], answer.json()["again"]) == (1, None)
    assert (await api.post("/parked/discard", leaving, by="otis")).status_code == 404
    left_out = await decided(api, broken.headers["location"], "rita")
    assert left_out["status"] == "failed"
    assert left_out["problem"]["type"] == "/problems/command-failed"
    assert "error" not in left_out["problem"]
    seen = (await api.get(broken.headers["location"], by="otis")).json()
    assert seen["problem"]["error"] == "left out by otis: nobody divides by zero"
    assert (await decided(api, behind.headers["location"], "rita"))["status"] == "succeeded"


async def test_what_a_broker_could_not_take_is_refused_with_the_limit() -> None:
    site = Site(MemoryBroker(limit_bytes=1_000))
    try:
        api = await site.start(API)
        long = {**BODY, "title": "long " * 300}
        answer = await api.post("/api/proposals", long, by="ann")
        assert answer.status_code == 413
        assert "1,000" in answer.json()["detail"]
    finally:
        await site.stop()


async def test_metrics_and_health_tell_of_waiting_commands(site: Site) -> None:
    api = await site.start(API)
    answers = [await api.post("/api/proposals", BODY, by="ann") for _ in range(3)]
    assert "twofold_commands_accepted_total 3.0" in (await api.get("/metrics")).text
    worker = await site.start(WORKER)
    for answer in answers:
        await decided(api, answer.headers["location"], "ann")
    async with asyncio.timeout(_SECONDS):
        while True:
            # An outcome is there for others a moment before it is counted.
            metrics = (await worker.get("/metrics")).text
            if 'twofold_commands_handled_total{outcome="decided"} 3.0' in metrics:
                break
            await asyncio.sleep(0.01)
    assert (await worker.get("/health/ready")).json()["problems"] == {}


async def test_a_system_that_decides_at_once_needs_no_queue() -> None:
    system = in_memory(app)
    async with system:
        assert system.queued.stopped() == {}
        assert not system.queued.asynchronous
