"""One letter on its way through the processes of a system, traced, and all that was told of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx

from tests.acceptance.company import SECRET, signed_in
from tests.collector import Collector, Told, collector
from tests.integration.brokers.foreign import Read
from tests.killing import Process, environment_with
from tests.letters import CHANNEL, RETURNED
from tests.waiting import until
from twofold.assembly.brokers import transport_of
from twofold.ports.transport import Channel, Message

ADDRESSEE, TEXT = "jane.doe@example.com", "the spare key is below the mat"
KEY = "chosen-by-the-client"
PATIENCE_SECONDS = 60.0
PARTITIONS = 2


@dataclass(frozen=True)
class Stage:
    """Where a letter goes. ``read`` finds what other systems find at the broker."""

    broker: str
    log: str
    documents: str
    commands: str
    read: Read

    @property
    def roles(self) -> Sequence[str]:
        """A process of each."""
        deciding = ["commands"] if self.commands == "async" else []
        return ["api", *deciding, "relay", "projector", "scheduler"]


@dataclass(frozen=True)
class Traces:
    """Traceparents of three clients: one writes, one asks, the post returns; one is not traced."""

    written: str
    asked: str
    returned: str
    unseen: str

    @property
    def outside(self) -> set[str]:
        """The spans of others that ours may follow from."""
        return {self.written[36:52], self.asked[36:52], self.returned[36:52]}


@dataclass(frozen=True, repr=False)
class Journey:
    """What was seen. ``events``: the channel they are published in; ``published``: the attributes
    there, by the event's type; ``private``: what is nobody's business; ``raw``: all that was told,
    as it was sent.
    """

    stage: Stage
    traces: Traces
    events: str
    published: Mapping[str, Mapping[str, str]]
    private: Sequence[str]
    spans: Sequence[Told]
    raw: bytes

    @property
    def written(self) -> Sequence[Told]:
        """The spans of the trace of the letter and of the query for it."""
        return self.of(self.traces.written)

    @property
    def returned(self) -> Sequence[Told]:
        """The spans of the trace that the post began."""
        return self.of(self.traces.returned)

    def of(self, traceparent: str) -> Sequence[Told]:
        """The spans of a trace."""
        return [span for span in self.spans if span.trace == traceparent[3:35]]

    def one(self, name: str, parent: Told | None = None, role: str = "") -> Told:
        """The only one in the letter's trace whose name begins so, with that parent and role."""
        (found,) = [
            span
            for span in self.written
            if span.name.startswith(name)
            and (parent is None or span.parent == parent.id)
            and role in ("", span.role)
        ]
        return found

    def roles(self, name: str, parent: Told) -> set[str]:
        """Who took a step of the letter's trace. There may be several: processes take steps too."""
        return {s.role for s in self.written if (s.name, s.parent) == (name, parent.id)}

    def reached_by(self, name: str) -> set[str]:
        """The spans that those of this name in the letter's trace worked for."""
        named = [span for span in self.written if span.name == name]
        return {one for span in named for one in span.links}


def traces() -> Traces:
    """Fresh ones; whoever writes and whoever asks share a trace."""
    first, second, third = (uuid4().hex for _ in range(3))
    return Traces(
        f"00-{first}-{uuid4().hex[:16]}-01",
        f"00-{first}-{uuid4().hex[:16]}-01",
        f"00-{second}-{uuid4().hex[:16]}-01",
        f"00-{third}-{uuid4().hex[:16]}-00",
    )


