"""Processes of their own that can be killed or paused, and clients that go on asking."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.waiting import PAUSE_SECONDS, until
from twofold.ops.services.processes import alive
from twofold.ops.services.service import Running


class Process:
    """A role of an application, started again whenever it was killed."""

    def __init__(self, app: str, role: str, environment: dict[str, str], log: Path) -> None:
        self.role = role
        self.paused = False
        self._app = app
        self._environment = environment
        self._log = log
        self._begun = 0
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start and wait until it is alive."""
        command = [sys.executable, "-m", "twofold.ops.cli", "run", self._app, "--role", self.role]
        with self._log.open("ab") as log:
            self._begun = log.tell()
            self._process = subprocess.Popen(  # noqa: ASYNC220
                [*command, "--port", str(self.port)],
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        async with asyncio.timeout(60), httpx.AsyncClient() as client:
            while True:
                assert self._process.poll() is None, self._log.read_text()
                try:
                    if (await client.get(f"{self.address}/health/live")).status_code == 200:
                        return
                except httpx.TransportError:
                    await asyncio.sleep(PAUSE_SECONDS)

    @property
    def pid(self) -> int:
        """Of the one that was started last."""
        assert self._process is not None
        return self._process.pid

    @property
    def peak_mb(self) -> float:
        """The most memory that it ever had."""
        status = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        (peak,) = [line for line in status if line.startswith("VmHWM:")]
        return int(peak.split()[1]) / 1024

    def kill(self) -> None:
        """kill -9."""
        self._signalled(signal.SIGKILL)

    def end(self) -> int:
        """Let it drain; answers its exit code."""
        return self._signalled(signal.SIGTERM)

    def pause(self) -> None:
        """It stands still, and does not know."""
        self.paused = True
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """It goes on, believing what was true before."""
        os.kill(self.pid, signal.SIGCONT)
        self.paused = False

    def holds(self, group: str) -> list[int]:
        """The parts of a shared work that it believes to hold, as it said last."""
        with self._log.open("rb") as log:
            log.seek(self._begun)
            said = [line for line in log if b'"share of the work changed"' in line]
        for line in reversed(said):
            if (told := json.loads(line))["group"] == group:
                return list(told["parts"])
        return []

    def _signalled(self, number: int) -> int:
        if self._process is None:
            return 0
        if self.paused:
            self.resume()
        self._process.send_signal(number)
        return self._process.wait(60)


@asynccontextmanager
async def ended(*processes: Process) -> AsyncIterator[None]:
    """None of them runs after the block."""
    try:
        yield
    finally:
        for process in processes:
            process.end()


@asynccontextmanager
async def running(
    app: str, roles: Sequence[str], environment: dict[str, str], folder: Path
) -> AsyncIterator[list[Process]]:
    """A process for each role, ended at the end."""
    found = [
        Process(app, role, environment, folder / f"{number}-{role}.log")
        for number, role in enumerate(roles)
    ]
    async with ended(*found):
        for process in found:
            await process.start()
        yield found


async def kill_while(
    busy: Sequence[asyncio.Task[Any]], working: asyncio.Event, processes: list[Process], times: int
) -> None:
    """Kill one of ``processes`` and start it again, each time after ``working`` was set anew."""
    chance = random.Random(1)
    for _ in range(times):
        working.clear()
        under_way = asyncio.create_task(working.wait())
        await asyncio.wait({under_way, *busy}, return_when=asyncio.FIRST_COMPLETED)
        under_way.cancel()
        victim = chance.choice(processes)
        victim.kill()
        await victim.start()


async def kill_server(running: Running) -> None:
    """kill -9, and nothing of it runs any more."""
    os.kill(running.pid, signal.SIGKILL)
    await until(lambda: not alive(running))


def environment_with(**given: str) -> dict[str, str]:
    """An environment in which no other settings of ours are."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TWOFOLD_")}
    return kept | {f"TWOFOLD_{name.upper()}": value for name, value in given.items()}


async def until_answered(
    client: httpx.AsyncClient,
    path: str,
    body: object,
    key: str,
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    """Send with a key until there is an answer; being cut off in the middle is nothing new."""
    sent = {**(headers or {}), "idempotency-key": key}
    while True:
        try:
            answer = await client.post(path, json=body, headers=sent)
        except httpx.TransportError:
            await asyncio.sleep(PAUSE_SECONDS)
            continue
        if answer.status_code < 500:
            return answer
