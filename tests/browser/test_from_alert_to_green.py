"""From an alert about an order to a read model that is proven: docs/how-to/console.md."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import _started, _stopped
from tests.browser.surfing import Program
from tests.browser.test_console import operator
from tests.databases import drop_mongodb, new_mongodb, new_postgres
from tests.receivers import Hook, hook
from tests.waiting import until
from twofold.adapters.webhook.channel import key_of, signature

pytestmark = pytest.mark.asyncio(loop_scope="session")
APP = "tests.browser.labelled_shop:app"
SECRET = "the secret of this test alone"
ALERT = "parked/label"
CAUSE = "13 pieces do not fit on a label"
_PATIENCE_SECONDS = 180


def told(on_call: Hook, key: str) -> list[str]:
    """What was said of one alert, in order; all of it is signed."""
    for headers, body in on_call.requests:
        delivery, at = headers["webhook-id"], headers["webhook-timestamp"]
        assert headers["webhook-signature"] == signature(key_of(SECRET), delivery, at, body)
    return [one["occasion"] for one in on_call.bodies if one["key"] == key]


@pytest.fixture(params=["sqlite", "kafka-mongodb"])
async def stores(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    """Settings that say where everything is."""
    if request.param == "sqlite":
        yield {"TWOFOLD_LOG": f"sqlite:///{tmp_path / 'write.db'}"}
        return
    read = new_mongodb(request.getfixturevalue("mongodb_server"))
    yield {
        "TWOFOLD_LOG": await new_postgres(request.getfixturevalue("postgres_server")),
        "TWOFOLD_BROKER": request.getfixturevalue("kafka_server"),
        "TWOFOLD_READ": read,
        "TWOFOLD_PROJECTIONS": "async",
        # Messages of another test's shop would be told to whoever is on call, too.
        "TWOFOLD_CHANNEL_PREFIX": f"{uuid4().hex}.",
    }
    await drop_mongodb(read)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Starts the shop, in place of one that ran before; answers its address."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(settings: dict[str, str]) -> str:
        stop()
        process, address = _started(APP, tmp_path, settings)
        processes.append(process)
        return address

    def stop() -> None:
        while processes:
            _stopped(processes.pop())

    yield start
    stop()


def order(address: str, quantity: int) -> str:
    """One that is placed by the service desk."""
    service = Program(address, "service")
    lines = [{"sku": "CUP", "quantity": quantity}]
    body = {"customerId": "C-1", "country": "France", "currency": "GBP", "lines": lines}
    found: str = service.post("/api/v1/orders", body)["orderId"]
    return found


def offer(address: str) -> None:
    """Something to order."""
    merchandiser = Program(address, "merchandiser")
    product = {"sku": "CUP", "title": "A cup", "category": "Kitchen"}
    merchandiser.post("/api/v1/products", product)
    merchandiser.post("/api/v1/products/CUP/price", {"price": "3.20"})
    merchandiser.post("/api/v1/products/CUP/activate", {})


def verified(settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What ``twofold verify`` says."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TWOFOLD_")}
    command = [sys.executable, "-m", "twofold.ops.cli", "verify", APP]
    return subprocess.run(
        command, env={**environment, **settings}, capture_output=True, text=True, check=False
    )


async def test_an_operator_is_told_finds_the_cause_and_sees_all_green(
    browser: Browser, stores: dict[str, str], running: Callable[..., str]
) -> None:
    async with hook() as on_call:
        settings = {
            **stores,
            "TWOFOLD_ALERT_WEBHOOK": on_call.url,
            "TWOFOLD_ALERT_SECRET": SECRET,
            "TWOFOLD_ALERT_SECONDS": "1",
        }
        address = running(settings)
        offer(address)
        heavy, light = order(address, 13), order(address, 2)
        await until(lambda: told(on_call, ALERT) == ["opened"], _PATIENCE_SECONDS)
        assert all(CAUSE.encode() not in body for _, body in on_call.requests)
        assert "2 pieces" in Program(address, "service").get(f"/labels/{light}")["text"]
        page = (await operator(browser, address)).page
        await expect(page.locator(".badge.bad", has_text="page").first).to_be_visible()
        await page.get_by_role("link", name="Look at it").first.click()
        await page.get_by_role("link", name=f"document:{heavy}").click()
        await expect(page.locator("main")).to_contain_text(CAUSE)
        parked = Program(address, "operator")
        await until(lambda: parked.get("/parked?state=parked")["total"] == 1, _PATIENCE_SECONDS)

        mended = {**settings, "TWOFOLD_TEST_MENDED": "1"}
        address = running(mended)
        tab = await operator(browser, address)
        page = tab.page
        await page.get_by_role("link", name="Look at it").first.click()
        await page.get_by_role("link", name=f"document:{heavy}").click()
        await page.get_by_role("button", name="Dry run").click()
        row = page.locator(".difference tr", has_text="text")
        await expect(row).to_contain_text("13 pieces")
        await page.get_by_role("button", name=re.compile("Release: apply 1 event")).click()
        await expect(page.locator(".notice.good")).to_contain_text("1 applied, 0 left out")
        assert "13 pieces" in Program(address, "service").get(f"/labels/{heavy}")["text"]
        recovered = ["opened", "recovered"]
        await until(lambda: told(on_call, ALERT) == recovered, _PATIENCE_SECONDS)
        said = verified(mended)
        assert said.returncode == 0, said.stdout + said.stderr
        assert "label: 2 rows compared" in said.stdout
        assert tab.complaints == []
