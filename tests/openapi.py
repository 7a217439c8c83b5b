"""An application on a real socket, and schemathesis before it.

schemathesis reads /openapi.json and sends what it allows, what it forbids and what lies between.
It checks that there is never a 5xx, that statuses, headers, media types and documents are those
described, that what is described as valid is taken and all else refused, and that nothing is
served to callers without a good token.
"""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import uvicorn

from twofold import Application
from twofold.assembly.assemble import ALL_ROLES
from twofold.assembly.serving import build
from twofold.assembly.settings import read_settings

_CONFIG = Path(__file__).with_name("schemathesis.toml")
_SECONDS = 240
Reached: TypeAlias = dict[str, Counter[int]]


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup(sockets)  # type: ignore[arg-type]
        self.up.set()


@asynccontextmanager
async def listening(application: Application, database: str) -> AsyncIterator[str]:
    """``application`` with its sample data; its address."""
    given = {"TWOFOLD_LOG": database, "TWOFOLD_DEMO": "1"}
    http = build(application, read_settings(application.name, given), ALL_ROLES)
    server = _Server(uvicorn.Config(http, port=0, log_level="warning", lifespan="on"))
    serving = asyncio.create_task(server._serve())
    try:
        async with asyncio.timeout(_SECONDS):
            await server.up.wait()
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        http.drain()
        server.should_exit = True
        await serving


async def check_description(address: str, hooks: str, examples: int, answers: Path) -> Reached:
    """Fail with all that schemathesis finds; ``hooks`` is a module that knows the application.

    ``answers`` is a file to note them in; answers what each operation answered, and how often.
    """
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(_CONFIG), "run"]
    options = ["--checks", "all", "--max-examples", str(examples), "--seed", "1", "--no-color"]
    process = await asyncio.create_subprocess_exec(
        *command,
        f"{address}/openapi.json",
        *options,
        env={
            **os.environ,
            "SCHEMATHESIS_HOOKS": hooks,
            "TESTED_ADDRESS": address,
            "TESTED_ANSWERS": str(answers),
        },
        cwd=Path(__file__).parents[1],
        stdout=PIPE,
        stderr=STDOUT,
    )
    async with asyncio.timeout(_SECONDS):
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return _counted(answers)


def unreached(reached: Reached) -> list[str]:
    """Operations on something named in their path that never met anything that exists."""
    return [
        operation
        for operation, statuses in reached.items()
        if "{" in operation and not any(_met(status) for status in statuses)
    ]


def share_met(reached: Reached) -> float:
    """The share of answers to good requests about something named in a path that exists."""
    counted = [statuses for operation, statuses in reached.items() if "{" in operation]
    met = sum(n for statuses in counted for status, n in statuses.items() if _met(status))
    return met / sum(statuses.total() for statuses in counted)


def _met(status: int) -> bool:
    return status in (409, 422) or 200 <= status < 300


def _counted(answers: Path) -> Reached:
    found: Reached = defaultdict(Counter)
    for line in answers.read_text("utf-8").splitlines():
        operation, _, status = line.rpartition(" ")
        found[operation][int(status)] += 1
    return found
