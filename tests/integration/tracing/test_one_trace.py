"""A request is one trace: through command, log, relay, broker and projection to the query."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.sampling import ParentBased, Sampler, TraceIdRatioBased

from tests.http.conftest import Client
from tests.proposals import Level, Submit, app
from tests.tracing import Spans, context_of, is_within, traceparent_of
from tests.waiting import until
from twofold import Caller, RuntimeSettings, Sent, System
from twofold.adapters.memory.log import MemoryLog
from twofold.adapters.memory.read_store import MemoryReadStore
from twofold.adapters.memory.transport import MemoryTransport
from twofold.http.asgi import HttpApp
from twofold.http.security import SecuritySettings
from twofold.messages.trace_context import is_sampled, trace_id
from twofold.ports.transport import Delivery
from twofold.runtime.clock import SeededChance, SystemClock

ROLES = frozenset({"api", "commands", "relay", "projector", "scheduler"})
BODY = {"title": "Safety at work", "level": "beginner"}
OUTSIDE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
PATH = "/api/proposals"


class Running:
    """A system over a broker, with its spans."""

    def __init__(self, commands: Any = "sync", sampler: Sampler | None = None) -> None:
        self.spans = Spans(sampler)
        self.transport = MemoryTransport()
        settings = RuntimeSettings(projections="async", commands=commands, partitions=2)
        self.system = System(
            app,
            MemoryLog(),
            MemoryReadStore(),
            clock=SystemClock(),
            chance=SeededChance(),
            settings=settings,
            roles=ROLES,
            transport=self.transport,
            tracing=self.spans.tracing,
        )
        self.http = HttpApp(self.system, SecuritySettings(demo=True))
        self.client = Client(self.http, waits=commands == "async")

    async def submit(self, **headers: str) -> Any:
        """Submit a proposal and look at it with the token of the answer."""
        answer = await self.client.post(PATH, BODY, by="ann", **headers)
        assert answer.status_code == 201, answer.text
        token = answer.headers["consistency-token"]
        found = await self.client.get(
            f"{PATH}/{answer.json()['proposalId']}", consistency_token=token
        )
        assert found.status_code == 200
        return answer

    def published(self) -> list[Delivery]:
        """The events at the broker."""
        kept = self.transport.broker.kept
        every = [one for (name, _), many in kept.items() if "events" in name for one in many]
        return [one for one in every if one.key]


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    running = Running()
    await running.http.start()
    yield running
    await running.http.stop()


@pytest.fixture
async def later() -> AsyncIterator[Running]:
    running = Running("async")
    await running.http.start()
    yield running
    await running.http.stop()


def _trace(span: ReadableSpan) -> str:
    return f"{context_of(span).trace_id:032x}"


async def test_the_way_of_a_command_is_one_trace(running: Running) -> None:
    await running.submit(traceparent=OUTSIDE)
    await until(lambda: running.spans.named("apply portfolio"))
    spans = running.spans
    server, command = spans.one(f"POST {PATH}"), spans.one("command ")
    assert server.parent is not None
    assert f"{server.parent.span_id:016x}" == OUTSIDE[36:52]
    assert is_within(command, server)
    for name in ("append log", "publish ", "fetch ", "apply portfolio"):
        assert is_within(spans.named(name)[0], command), name
    assert {_trace(span) for span in spans.all if "GET" not in span.name} >= {trace_id(OUTSIDE)}
    assert _trace(spans.named("apply portfolio")[0]) == trace_id(OUTSIDE)


async def test_events_and_messages_carry_the_trace_of_their_command(running: Running) -> None:
    await running.submit()
    await until(lambda: bool(running.published()))
    command = running.spans.one("command ")
    (event,) = await running.system.log.read(0, 10)
    assert event.trace == traceparent_of(command)
    (delivery,) = running.published()
    assert delivery.attributes["traceparent"] == event.trace


async def test_of_commands_from_nowhere_a_share_is_recorded_and_all_are_named() -> None:
    running = Running(sampler=ParentBased(TraceIdRatioBased(0.2)))
    author = Caller("ann", "Ann", frozenset({"author"}))
    async with running.system:
        for _ in range(200):
            await running.system.send(
                Submit(title="Safety at work", level=Level.BEGINNER), Sent(caller=author)
            )
        traces = [event.trace for event in await running.system.log.read(0, 500)]
    assert len(set(traces)) == 200
    sampled = [one for one in traces if is_sampled(one)]
    # Further off than once in a million runs.
    assert 12 < len(sampled) < 75
    assert sampled == [traceparent_of(span) for span in running.spans.named("command ")]


async def test_the_query_links_to_what_it_waited_for(running: Running) -> None:
    await running.submit()
    command, wait = running.spans.one("command "), running.spans.one("wait portfolio")
    query = running.spans.one("GET ")
    assert is_within(wait, query)
    (link,) = wait.links
    assert link.context.span_id == context_of(command).span_id
    assert wait.attributes is not None
    assert wait.attributes["twofold.wait.outcome"] == "reached"
    assert is_within(running.spans.one("get portfolio"), query)


async def test_a_command_that_is_decided_later_stays_in_its_trace(later: Running) -> None:
    await later.submit(traceparent=OUTSIDE)
    spans = later.spans
    server, command = spans.one(f"POST {PATH}"), spans.one("command ")
    assert is_within(command, server)
    assert is_within(spans.one("publish training.commands"), server)
    assert _trace(command) == trace_id(OUTSIDE)


async def test_what_is_not_sampled_is_passed_on_and_leaves_no_spans(running: Running) -> None:
    await running.submit(traceparent=UNSAMPLED)
    await until(lambda: bool(running.published()))
    assert [span.name for span in running.spans.all if trace_id(UNSAMPLED) == _trace(span)] == []
    (event,) = await running.system.log.read(0, 10)
    assert trace_id(event.trace) == trace_id(UNSAMPLED)
    assert running.spans.named("apply ") == []
    assert running.spans.named("publish ") == []


async def test_health_and_metrics_are_not_traced(running: Running) -> None:
    for path in ("/health/live", "/health/ready", "/metrics"):
        assert (await running.client.get(path)).status_code == 200
    assert running.spans.all == ()


async def test_a_method_that_a_client_makes_up_is_not_told(running: Running) -> None:
    await running.client.send("JANE.DOE", PATH, None, "")
    server = running.spans.one("HTTP")
    assert server.attributes is not None
    assert server.attributes["http.request.method"] == "_OTHER"
    assert "JANE" not in f"{server.name} {dict(server.attributes)}"


async def test_a_traceparent_that_is_none_begins_a_new_trace(running: Running) -> None:
    await running.submit(traceparent=OUTSIDE.replace("b7ad6b7169203331", "0" * 16))
    server = running.spans.one(f"POST {PATH}")
    assert server.parent is None


async def test_refusals_are_outcomes_and_breakdowns_are_errors(running: Running) -> None:
    done = await running.submit()
    identity = done.json()["proposalId"]
    assert (await running.client.post(f"{PATH}/{identity}/accept", by="bob")).status_code == 403
    refused = running.spans.named("command ")[-1]
    assert refused.status.is_unset
    assert refused.attributes is not None
    assert refused.attributes["twofold.command.outcome"] == "refused"
