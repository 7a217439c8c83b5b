"""From an alert about an order to a read model that is proven: docs/how-to/console.md."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import _started, _stopped
from tests.browser.surfing import Program
from tests.browser.test_console import operator
from tests.databases import drop_mongodb, new_mongodb, new_postgres
from tests.waiting import until
from twofold.adapters.webhook.channel import key_of, signature

pytestmark = pytest.mark.asyncio(loop_scope="session")
APP = "tests.browser.labelled_shop:app"
SECRET = "the secret of this test alone"
CAUSE = "13 pieces do not fit on a label"
_PATIENCE_SECONDS = 180


class OnCall(ThreadingHTTPServer):
    """Whoever is told. ``got`` are the messages that are signed."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), _Taking)
        Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def about(self, key: str) -> list[str]:
        return [one["occasion"] for one in self.got if one["key"] == key]


class _Taking(BaseHTTPRequestHandler):
    server: OnCall

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        delivery, at = self.headers["webhook-id"], self.headers["webhook-timestamp"]
        signed = signature(key_of(SECRET), delivery, at, body) == self.headers["webhook-signature"]
        if signed:
            self.server.got.append(json.loads(body))
        self.send_response(204 if signed else 401)
        self.end_headers()

    def log_message(self, *told: Any) -> None:
        """Nothing is printed."""


@pytest.fixture
def on_call() -> Iterator[OnCall]:
    with OnCall() as server:
        yield server
        server.shutdown()


@pytest.fixture(params=["sqlite", "kafka-mongodb"])
async def settings(
    request: pytest.FixtureRequest, on_call: OnCall, tmp_path: Path
) -> dict[str, str]:
    """Where everything is, and who is told."""
    told = {
        "TWOFOLD_ALERT_WEBHOOK": on_call.address,
        "TWOFOLD_ALERT_SECRET": SECRET,
        "TWOFOLD_ALERT_SECONDS": "1",
    }
    if request.param == "sqlite":
        return {**told, "TWOFOLD_LOG": f"sqlite:///{tmp_path / 'write.db'}"}
    read = new_mongodb(request.getfixturevalue("mongodb_server"))
    return {
        **told,
        "TWOFOLD_LOG": await new_postgres(request.getfixturevalue("postgres_server")),
        "TWOFOLD_BROKER": request.getfixturevalue("kafka_server"),
        "TWOFOLD_READ": read,
        "TWOFOLD_PROJECTIONS": "async",
    }


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
    browser: Browser, on_call: OnCall, settings: dict[str, str], tmp_path: Path
) -> None:
    process, address = _started(APP, tmp_path, settings)
    try:
        offer(address)
        heavy, light = order(address, 13), order(address, 2)
        await until(lambda: on_call.about("parked/label") == ["opened"], _PATIENCE_SECONDS)
        assert CAUSE not in json.dumps(on_call.got)
        labels = Program(address, "service")
        assert "2 pieces" in labels.get(f"/labels/{light}")["text"]

        tab = await operator(browser, address)
        await tab.page.get_by_role("link", name="Look at it").first.click()
        await tab.page.get_by_role("link", name=f"document:{heavy}").click()
        await expect(tab.page.locator("main")).to_contain_text(CAUSE)
        parked = Program(address, "operator")
        await until(lambda: parked.get("/parked?state=parked")["total"] == 1, _PATIENCE_SECONDS)
    finally:
        _stopped(process)

    mended = {**settings, "TWOFOLD_TEST_MENDED": "1"}
    process, address = _started(APP, tmp_path, mended)
    try:
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
        await until(lambda: on_call.about("parked/label") == recovered, _PATIENCE_SECONDS)
        told = verified(mended)
        assert told.returncode == 0, told.stdout + told.stderr
        assert "label: 2 rows compared" in told.stdout
        assert tab.complaints == []
    finally:
        _stopped(process)
        if settings.get("TWOFOLD_READ"):
            await drop_mongodb(settings["TWOFOLD_READ"])
