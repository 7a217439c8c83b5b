"""The how-to about events of other systems runs as written, in both directions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from redis import Redis

from tests.docs.how_to import DOCS, module_of
from tests.docs.test_process_managers import run
from tests.waiting import until
from twofold import SYSTEM, RuntimeSettings, Sent, System
from twofold.adapters.memory.log import MemoryLog
from twofold.adapters.memory.read_store import MemoryReadStore
from twofold.adapters.redis.transport import RedisTransport
from twofold.runtime.clock import SeededChance, SystemClock

HOW_TO = "how-to/foreign-events.md"


async def test_events_come_from_a_plain_client_and_go_to_one(
    redis_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = module_of(HOW_TO, "orders", monkeypatch)
    client = Redis.from_url(redis_server, decode_responses=True, protocol=2)
    system = System(
        code.app,
        MemoryLog(),
        MemoryReadStore(),
        clock=SystemClock(),
        chance=SeededChance(),
        settings=RuntimeSettings(partitions=2),
        roles=frozenset({"api", "relay", "scheduler"}),
        transport=RedisTransport(redis_server),
    )
    async with system:
        await system.send(code.Ship(order_id="order-7"), Sent(caller=SYSTEM))
        for event_id, reference in (("1", "return-7"), ("2", "order-7"), ("2", "order-7")):
            code.publish(client, event_id, reference)
        published: list[tuple[str, str]] = []

        def read() -> bool:
            published[:] = code.deliveries(client, 2)
            return bool(published)

        await until(read)
        await until(lambda: system.inboxes.handled["carrier.events"].total() == 3)
    assert list(code.deliveries(client, 2)) == [("order:order-7", '{"at":"2026-05-01T10:00:00Z"}')]
    client.close()


def test_the_how_to_is_sound_and_its_tests_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, _, _ = (DOCS / HOW_TO).read_text("utf-8").partition("## Publish to it")
    code = re.findall(r"```python\n(.*?)```", ours, re.S)
    (tmp_path / "orders.py").write_text("\n\n".join(code), "utf-8")
    (tmp_path / "test_orders.py").write_text("from orders import *\n", "utf-8")
    monkeypatch.delenv("TWOFOLD_BROKER", raising=False)
    checked = run(tmp_path, "twofold.ops.cli", "check", "orders:app")
    assert checked.returncode == 0, checked.stderr
    assert "inbox carrier.events is idle" in checked.stdout
    tested = run(tmp_path, "pytest", "-q", "-p", "no:cacheprovider", "test_orders.py")
    assert "1 passed" in tested.stdout, tested.stdout
    typed = run(tmp_path, "mypy", "--strict", "orders.py")
    assert typed.returncode == 0, typed.stdout
