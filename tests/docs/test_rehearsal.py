"""The rehearsal of an incident is typed as it stands, on one file and on three servers."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.databases import drop_mongodb, new_mongodb, new_postgres
from tests.docs.how_to import DOCS, in_bash
from tests.waiting import PAUSE_SECONDS, until
from twofold.ops.services.processes import free_port

HOW_TO = (DOCS / "how-to" / "rehearse-an-incident.md").read_text("utf-8")
FILES = dict(re.findall(r"```python\n# (\S+)\n(.*?)```", HOW_TO, re.S))
BLOCKS = re.findall(r"```sh\n(.*?)```", HOW_TO, re.S)
SERVERS, SETTINGS, RUNS, BREAKS, LOOKS, MENDS, ADOPTS, RUNS_AGAIN, RELEASES, PROVES = BLOCKS
HEALTH = "http://127.0.0.1:8000/health/live"
LONGEST_SECONDS = 180


class Terminals:
    """One in which blocks are typed, and one for each thing that keeps running."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._ports = {written: str(free_port()) for written in ("8000", "9000")}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        for name, text in FILES.items():
            (folder / name).write_text(self._with_ports(text), "utf-8")

    async def export(self, block: str) -> None:
        """Settings, as the shell understands them."""
        script = f"set -e\n{self._with_ports(block)}\nenv -0"
        said = await asyncio.to_thread(self._bash, script)
        variables = said.stdout.rpartition("\n")[2].split("\0")
        self._environment.update(line.split("=", 1) for line in variables if "=" in line)

    async def run(self, block: str) -> None:
        """Each line in a terminal of its own, until the shop answers."""
        for line in block.splitlines():
            name = line.split()[0]
            with (self._folder / f"{name}.log").open("ab") as output:
                self._running[name] = subprocess.Popen(  # noqa: ASYNC220
                    self._with_ports(line).split(),
                    cwd=self._folder,
                    env=self._environment,
                    stdout=output,
                    stderr=output,
                )
        async with httpx.AsyncClient() as client:
            await until(lambda: self._up(client), LONGEST_SECONDS, PAUSE_SECONDS)

    async def type(self, block: str, *codes: int) -> list[str]:
        """The lines one after the other, which end with these codes; answers what each said."""
        said = []
        for line, code in zip(block.splitlines(), codes, strict=True):
            done = await asyncio.to_thread(self._bash, line)
            assert done.returncode == code, f"{line}\n{done.stdout}{done.stderr}"
            said.append(done.stdout)
        return said

    async def given_up(self) -> bool:
        """What is still tried again would be applied by mended code without anybody."""
        listing = "twofold parked labelled:app list --state parked"
        return (await asyncio.to_thread(self._bash, listing)).returncode == 1

    def stop(self, name: str) -> None:
        """Ctrl-C."""
        process = self._running.pop(name)
        process.send_signal(signal.SIGINT)
        process.wait(LONGEST_SECONDS)

    def told(self) -> list[str]:
        """What whoever is on call has been told."""
        return (self._folder / "python.log").read_text("utf-8").splitlines()

    def close(self) -> None:
        """Everything stops."""
        for name in list(self._running):
            self.stop(name)

    async def _up(self, client: httpx.AsyncClient) -> bool:
        log = (self._folder / "twofold.log").read_text("utf-8")
        assert self._running["twofold"].poll() is None, log
        try:
            return (await client.get(self._with_ports(HEALTH))).status_code == 200
        except httpx.TransportError:
            return False

    def _with_ports(self, text: str) -> str:
        for written, port in self._ports.items():
            text = text.replace(written, port)
        return text

    def _bash(self, script: str) -> subprocess.CompletedProcess[str]:
        return in_bash(script, self._folder, self._environment)


@pytest.fixture(params=["sqlite", "kafka-mongodb"])
async def terminals(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Terminals]:
    """A folder of its own; where the page starts servers they are there already."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": os.environ.get("HOME", "/"), "TWOFOLD_ALERT_SECONDS": "1"}
    documents = ""
    if request.param == "kafka-mongodb":
        documents = new_mongodb(request.getfixturevalue("mongodb_server"))
        environment |= {
            "TWOFOLD_TEST_POSTGRES": await new_postgres(request.getfixturevalue("postgres_server")),
            "TWOFOLD_TEST_KAFKA": request.getfixturevalue("kafka_server"),
            "TWOFOLD_TEST_MONGODB": documents,
            # Messages of another test's shop would be told to whoever is on call, too.
            "TWOFOLD_CHANNEL_PREFIX": f"{uuid4().hex}.",
        }
    # Who is started in the background ignores Ctrl-C, and so would whatever is started here.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    typed = Terminals(tmp_path, environment)
    if documents:
        await typed.export(SERVERS)
    yield typed
    typed.close()
    signal.signal(signal.SIGINT, before)
    if documents:
        await drop_mongodb(documents)


async def test_the_page_leads_from_the_alert_to_green(terminals: Terminals) -> None:
    await terminals.export(SETTINGS)
    await terminals.run(RUNS)
    await terminals.type(BREAKS, 0, 0)
    opened = "opened page parked sequences of label: 1"
    await until(lambda: terminals.told() == [opened], LONGEST_SECONDS)
    await until(terminals.given_up, LONGEST_SECONDS)
    alert, listed, shown = await terminals.type(LOOKS, 1, 1, 0)
    assert "parked/label" in alert
    assert "13 pieces do not fit on a label" in listed
    assert "raise ValueError" in shown
    terminals.stop("twofold")
    await terminals.type(MENDS, 0)
    (adopted,) = await terminals.type(ADOPTS, 0)
    assert "this code goes on with version 1" in adopted
    await terminals.run(RUNS_AGAIN)
    rehearsed, released = await terminals.type(RELEASES, 0, 0)
    assert 'text: null → "' in rehearsed
    assert "13 pieces" in rehearsed
    assert "label: 1 released, 0 wait again" in released
    recovered = "recovered page parked sequences of label: 1"
    await until(lambda: terminals.told() == [opened, recovered], LONGEST_SECONDS)
    proven, over = await terminals.type(PROVES, 0, 0)
    assert "label: 2 rows compared" in proven
    assert "no alert is open" in over
