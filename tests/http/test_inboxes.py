"""Messages of other systems that were kept aside are counted, and alone make nothing unready."""

from __future__ import annotations

from tests.http.conftest import Client
from tests.parcels import CHANNEL, DELIVERED, app
from tests.waiting import until
from twofold import System
from twofold.adapters.memory.log import MemoryLog
from twofold.adapters.memory.read_store import MemoryReadStore
from twofold.adapters.memory.transport import MemoryBroker, MemoryTransport
from twofold.http.asgi import HttpApp
from twofold.http.security import SecuritySettings
from twofold.ports.transport import Channel, Message
from twofold.runtime.clock import SeededChance, SystemClock


async def test_health_and_metrics_tell_what_was_kept() -> None:
    transport = MemoryTransport(MemoryBroker())
    await transport.open([Channel(CHANNEL, 2)])
    event = {"specversion": "1.0", "id": "1", "source": "urn:carrier", "type": DELIVERED}
    good, bad = b'{"parcel":"p","stops":["door"]}', b"no json"
    await transport.publish(CHANNEL, [Message(0, "", event, one) for one in (bad, good)])
    system = System(
        app,
        MemoryLog(),
        MemoryReadStore(),
        clock=SystemClock(),
        chance=SeededChance(),
        transport=transport,
    )
    http = HttpApp(system, SecuritySettings(demo=True), max_body_bytes=10_000)
    await http.start()
    try:
        client = Client(http, waits=False)
        await until(lambda: system.inboxes.handled[CHANNEL].total() == 2)
        for _ in range(2):
            lines = (await client.get("/metrics")).text.splitlines()
        ready = (await client.get("/health/ready")).json()
    finally:
        await http.stop()
    assert (ready["status"], ready["rejectedMessages"]) == ("ready", 1)
    counted = f'twofold_inbox_messages_total{{channel="{CHANNEL}",outcome='
    assert {line for line in lines if line.startswith(counted)} == {
        f'{counted}"decided"}} 1.0',
        f'{counted}"kept"}} 1.0',
    }
    assert "twofold_rejected_messages 1.0" in lines
