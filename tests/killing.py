"""Processes of their own that can be killed, and clients that go on asking."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx


class Process:
    """A role of an application, started again whenever it was killed."""

    def __init__(self, app: str, role: str, environment: dict[str, str], log: Path) -> None:
        self._app = app
        self._role = role
        self._environment = environment
        self._log = log
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start and wait until it is alive."""
        command = [sys.executable, "-m", "twofold.ops.cli", "run", self._app, "--role", self._role]
        with self._log.open("ab") as log:
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
                    continue

    def kill(self) -> None:
        """kill -9."""
        self._signalled(signal.SIGKILL)

    def end(self) -> int:
        """Let it drain; answers its exit code."""
        return self._signalled(signal.SIGTERM)

    def _signalled(self, number: int) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(60)


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
            await asyncio.sleep(0)
            continue
        if answer.status_code < 500:
            return answer
