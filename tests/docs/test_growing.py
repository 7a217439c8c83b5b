"""The how-to from one file to Kafka and MongoDB is typed as it stands, against real servers."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.acceptance.company import SECRET, Company
from tests.acceptance.shop_story import ORDERS
from tests.databases import drop_mongodb, new_mongodb, new_postgres
from tests.docs.how_to import DOCS, in_bash
from tests.waiting import PAUSE_SECONDS, until
from twofold.ops.services.processes import free_port

HOW_TO = DOCS / "how-to" / "from-one-file-to-kafka-and-mongodb.md"
BLOCKS = re.findall(r"```sh\n(.*?)```", HOW_TO.read_text("utf-8"), re.S)


class Reader:
    """Types the blocks of the page one after the other, in one folder with one environment."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._functions = ""
        self._ports: dict[str, int] = {}
        self._running: list[subprocess.Popen[bytes]] = []
        self.said = ""

    async def types(self, block: str) -> str:
        """Type a block; answers the address of the api if one was started."""
        lines = block.splitlines()
        starting = [line for line in lines if line.startswith("twofold run")]
        for line in lines[: len(lines) - len(starting)]:
            await asyncio.to_thread(self._type, line)
        if not starting:
            return ""
        await asyncio.to_thread(self.stop)
        await asyncio.gather(*(self._run(line) for line in starting))
        return f"http://127.0.0.1:{self._port('8000')}"

    def stop(self) -> None:
        """Ctrl-C in every terminal."""
        for process in self._running:
            process.send_signal(signal.SIGINT)
        for process in self._running:
            process.wait(60)
        self._running.clear()

    def _type(self, line: str) -> None:
        if "() {" in line:
            self._functions = line
        elif line.startswith("unset "):
            for name in line.split()[1:]:
                del self._environment[name]
        elif line.startswith("export "):
            name = line.split("=")[0].removeprefix("export ")
            self._environment[name] = self._bash(f"{line}\nprintenv {name}").strip()
        else:
            self.said = self._bash(line)

    def _bash(self, line: str) -> str:
        script = f"set -e\n{self._functions}\n{line}"
        done = in_bash(script, self._folder, self._environment)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout

    async def _run(self, line: str) -> None:
        command, port = line.rsplit(" ", 1)
        port = str(self._port(port))
        log = self._folder / f"{port}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(  # noqa: ASYNC220
                [*command.split(), port],
                cwd=self._folder,
                env=self._environment,
                stdout=output,
                stderr=output,
            )
        self._running.append(process)

        async def live() -> bool:
            assert process.poll() is None, log.read_text()
            try:
                answer = await client.get(f"http://127.0.0.1:{port}/health/live")
            except httpx.TransportError:
                return False
            return answer.status_code == 200

        async with httpx.AsyncClient() as client:
            await until(live, 120, PAUSE_SECONDS)

    def _port(self, written: str) -> int:
        """A free one for each that the page names."""
        return self._ports.setdefault(written, free_port())


@pytest.fixture
def environment(
    postgres_server: str, kafka_server: str, mongodb_server: str
) -> Iterator[dict[str, str]]:
    """A terminal in which the page's servers are there already, with databases of its own."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    documents = new_mongodb(mongodb_server)
    yield {
        "PATH": path,
        "HOME": os.environ.get("HOME", "/"),
        "TWOFOLD_TEST_POSTGRES": asyncio.run(new_postgres(postgres_server)),
        "TWOFOLD_TEST_KAFKA": kafka_server,
        "TWOFOLD_TEST_MONGODB": documents,
        "TWOFOLD_JWT_SECRET": SECRET,
        "TWOFOLD_CHANNEL_PREFIX": f"growing-{os.getpid()}.",
    }
    asyncio.run(drop_mongodb(documents))


async def test_the_shop_grows_and_shrinks_by_settings_alone(
    environment: dict[str, str], tmp_path: Path
) -> None:
    reader, orders, stages = Reader(tmp_path, environment), 0, 0
    try:
        for block in BLOCKS:
            if "TWOFOLD_LOG=" in block:
                orders = 0
            api = await reader.types(block)
            if api:
                orders, stages = await _worked(api, orders), stages + 1
            if "twofold verify" in block:
                assert "order: " in reader.said
    finally:
        reader.stop()
    assert stages == 7


async def _worked(api: str, known: int) -> int:
    """The first look shows all orders there were; one more is seen by who placed it."""
    async with httpx.AsyncClient(base_url=api, timeout=60) as client:
        shop = Company(client)
        orders = (await shop.sees("service", f"{ORDERS}?size=1"))["total"]
        assert orders >= max(known, 1)
        products = await shop.sees("customer", "/api/v1/products?status=active&size=1")
        lines = [{"sku": products["items"][0]["sku"], "quantity": 1}]
        placed = await shop.does("customer", "POST", ORDERS, {"country": "Chile", "lines": lines})
        page = await shop.sees("customer", f"{ORDERS}/{placed['orderId']}")
        assert page["country"] == "Chile"
        after: int = (await shop.sees("service", f"{ORDERS}?size=1"))["total"]
    assert after == orders + 1
    return after
