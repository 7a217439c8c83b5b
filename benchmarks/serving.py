"""Twofold's benchmark application for uvicorn; the database comes from BENCHMARK_DATABASE."""

from __future__ import annotations

import os

from benchmarks.workload import system
from twofold.http.asgi import http_app

app = http_app(
    system(
        os.environ.get("BENCHMARK_DATABASE", "sqlite:///benchmark.db"),
        "inline",
        frozenset({"api", "projector"}),
    )
)
