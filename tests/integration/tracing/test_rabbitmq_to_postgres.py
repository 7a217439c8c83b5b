"""A letter's trace from PostgreSQL through RabbitMQ to another PostgreSQL, decided later."""

from __future__ import annotations

import asyncio

import pytest

from tests.databases import new_postgres
from tests.integration.brokers.foreign import from_rabbitmq
from tests.integration.tracing.conventions import OneTrace
from tests.integration.tracing.letter import Journey, Stage, sent


@pytest.fixture(scope="module")
def journey(
    postgres_server: str, rabbitmq_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Journey:
    """Accepted by one process, decided by another."""

    async def along() -> Journey:
        log, documents = [await new_postgres(postgres_server) for _ in range(2)]
        stage = Stage(rabbitmq_server, log, documents, "async", from_rabbitmq)
        return await sent(stage, tmp_path_factory.mktemp("journey"))

    return asyncio.run(along())


class TestOneTrace(OneTrace):
    log, broker, documents = "postgresql", "rabbitmq", "postgresql"
