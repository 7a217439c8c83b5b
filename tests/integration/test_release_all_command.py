"""``twofold parked APP release … --all``: watched, stopped by Ctrl-C, by one operator at a time."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.bookings import OfferId, Publish, app
from tests.http.test_parked import break_folds
from twofold.assembly.assemble import assemble
from twofold.assembly.settings import read_settings
from twofold.ops.cli import app as cli
from twofold.ops.ending import run_command
from twofold.runtime.parking.projections import ParkedProjections
from twofold.runtime.parking.views import ReleaseView
from twofold.runtime.settings import RuntimeSettings

NAME = "tests.bookings:app"
TWOFOLD = str(Path(sys.executable).parent / "twofold")
OFFERS = 100
SLOWLY = "from tests.integration.test_release_all_command import slowly; slowly()"
PAUSE_SECONDS = 0.1
RELEASE = ("release", "offer_row", "--all", "--yes")


@pytest.fixture
async def waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Offers wait, as many as may."""
    address = f"sqlite:///{tmp_path / 'bookings.db'}"
    monkeypatch.setenv("TWOFOLD_LOG", address)
    settings = read_settings("bookings", {"TWOFOLD_LOG": address})
    limits = RuntimeSettings(parked_attempts=1, parked_limit_per_cause=OFFERS)
    async with assemble(app, settings, runtime=limits) as system:
        break_folds(system)
        for number in range(OFFERS):
            await system.send(Publish(offer_id=OfferId(f"o{number}"), places=13))


def slowly() -> None:
    """What ``releasing`` runs: there is time to look at it, and to stop it."""
    release = ParkedProjections.release

    async def slow(self: ParkedProjections, *given: Any, **named: Any) -> ReleaseView:
        await asyncio.sleep(PAUSE_SECONDS)
        return await release(self, *given, **named)

    ParkedProjections.release = slow  # type: ignore[method-assign]
    run_command(cli, sys.argv[1:])


def said(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [TWOFOLD, "parked", NAME, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def releasing() -> Iterator[subprocess.Popen[str]]:
    """The command, begun; it is seen by others."""
    # Programs begun in the background ignore Ctrl-C, and so do those that they begin.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", SLOWLY, "parked", NAME, *RELEASE],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        wait_for("releases all of offer_row")
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(told: str) -> None:
    """Until the list tells it."""
    until = time.monotonic() + 60
    while told not in (listed := said("list", "offer_row").stdout):
        assert time.monotonic() < until, listed


def left() -> int:
    total = json.loads(said("list", "offer_row", "--json").stdout)["total"]
    assert isinstance(total, int)
    return total


@pytest.mark.usefixtures("waiting")
def test_the_second_is_told_who_is_at_it_and_ctrl_c_leaves_the_rest() -> None:
    with releasing() as process:
        second = said(*RELEASE)
        assert (second.returncode, "is being released by" in second.stderr) == (1, True), second
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 1, err
    told = re.search(r"offer_row: stopped, (\d+) released, 0 wait again", out)
    assert told is not None, out
    assert "what waits: twofold parked tests.bookings:app list offer_row" in out
    assert "release offer_row: " in err  # The progress.
    released = int(told[1])
    assert 0 < released < OFFERS
    assert left() == OFFERS - released
    assert "releases all of" not in said("list", "offer_row").stdout
    rest = said(*RELEASE, "--json")
    done = json.loads(rest.stdout)
    assert (rest.returncode, done["phase"], done["released"]) == (0, "done", OFFERS - released)
    assert left() == 0


@pytest.mark.usefixtures("waiting")
def test_it_is_stopped_from_elsewhere() -> None:
    with releasing() as process:
        stopped = said("stop", "offer_row")
        assert (stopped.returncode, "ends behind" in stopped.stdout) == (0, True), stopped
        out, err = process.communicate(timeout=60)
    assert (process.returncode, "offer_row: stopped, " in out) == (1, True), err
    late = said("stop", "offer_row")
    assert (late.returncode, "no release of all is under way" in late.stderr) == (1, True), late


@pytest.mark.usefixtures("waiting")
def test_one_that_died_is_told_and_gone_on_with() -> None:
    with releasing() as process:
        process.kill()
        process.communicate()
    assert 0 < left() < OFFERS
    wait_for("that was interrupted")
    assert said(*RELEASE).returncode == 0
    assert left() == 0


@pytest.mark.usefixtures("waiting")
def test_one_that_stood_still_meanwhile_does_not_tell_anothers_end_as_its_own() -> None:
    with releasing() as process:
        process.send_signal(signal.SIGSTOP)
        wait_for("that was interrupted")
        assert said(*RELEASE).returncode == 0
        process.send_signal(signal.SIGCONT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, "is not as it was seen any more" in err) == (1, True), out + err
    assert "released," not in out
    assert left() == 0
