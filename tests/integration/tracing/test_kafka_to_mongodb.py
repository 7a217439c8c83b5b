"""A letter's trace from PostgreSQL through Kafka to MongoDB."""

from __future__ import annotations

import asyncio

import pytest

from tests.databases import drop_mongodb, new_mongodb, new_postgres
from tests.integration.brokers.foreign import from_kafka
from tests.integration.tracing.conventions import OneTrace
from tests.integration.tracing.letter import Journey, Stage, sent


@pytest.fixture(scope="module")
def journey(
    postgres_server: str,
    kafka_server: str,
    mongodb_server: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Journey:
    """Decided where it comes in."""

    async def along() -> Journey:
        log = await new_postgres(postgres_server)
        documents = new_mongodb(mongodb_server)
        try:
            stage = Stage(kafka_server, log, documents, "sync", from_kafka)
            return await sent(stage, tmp_path_factory.mktemp("journey"))
        finally:
            await drop_mongodb(documents)

    return asyncio.run(along())


class TestOneTrace(OneTrace):
    log, broker, documents = "postgresql", "kafka", "mongodb"
