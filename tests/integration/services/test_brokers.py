"""Brokers and stores of other kinds than PostgreSQL: started, killed, started again, ended."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import missing
from twofold.ops.services import ServiceProblem, down, status, up
from twofold.ops.services.fleet import Fleet, named
from twofold.ops.services.processes import alive, until
from twofold.ops.services.service import Running

KINDS = ["redis", "rabbitmq", "kafka", "mongodb"]

Start = Callable[[], Running]


@pytest.fixture(params=KINDS)
def start(request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Starts one kind of server, or takes it up again."""
    (service,) = named([request.param])
    monkeypatch.delenv(service.address_variable, raising=False)

    def started() -> Running:
        try:
            up([service.name], folder)
        except ServiceProblem as exc:
            missing(service.name, exc)
        running = Fleet(folder, {}).running(service.name)
        assert running is not None
        return running

    return started


def processes_of(folder: Path) -> list[str]:
    """Command lines of processes that name ``folder``."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in line and int(process.name) != os.getpid():
            found.append(line.replace(b"\0", b" ").decode(errors="replace")[:100])
    return found


def test_a_killed_server_comes_back_at_its_address_and_ends_without_a_trace(
    start: Start, folder: Path
) -> None:
    first = start()
    assert status([first.name], folder)[first.name].state == "up"
    assert start() == first
    os.kill(first.pid, signal.SIGKILL)
    assert until(lambda: not alive(first), 10.0)
    assert status([first.name], folder)[first.name].state == "dead"
    second = start()
    assert second.address == first.address
    assert second.pid != first.pid
    assert down([first.name], folder) == [first.name]
    assert not alive(second)
    assert until(lambda: processes_of(folder) == [], 10.0), processes_of(folder)


@pytest.mark.parametrize("start", ["redis"], indirect=True)
def test_redis_keeps_what_it_has_acknowledged_when_killed(start: Start) -> None:
    running = start()
    assert told(running, b"XADD s 1-1 event accepted\r\n").startswith(b"$3")
    assert told(running, b"CONFIG GET appendonly\r\n").endswith(b"yes\r\n")
    os.kill(running.pid, signal.SIGKILL)
    assert until(lambda: not alive(running), 10.0)
    assert told(start(), b"XLEN s\r\n") == b":1\r\n"


def test_a_program_that_is_not_there_is_named_with_the_way_to_get_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(ServiceProblem, match=r"apt-get install redis-server.*TWOFOLD_TEST_REDIS"):
        up(["redis"], folder)
    with pytest.raises(ServiceProblem, match="apt-get install default-jre-headless"):
        up(["kafka"], folder)


def told(running: Running, command: bytes) -> bytes:
    """The server's answer."""
    with socket.create_connection(("127.0.0.1", running.port), 5.0) as connection:
        connection.sendall(command)
        return connection.recv(1024)
