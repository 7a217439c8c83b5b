"""Writes down the events of today's program, for tomorrow's program to read."""

import asyncio
import sys

sys.path.insert(0, ".")

from trainer.asgi import system

from proposals import Accept, Id, Level, Submit
from twofold import Caller, Sent

ANN = Sent(caller=Caller("ann"))
RITA = Sent(caller=Caller("rita", roles=frozenset({"reviewer"})))


async def record() -> None:
    """Submit two proposals, accept the second."""
    async with system() as old:
        submit = Submit(title="Old times", category="it", level=Level("beginner"))
        await old.send(submit, ANN)
        older = await old.send(submit.but(title="Older times"), ANN)
        await old.send(Accept(id=Id(older.identity)), RITA)


asyncio.run(record())
