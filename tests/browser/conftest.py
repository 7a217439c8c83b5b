"""The shop in a process of its own, and a real browser before it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

CHROMIUM = os.environ.get("TWOFOLD_TEST_CHROMIUM", "/usr/bin/chromium")
_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
Serve = Callable[..., str]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Headless Chromium; without one CI fails and others are told."""
    if not os.path.exists(CHROMIUM):  # noqa: ASYNC240
        if os.environ.get("CI"):
            pytest.fail(f"no Chromium at {CHROMIUM}")
        pytest.skip(f"no Chromium at {CHROMIUM}: apt-get install chromium")
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(executable_path=CHROMIUM, args=_OPTIONS)
        yield found
        await found.close()


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the sample data, made once; tests work on copies."""
    folder = tmp_path_factory.mktemp("sample")
    process, _ = _started(folder, {})
    _stopped(process)
    return folder / "shop.db"


@pytest.fixture
def serve(tmp_path: Path, sample: Path) -> Iterator[Serve]:
    """Starts the demo shop with the settings given; answers its address."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(**settings: str) -> str:
        shutil.copy(sample, tmp_path / "shop.db")
        process, address = _started(tmp_path, settings)
        processes.append(process)
        return address

    yield start
    for process in processes:
        _stopped(process)


def _started(folder: Path, settings: dict[str, str]) -> tuple[subprocess.Popen[bytes], str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("TWOFOLD_")},
        "TWOFOLD_DEMO": "1",
        "TWOFOLD_LOG": f"sqlite:///{folder / 'shop.db'}",
        **settings,
    }
    command = [sys.executable, "-m", "twofold.ops.cli", "run", "shop", "--port", str(port)]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 90
    while not _answers(address):
        assert process.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < deadline, (folder / "log").read_text()
    return process, address


def _stopped(process: subprocess.Popen[bytes]) -> None:
    """Let it drain; its file is whole afterwards."""
    process.terminate()
    process.wait(30)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health/live", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
