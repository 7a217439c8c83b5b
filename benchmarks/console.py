"""How long pages of the console take on a log of millions of events."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.figures import Figures
from benchmarks.workload import NOTE, on_fast_loop, percentile, system
from twofold import System
from twofold.http.asgi import HttpApp, http_app
from twofold.http.security import SecuritySettings
from twofold.messages.recorded import NewEvent, stream_name
from twofold.ports.log import Append
from twofold.runtime.catching_up import catch_up
from twofold.wiring.application import Account

EVENTS = int(os.environ.get("BENCHMARK_EVENTS", "5_000_000"))
LARGE, EACH = 5_000, 50
AT_ONCE, FOLD_BATCH, LOOKS, GOAL_MS = 1_000, 5_000, 20, 100.0
_DATA = b'{"amount":1,"note":"%s"}' % NOTE.encode()
_OPERATOR = Account("operator", "Otis Operator", ("operator",))


def pages(address: str) -> Figures:
    """The slowest page, the 95th of a hundred, on a log of ``BENCHMARK_EVENTS`` events.

    One document has 5,000 of them, the others 50 each.
    """

    async def measured() -> dict[str, float]:
        async with system(address, "async", frozenset({"api"})) as running:
            await _fill(running)
            (applier,) = running.appliers
            types, progress = running.wired.events, running.progress
            store = running.read_store
            await catch_up(applier, running.log, store, types, progress, FOLD_BATCH)
            running.application.accounts = (_OPERATOR,)
            http = http_app(running, SecuritySettings(demo=True))
            await http.start()
            try:
                return {name: await _p95(http, path) for name, path in (await _paths(running))}
            finally:
                await http.stop()

    times: Mapping[str, float] = on_fast_loop(measured)
    return Figures(max(times.values()), GOAL_MS, None, {"events": EVENTS, **times})


async def _paths(running: System) -> Sequence[tuple[str, str]]:
    middle = EVENTS // 2
    (event,) = await running.log.read(middle, 1)
    name = running.appliers[0].name
    documents = f"/console/documents?projection={name}"
    return [
        ("overview", "/console"),
        ("parked", "/console/parked"),
        ("versions", "/console/versions"),
        ("documents", documents),
        ("document", f"{documents}&key={event.stream_id}"),
        ("large document", f"{documents}&key=o-large"),
        ("newest events", "/console/causes"),
        ("cause by position", f"/console/causes?event={middle}"),
        ("cause by id", f"/console/causes?q={event.id}"),
        ("unknown id", "/console/causes?q=nothing-of-the-sort"),
        ("processes", "/console/processes"),
        ("messages", "/console/messages"),
        ("audit", "/console/audit"),
    ]


async def _p95(http: HttpApp, path: str) -> float:
    token = http.security.sign_in(_OPERATOR)
    times = []
    for _ in range(LOOKS + 1):
        begun = time.perf_counter()
        status = await _get(http, path, token)
        times.append(1000 * (time.perf_counter() - begun))
        if status not in (200, 404):
            raise RuntimeError(f"{path} was answered with {status}")
    # The first one makes connections and compiles the template.
    return round(percentile(sorted(times[1:]), 0.95), 1)


async def _get(http: HttpApp, path: str, token: str) -> int:
    plain, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "path": plain,
        "raw_path": plain.encode(),
        "query_string": query.encode(),
        "headers": [(b"host", b"bench"), (b"authorization", f"Bearer {token}".encode())],
        "server": ("bench", 80),
        "client": ("bench", 1),
        "root_path": "",
    }
    statuses: list[int] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await http(scope, receive, send)
    return statuses[0]


async def _fill(running: System) -> None:
    for first in range(0, EVENTS, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, EVENTS))
        async with running.log.transaction() as transaction:
            await transaction.append([_one(running, number) for number in numbers])


def _one(running: System, number: int) -> Append:
    large = min(LARGE, EVENTS)
    which, turn = ("o-large", number) if number < large else _other(number - large)
    identity = running.chance.new_id(running.clock.now())
    command = running.chance.new_id(running.clock.now())
    stream = stream_name("order", which)
    event = NewEvent(
        identity, stream, turn + 1, "order.Moved", 1, 1, command, command, "", "", _DATA
    )
    return Append(stream, turn, (event,))


def _other(number: int) -> tuple[str, int]:
    return f"o-{number // EACH:06}", number % EACH
