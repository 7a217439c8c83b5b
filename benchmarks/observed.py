"""The same commands unobserved, measured only, and traced: processor time of each."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from benchmarks.workload import STREAMS, Move, OrderId, on_fast_loop, system
from twofold import Sent, System
from twofold.adapters.otel.sampling import taken_share
from twofold.adapters.otel.tracing import OpenTelemetryTracing
from twofold.ports.tracing import NO_TRACING, Tracing
from twofold.runtime.command_bus import CommandBus

COMMANDS, CLIENTS, ROUNDS = 1_000, 200, 60
_WARM = 5
_API = frozenset({"api"})


class Nowhere(SpanExporter):
    """Takes spans and forgets them: what a collector costs is the collector's business."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS


def added_by_observation() -> Mapping[str, float]:
    """Seconds of processor time for one command, by the way it is observed.

    The ways take turns often, so that whatever else runs slows all of them alike.
    """
    providers = [_provider(0.01), _provider(1.0)]
    one_percent, all_of_them = [provider.get_tracer("benchmark") for provider in providers]
    ways: dict[str, tuple[Tracing, bool]] = {
        "unobserved": (NO_TRACING, False),
        "off": (NO_TRACING, True),
        "1 %": (OpenTelemetryTracing(one_percent, taken_share(one_percent)), True),
        "100 %": (OpenTelemetryTracing(all_of_them, taken_share(all_of_them)), True),
    }
    found: dict[str, float] = on_fast_loop(lambda: _measured(ways))
    for provider in providers:
        provider.shutdown()
    return found


def _provider(share: float) -> TracerProvider:
    provider = TracerProvider(ParentBased(TraceIdRatioBased(share)), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(Nowhere()))
    return provider


async def _measured(ways: Mapping[str, tuple[Tracing, bool]]) -> Mapping[str, float]:
    """The median of the rounds, each way with a log of its own."""
    times: dict[str, list[float]] = {way: [] for way in ways}
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        systems = {
            way: await stack.enter_async_context(
                system(f"sqlite:///{folder / way}.db", "async", _API, tracing=tracing)
            )
            for way, (tracing, _) in ways.items()
        }
        for number in range(ROUNDS + _WARM):
            for way, (_, observed) in ways.items():
                begun = time.process_time()
                await _send(systems[way], COMMANDS, observed)
                if number >= _WARM:
                    times[way].append((time.process_time() - begun) / COMMANDS)
    return {way: median(each) for way, each in times.items()}


async def _send(running: System, commands: int, observed: bool) -> None:
    bus = running.commands

    async def client(number: int) -> None:
        for step in range(commands // CLIENTS):
            target = OrderId(f"o-{(number * 7_919 + step * 104_729) % STREAMS:05}")
            command = Move(order_id=target, amount=step)
            if observed:
                await bus.handle(command, Sent())
            else:
                # The bus as it would be if nobody looked.
                await CommandBus.handle(bus, command, Sent())

    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
