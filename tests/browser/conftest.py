"""Applications in processes of their own, and a real browser before them."""

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
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.waiting import PAUSE_SECONDS

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


@pytest_asyncio.fixture(scope="package", loop_scope="session")
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
def samples(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Databases with an application's sample data, each made once; tests work on copies."""
    made: dict[str, Path] = {}

    def sample(application: str) -> Path:
        if application not in made:
            folder = tmp_path_factory.mktemp(application)
            process, _ = _started(application, folder, {})
            _stopped(process)
            made[application] = folder / "write.db"
        return made[application]

    return sample


@pytest.fixture
def serve(tmp_path: Path, samples: Callable[[str], Path]) -> Iterator[Serve]:
    """Starts an application's demo with the settings given; answers its address."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(application: str, **settings: str) -> str:
        shutil.copy(samples(application), tmp_path / "write.db")
        process, address = _started(application, tmp_path, settings)
        processes.append(process)
        return address

    yield start
    for process in processes:
        _stopped(process)


@pytest.fixture(scope="package")
def shop(tmp_path_factory: pytest.TempPathFactory, samples: Callable[[str], Path]) -> Iterator[str]:
    """A shop for tests that need nothing special of it."""
    folder = tmp_path_factory.mktemp("shared")
    shutil.copy(samples("shop"), folder / "write.db")
    process, address = _started("shop", folder, {})
    yield address
    _stopped(process)


@pytest.fixture(scope="package")
def training(
    tmp_path_factory: pytest.TempPathFactory, samples: Callable[[str], Path]
) -> Iterator[str]:
    """A training company for tests that need nothing special of it."""
    folder = tmp_path_factory.mktemp("shared")
    shutil.copy(samples("training"), folder / "write.db")
    process, address = _started("training", folder, {})
    yield address
    _stopped(process)


def _started(
    application: str, folder: Path, settings: dict[str, str]
) -> tuple[subprocess.Popen[bytes], str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("TWOFOLD_")},
        "TWOFOLD_DEMO": "1",
        "TWOFOLD_LOG": f"sqlite:///{folder / 'write.db'}",
        **settings,
    }
    command = [sys.executable, "-m", "twofold.ops.cli", "run", application, "--port", str(port)]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 120
    while not _answers(address):
        assert process.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(PAUSE_SECONDS)
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
