"""What `twofold services` promises, on a real PostgreSQL."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import asyncpg
import msgspec
import pytest

from twofold.ops.services import ServiceProblem, down, provided, restart, status, temporary, up
from twofold.ops.services.fleet import Fleet
from twofold.ops.services.processes import alive, start_time, until
from twofold.ops.services.service import Running


async def select_one(address: str) -> int:
    connection = await asyncpg.connect(address)
    try:
        return int(await connection.fetchval("SELECT 1"))
    finally:
        await connection.close()


def started(folder: Path) -> Running:
    running = Fleet(folder, {}).running("postgres")
    assert running is not None
    return running


def kill(running: Running) -> None:
    os.kill(running.pid, signal.SIGKILL)
    assert until(lambda: not alive(running), 10.0)


@pytest.mark.asyncio
async def test_a_started_server_takes_queries_and_syncs_its_commits(folder: Path) -> None:
    address = up(["postgres"], folder)["postgres"]
    connection = await asyncpg.connect(address)
    assert await connection.fetchval("SHOW fsync") == "on"
    assert await connection.fetchval("SHOW listen_addresses") == "127.0.0.1"
    await connection.close()


def test_up_twice_is_one_server(folder: Path) -> None:
    first = up(["postgres"], folder)
    before = started(folder)
    assert up(["postgres"], folder) == first
    assert started(folder) == before


def test_status_follows_the_life_of_a_server(folder: Path) -> None:
    assert status(["postgres"], folder)["postgres"].state == "down"
    address = up(["postgres"], folder)["postgres"]
    assert status(["postgres"], folder)["postgres"].state == "up"
    kill(started(folder))
    dead = status(["postgres"], folder)["postgres"]
    assert (dead.state, dead.address) == ("dead", address)


def test_a_stopped_process_is_silent_not_up(folder: Path) -> None:
    up(["postgres"], folder)
    running = started(folder)
    os.kill(running.pid, signal.SIGSTOP)
    try:
        assert status(["postgres"], folder)["postgres"].state == "silent"
    finally:
        os.kill(running.pid, signal.SIGCONT)


@pytest.mark.asyncio
async def test_a_killed_server_comes_back_at_its_address(folder: Path) -> None:
    address = up(["postgres"], folder)["postgres"]
    kill(started(folder))
    assert up(["postgres"], folder)["postgres"] == address
    assert await select_one(address) == 1


def test_down_leaves_no_process(folder: Path) -> None:
    up(["postgres"], folder)
    running = started(folder)
    assert down(["postgres"], folder) == ["postgres"]
    assert not alive(running)
    assert processes_naming(folder) == []
    assert down(["postgres"], folder) == []


@pytest.mark.asyncio
async def test_data_outlives_down(folder: Path) -> None:
    connection = await asyncpg.connect(up(["postgres"], folder)["postgres"])
    await connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    await connection.close()
    down(["postgres"], folder)
    connection = await asyncpg.connect(up(["postgres"], folder)["postgres"])
    assert await connection.fetchval("SELECT number FROM kept") == 7
    await connection.close()


def test_down_spares_a_process_that_took_over_the_id(folder: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        state = Running("postgres", "postgresql://127.0.0.1:1/x", stranger.pid, "1", str(folder))
        (folder / "postgres.json").write_bytes(msgspec.json.encode(state))
        assert status(["postgres"], folder)["postgres"].state == "dead"
        assert down(["postgres"], folder) == []
        assert stranger.poll() is None


def test_an_address_in_the_environment_is_used_instead(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unanswering:
        address = f"postgresql://someone@127.0.0.1:{unanswering.getsockname()[1]}/elsewhere"
        monkeypatch.setenv("TWOFOLD_TEST_POSTGRES", address)
        assert up(["postgres"], folder) == {"postgres": address}
        with provided("postgres") as used:
            assert used == address
        assert not (folder / "postgres.json").exists()
        assert status(["postgres"], folder)["postgres"].state == "silent"


def test_an_unknown_service_is_refused_with_those_there_are(folder: Path) -> None:
    with pytest.raises(ServiceProblem, match=r"no service oracle; there are: postgres"):
        up(["oracle"], folder)


def test_a_damaged_state_file_counts_as_down(folder: Path) -> None:
    (folder / "postgres.json").write_text('{"name":"post')
    assert status(["postgres"], folder)["postgres"].state == "down"
    assert down(["postgres"], folder) == []


def test_a_temporary_server_leaves_nothing(folder: Path) -> None:
    with temporary("postgres") as running:
        assert alive(running)
    assert not alive(running)
    assert not Path(running.folder).parent.exists()


@pytest.mark.asyncio
async def test_a_temporary_server_can_be_killed_and_brought_back() -> None:
    with temporary("postgres") as running:
        kill(running)
        again = restart(running)
        assert again.address == running.address
        assert await select_one(again.address) == 1
    assert not alive(again)
    assert not Path(running.folder).parent.exists()


def test_a_temporary_server_ends_with_a_killed_test_run() -> None:
    program = (
        "import sys\n"
        "from twofold.ops.services import temporary\n"
        "with temporary('postgres') as running:\n"
        "    print(running.pid, running.folder, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as test_run:
        assert test_run.stdout is not None
        pid, folder = test_run.stdout.readline().split()
        assert start_time(int(pid))
        test_run.kill()
    assert until(lambda: not start_time(int(pid)), 20.0)
    assert until(lambda: not Path(folder).parent.exists(), 20.0)


def processes_naming(folder: Path) -> list[str]:
    commands = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            commands.append(entry.read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return [command for command in commands if str(folder) in command]
