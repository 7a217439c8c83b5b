"""A process in which everything fails that may, on data that must not get into its logs.

Run as a program: logs are configured once for a process. Prints nothing, logs to standard error.
"""

from __future__ import annotations

import asyncio
import logging
from typing import NewType

import structlog

import twofold as tf
from tests.http.conftest import Client
from tests.waiting import until
from twofold.adapters.memory.log import MemoryLog
from twofold.adapters.memory.read_store import MemoryReadStore
from twofold.adapters.memory.transport import MemoryTransport
from twofold.http.asgi import HttpApp
from twofold.http.security import SecuritySettings
from twofold.ops.logs import configure_logs
from twofold.ports.transport import Channel, Message
from twofold.runtime.clock import SeededChance, SystemClock

EMAIL, NAME, PASSWORD = "jane.doe@example.com", "Jane Quixotic-Doe", "correct-horse-battery"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2lnbmF0dXJlLW9mLXNvcnRz"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
REQUEST_ID = "request-of-jane"
PersonId = NewType("PersonId", str)
_CHANNEL, _TYPE = "town.events", "person.moved"


class Register(tf.Command):
    email: str
    name: str
    how: str


class Registered(tf.Event):
    email: str
    name: str
    how: str


class Known(tf.Value):
    email: str


class Row(tf.ReadModel):
    person_id: tf.Key[PersonId]
    email: str


class Moved(tf.Value):
    name: str


class Notes(tf.Value):
    name: str = ""


person = tf.EventSourced(Known, PersonId, name="person")
people = tf.Projection(Row)
greetings = tf.Process(Notes, name="greetings")
moving = tf.Inbox(_CHANNEL, partitions=1)


@person.decides
def register(state: None, command: Register) -> Registered:
    if command.how == "decision":
        raise ValueError(f"{command.email} of {command.name} is odd")
    if command.how == "refusal":
        raise tf.Refused(f"{command.name} is not welcome")
    return Registered.of(command)


@person.evolves
def registered(state: None, event: Registered) -> Known:
    return Known(email=event.email)


@people.on
def listed(row: Row | None, event: Registered, meta: tf.Recorded) -> Row:
    if event.how == "fold":
        raise KeyError(event.email)
    return Row(person_id=PersonId(meta.stream_id), email=event.email)


@greetings.on
def greeted(state: Notes | None, event: Registered) -> tf.Then[Notes]:
    if event.how == "process":
        raise RuntimeError(f"nobody greets {event.name}")
    return tf.Then(Notes(name=event.name))


@moving.on(_TYPE)
def moved(event: Moved, meta: tf.Foreign) -> Register:
    how = "refusal" if meta.id == "refused" else "decision"
    return Register(email=EMAIL, name=event.name, how=how)


app = tf.Application(
    "people",
    tf.Module(
        "people",
        person,
        people,
        greetings,
        moving,
        tf.post("/people", Register, may=tf.anyone),
    ),
)


async def fail_everywhere() -> None:
    """Each way in which an error gets into a log."""
    transport = MemoryTransport()
    await transport.open([Channel(_CHANNEL, 1)])
    await transport.publish(_CHANNEL, [_foreign("broken"), _foreign("refused"), _foreign("unread")])
    settings = tf.RuntimeSettings(
        projections="async", partitions=2, retry_seconds=0.01, command_attempts=2, poll_seconds=0.1
    )
    system = tf.System(
        app,
        MemoryLog(),
        MemoryReadStore(),
        clock=SystemClock(),
        chance=SeededChance(),
        settings=settings,
        roles=frozenset({"api", "commands", "relay", "projector", "scheduler"}),
        transport=transport,
    )
    http = HttpApp(system, SecuritySettings(secret="s" * 32))
    await http.start()
    try:
        client = Client(http)
        for how in ("decision", "refusal", "fold", "process"):
            await _send(client, how)
        await _send(client, "decision", prefer="respond-async, wait=20")
        await _send(client, "none", authorization=f"Bearer {TOKEN}")
        await until(lambda: system.inboxes.handled[_CHANNEL].total() == 3)

        async def stuck() -> bool:
            return sum((await system.processes.stuck()).values()) > 0

        await until(stuck)
    finally:
        await http.stop()


async def _send(client: Client, how: str, **headers: str) -> None:
    body = {"email": EMAIL, "name": NAME, "how": how}
    headers |= {"x_request_id": REQUEST_ID, "traceparent": TRACEPARENT}
    await client.post("/people", body, **headers)


def _foreign(number: str) -> Message:
    event = {"specversion": "1.0", "id": number, "source": "urn:town", "type": _TYPE}
    data = f'{{"name":"{NAME}"}}' if number != "unread" else f'"{NAME}"'
    return Message(0, "", event, data.encode())


def let_libraries_complain() -> None:
    """What drivers and servers write of their own accord."""
    address = f"postgresql://app:{PASSWORD}@db.example:5432/app"
    structlog.get_logger("tests").error("can't connect", address=address, why=f"at {address}")
    logging.getLogger("driver").error("can't connect to %s with Bearer %s", address, TOKEN)
    try:
        raise ConnectionError(f"{address} refused password={PASSWORD}")
    except ConnectionError:
        logging.getLogger("driver").exception("it broke")


if __name__ == "__main__":
    configure_logs()
    asyncio.run(fail_everywhere())
    let_libraries_complain()
