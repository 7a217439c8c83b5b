"""A provider as the standard variables describe it: resource, sampler, batches, exporters."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from twofold.errors import Problem, SettingsProblems

_GROUP = "opentelemetry_traces_exporter"
_PROTOCOLS = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}
_PACKAGES = {
    "otlp_proto_http": "'twofold[telemetry]'",
    "otlp_proto_grpc": "opentelemetry-exporter-otlp-proto-grpc",
}


def install_provider(application: str, role: str, environment: Mapping[str, str]) -> None:
    """Make the process's provider, unless it has one. Raises SettingsProblems.

    ``OTEL_SERVICE_NAME``, ``OTEL_RESOURCE_ATTRIBUTES``, ``OTEL_TRACES_SAMPLER``, ``OTEL_BSP_*``,
    ``OTEL_SPAN_*_LIMIT`` and ``OTEL_EXPORTER_*`` are read by OpenTelemetry itself. What is not sent
    yet is sent when the process ends.
    """
    if not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return
    exporters = [_exporter(name) for name in _names(environment)]
    told = {"twofold.role": role}
    if not environment.get("OTEL_SERVICE_NAME"):
        told["service.name"] = application
    provider = TracerProvider(resource=Resource.create(told))
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter()))
    trace.set_tracer_provider(provider)


def _names(environment: Mapping[str, str]) -> list[str]:
    """The exporters' names as their packages register them."""
    given = environment.get("OTEL_TRACES_EXPORTER") or "otlp"
    names = [name.strip() for name in given.split(",") if name.strip()]
    protocol = (
        environment.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
        or environment.get("OTEL_EXPORTER_OTLP_PROTOCOL")
        or "http/protobuf"
    )
    return [_PROTOCOLS.get(protocol, protocol) if name == "otlp" else name for name in names]


def _exporter(name: str) -> Any:
    """The exporter's class."""
    for entry in entry_points(group=_GROUP, name=name):
        return entry.load()
    known = ", ".join(sorted(entry.name for entry in entry_points(group=_GROUP)))
    hint = f"pip install {_PACKAGES[name]}" if name in _PACKAGES else f"there are {known}"
    why = f"no exporter {name} is installed; {hint}"
    raise SettingsProblems([Problem("OTEL_TRACES_EXPORTER", why)])
