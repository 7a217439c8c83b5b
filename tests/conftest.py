"""Real servers for tests, or a loud word that there is none."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings

from tests.databases import drop_mongodb, give_back_postgres, new_mongodb, new_postgres
from twofold.errors import TwofoldError
from twofold.ops.services.service import Running
from twofold.ops.services.temporary import provided, temporary

# A busy machine stalls for longer than an example may take; that is no mistake.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

_NOT_TESTED = "NOT TESTED AGAINST"
_missing: dict[str, None] = {}


def missing(server: str, problem: TwofoldError) -> NoReturn:
    """Skip what needs ``server``, to be told at the end; in CI it is a failure."""
    if os.environ.get("CI"):
        raise problem
    pytest.skip(f"{_NOT_TESTED} {server}: {problem}")


@contextmanager
def server_to_kill(name: str) -> Iterator[Running]:
    """A server that nobody else uses."""
    with ExitStack() as stack:
        try:
            running = stack.enter_context(temporary(name))
        except TwofoldError as exc:
            missing(name, exc)
        yield running


def _server(name: str, product: str) -> Iterator[str]:
    """The address of a server of this run, or the one in TWOFOLD_TEST_…."""
    given = os.environ.get(f"TWOFOLD_TEST_{name.upper()}")
    if given:
        yield given
        return
    try:
        context = temporary(name)
        running = context.__enter__()
    except TwofoldError as exc:
        missing(product, exc)
    try:
        yield running.address
    finally:
        context.__exit__(None, None, None)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL of this run, or the one in TWOFOLD_TEST_POSTGRES."""
    yield from _server("postgres", "PostgreSQL")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The address of a Redis of this run, or the one in TWOFOLD_TEST_REDIS."""
    yield from _server("redis", "Redis")


@pytest.fixture(scope="session")
def rabbitmq_server() -> Iterator[str]:
    """The address of a RabbitMQ of this run, or the one in TWOFOLD_TEST_RABBITMQ."""
    yield from _server("rabbitmq", "RabbitMQ")


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[str]:
    """The address of a Kafka of this run, or the one in TWOFOLD_TEST_KAFKA."""
    yield from _server("kafka", "Kafka")


@pytest.fixture
async def postgres(postgres_server: str) -> AsyncIterator[str]:
    """The address of an empty database."""
    address = await new_postgres(postgres_server)
    yield address
    give_back_postgres(postgres_server, address)


@pytest.fixture(scope="session")
def mongodb_server() -> Iterator[str]:
    """The address of a MongoDB-protocol server of this run, or the one in TWOFOLD_TEST_MONGODB."""
    context = provided("mongodb")
    try:
        address = context.__enter__()
    except TwofoldError as exc:
        missing("MongoDB", exc)
    try:
        yield address
    finally:
        context.__exit__(None, None, None)


@pytest.fixture
async def mongodb(mongodb_server: str) -> AsyncIterator[str]:
    """The address of a fresh database, dropped afterwards."""
    address = new_mongodb(mongodb_server)
    yield address
    await drop_mongodb(address)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note what a process that runs tests could not start."""
    if report.skipped and _NOT_TESTED in report.longreprtext:
        _missing[report.longreprtext[report.longreprtext.index(_NOT_TESTED) :]] = None


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A missing server is one loud line at the end, never a silent skip."""
    for line in _missing:
        terminalreporter.write_line(line, red=True, bold=True)