async def sent(stage: Stage, folder: Path) -> Journey:
    """Write a letter, see it by its token, have it stamped and returned."""
    asked = traces()
    prefix = f"{uuid4().hex[:12]}."
    events = f"{prefix}letters.events"
    async with collector() as told:
        async with _running(stage, prefix, told, folder) as address:
            async with httpx.AsyncClient(base_url=address, timeout=60) as client:
                client.headers.update(signed_in("clerk") | {"Prefer": "wait=30"})
                letter, token = await _written(client, asked.written)
                await _seen(client, letter, token, asked.asked)
                await _until(client, letter, "stamped")
                await _bring_back(stage.broker, letter, asked.returned)
                await _until(client, letter, "returned")
                unseen = await _written(client, asked.unseen)
                await _seen(client, *unseen, asked.unseen)
                bearer = client.headers["authorization"].split()[1]
            published = await _published(stage, events, letter)
        # Whatever was not sent yet is sent when a process ends.
        addresses = [one for one in (stage.log, stage.documents, stage.broker) if one]
        private = [ADDRESSEE, "jane.doe", TEXT, KEY, SECRET, bearer, letter, token, *addresses]
        return Journey(stage, asked, events, published, private, told.spans, told.raw)


@asynccontextmanager
async def _running(stage: Stage, prefix: str, told: Collector, folder: Path) -> AsyncIterator[str]:
    environment = told.variables | environment_with(
        log=stage.log,
        read=stage.documents,
        broker=stage.broker,
        commands=stage.commands,
        partitions=str(PARTITIONS),
        channel_prefix=prefix,
        jwt_secret=SECRET,
    )
    processes = [
        Process("tests.letters:app", role, environment, folder / f"{role}.log")
        for role in stage.roles
    ]
    first, *others = processes
    try:
        # The first one makes the databases; the others find them there.
        await first.start()
        await asyncio.gather(*(process.start() for process in others))
        yield first.address
    finally:
        # In threads: the collector has to go on taking what they send in the end.
        await asyncio.gather(*(asyncio.to_thread(process.end) for process in processes))


async def _written(client: httpx.AsyncClient, traceparent: str) -> tuple[str, str]:
    """The letter's id, and the token that stands for it."""
    answer = await client.post(
        "/letters",
        json={"addressee": ADDRESSEE, "text": TEXT},
        headers={"traceparent": traceparent, "idempotency-key": f"{KEY}-{uuid4().hex}"},
    )
    assert answer.status_code == 201, answer.text
    return answer.json()["letterId"], answer.headers["consistency-token"]


async def _seen(client: httpx.AsyncClient, letter: str, token: str, traceparent: str) -> None:
    headers = {"traceparent": traceparent, "consistency-token": token}
    answer = await client.get(f"/letters/{letter}", headers=headers)
    assert answer.status_code == 200, answer.text
    found = await client.get("/letters", params={"addressee": ADDRESSEE}, headers=headers)
    assert letter in {one["letterId"] for one in found.json()["items"]}


async def _until(client: httpx.AsyncClient, letter: str, what: str) -> None:
    async def so() -> bool:
        answer = await client.get(f"/letters/{letter}", headers={"traceparent": _NOT_TRACED})
        return answer.status_code == 200 and bool(answer.json()[what])

    await until(so, PATIENCE_SECONDS)


_NOT_TRACED = f"00-{'a' * 32}-{'b' * 16}-00"


async def _bring_back(broker: str, letter: str, traceparent: str) -> None:
    """The post is a system of its own, with nothing but the broker in common."""
    event = {
        "specversion": "1.0",
        "id": uuid4().hex,
        "source": "urn:post",
        "type": RETURNED,
        "datacontenttype": "application/json",
        "traceparent": traceparent,
    }
    transport = transport_of(broker)
    try:
        await transport.open([Channel(CHANNEL, 1)])
        data = f'{{"letter":"{letter}"}}'.encode()
        await transport.publish(CHANNEL, [Message(0, letter, event, data)])
    finally:
        await transport.close()


async def _published(stage: Stage, channel: str, letter: str) -> Mapping[str, Mapping[str, str]]:
    """The events of a letter, read with the broker's own client."""
    found: dict[str, Mapping[str, str]] = {}
    async with asyncio.timeout(PATIENCE_SECONDS):
        async with aclosing(stage.read(stage.broker, channel, PARTITIONS)) as reading:
            async for said in reading:
                if said.get("subject") == f"letter:{letter}":
                    found[said["type"].rpartition(".")[2]] = said
                if len(found) == 3:
                    break
    return found
