"""A thousand people want one last place: one gets it, the others wait, whatever is killed."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import msgspec
import pytest

from tests.apps.training.offers_past import BODY
from tests.killing import Process, until_answered
from training.main import app
from training.modules.offers.booking import BookPlace
from training.modules.offers.contracts import OfferId
from training.modules.offers.lifecycle import DraftOffer, PublishOffer
from training.modules.offers.places import offer
from training.modules.programs.contracts import AuthorId, Level, ProgramId
from training.modules.programs.program import ImportProgram
from twofold import SYSTEM, Caller, Sent, System
from twofold.assembly.assemble import assemble
from twofold.assembly.settings import read_settings
from twofold.messages.validation import read_value
from twofold.ports.read_store import Select

PEOPLE = 1_000
KILLS = 2
FEWER = 200
_AT_ONCE = 100
_SECRET = "signs the tokens of callers in this test alone"
ADMIN = Caller("admin", roles=SYSTEM.roles | {"admin"})


async def last_place(system: System) -> OfferId:
    """An offer with one place."""
    program = ImportProgram(
        program_id=ProgramId("p-1"),
        author=AuthorId("author"),
        title="Safe lifting",
        level=Level.BEGINNER,
        duration_in_days=1,
    )
    await system.send(program, Sent(caller=ADMIN))
    soon = (datetime.now(UTC) + timedelta(days=60)).date().isoformat()
    dates = {"startDate": soon, "endDate": soon, "maximumParticipants": 1}
    draft = read_value(DraftOffer, {**BODY, **dates})
    offer_id = OfferId((await system.send(draft, Sent(caller=ADMIN))).identity)
    await system.send(PublishOffer(offer_id=offer_id), Sent(caller=ADMIN))
    return offer_id


async def test_a_thousand_at_once(training: System) -> None:
    offer_id = await last_place(training)

    async def book(number: int) -> str:
        caller = Caller(f"p-{number}", roles=frozenset({"participant"}))
        done = await training.send(BookPlace(offer_id=offer_id), Sent(caller=caller))
        status: str = msgspec.json.decode(done.answer)["status"]
        return status

    answers = await asyncio.gather(*(book(number) for number in range(PEOPLE)))
    assert Counter(answers) == {"held": 1, "waiting": PEOPLE - 1}
    await _check(training, offer_id)


async def _check(system: System, offer_id: OfferId, people: int = PEOPLE) -> None:
    state = (await system.streams.fresh(offer, [offer_id]))[offer_id]
    everybody = [one.participant for one in (*state.places.values(), *state.waiting.values())]
    assert (len(state.places), len(everybody), len(set(everybody))) == (1, people, people)
    folding = system.wired.foldings["booking"]
    found = await system.read_store.select(system.tables["booking"], Select(limit=2 * people))
    rows = [row for raw in found.documents if (row := folding.model.decode(raw)).listed]
    assert Counter(row.status.value for row in rows) == {"held": 1, "waiting": people - 1}


@pytest.fixture
def environment(address: str) -> dict[str, str]:
    """Settings for all processes."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TWOFOLD_")}
    return kept | {"TWOFOLD_LOG": address, "TWOFOLD_JWT_SECRET": _SECRET}


def bearer(number: int, role: str = "participant") -> dict[str, str]:
    """Somebody's own token."""
    claims = {
        "sub": f"p-{number}",
        "roles": [role],
        "exp": datetime.now(UTC) + timedelta(hours=1),
    }
    return {"authorization": f"Bearer {jwt.encode(claims, _SECRET, algorithm='HS256')}"}


async def test_a_thousand_at_once_while_the_process_is_killed(
    address: str, environment: dict[str, str], tmp_path: Path
) -> None:
    settings = read_settings("training", {"TWOFOLD_LOG": address})
    async with assemble(app, settings) as before:
        offer_id = await last_place(before)
    process = Process("training", "all", environment, tmp_path / "all.log")
    await process.start()
    answers = await _rush(process, offer_id, [process] * KILLS, PEOPLE)
    process.end()
    assert Counter(answers) == {"held": 1, "waiting": PEOPLE - 1}
    async with assemble(app, settings) as after:
        await _check(after, offer_id)
    await _verified(environment)


async def test_many_at_once_while_schedulers_and_projectors_are_killed(
    postgres: str, tmp_path: Path
) -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TWOFOLD_")}
    given = {"TWOFOLD_LOG": postgres, "TWOFOLD_PROJECTIONS": "async"}
    environment = kept | given | {"TWOFOLD_JWT_SECRET": _SECRET}
    settings = read_settings("training", given)
    async with assemble(app, settings) as before:
        offer_id = await last_place(before)
    api, scheduler, projector = (
        Process("training", role, environment, tmp_path / f"{role}.log")
        for role in ("api", "scheduler", "projector")
    )
    await asyncio.gather(api.start(), scheduler.start(), projector.start())
    answers = await _rush(api, offer_id, [scheduler, projector], FEWER)
    assert Counter(answers) == {"held": 1, "waiting": FEWER - 1}
    await _caught_up(api)
    for process in (api, scheduler, projector):
        process.end()
    async with assemble(app, settings) as after:
        await _check(after, offer_id, FEWER)
    await _verified(environment)


async def _caught_up(api: Process) -> None:
    """Wait until read models and processes have all there is."""
    operator = bearer(0, "operator")
    async with (
        asyncio.timeout(60),
        httpx.AsyncClient(base_url=api.address, headers=operator) as client,
    ):
        while True:
            ready = (await client.get("/health/ready")).json()
            processes = (await client.get("/processes")).json()["items"]
            if not any(one["lagEvents"] for one in (*ready["projections"].values(), *processes)):
                return


async def _verified(environment: dict[str, str]) -> None:
    """Read models equal the log."""
    verified = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "twofold.ops.cli", "verify", "training"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr


async def _rush(
    process: Process, offer_id: OfferId, killed: Sequence[Process], people: int
) -> list[str]:
    """What ``people`` are answered while ``killed`` are, one after another."""
    room, progress = asyncio.Semaphore(_AT_ONCE), asyncio.Condition()
    answered = 0

    async def book(client: httpx.AsyncClient, number: int) -> str:
        nonlocal answered
        async with room:
            path = f"/api/offers/{offer_id}/bookings"
            got = await until_answered(client, path, {}, "book", bearer(number))
        assert got.status_code == 200, got.text
        async with progress:
            answered += 1
            progress.notify_all()
        status: Any = got.json()["status"]
        return str(status)

    async with httpx.AsyncClient(base_url=process.address, timeout=30) as client:
        booking = [asyncio.create_task(book(client, number)) for number in range(people)]
        for kill, victim in enumerate(killed, 1):
            reached = kill * people // (len(killed) + 2)
            async with progress:
                await progress.wait_for(lambda least=reached: answered >= least)
            victim.kill()
            await victim.start()
        return await asyncio.gather(*booking)
