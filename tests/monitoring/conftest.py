"""One scrape for all tests here."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.scraped import scraped


@pytest.fixture(scope="package")
def families() -> Sequence[Metric]:
    """What a busy system answers at /metrics."""
    found = text_string_to_metric_families(asyncio.run(scraped()))
    # When a series began is told by the client library of its own accord.
    return [one for one in found if not one.name.endswith("_created")]
