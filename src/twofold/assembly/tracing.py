"""Whether this process records traces, and where they go.

The standard variables of OpenTelemetry say so: there are no settings of ours.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping

import structlog

from twofold.ports.tracing import NO_TRACING, Tracing

_LOG = structlog.get_logger("twofold.tracing")
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def tracing_of_process() -> Tracing:
    """Traces for the provider that the process has by now; none without a provider.

    Spans of an API without a provider would come to nothing, so they are not even begun.
    """
    if not _is_installed("opentelemetry"):
        return NO_TRACING
    from opentelemetry import trace

    from twofold.adapters.otel.tracing import OpenTelemetryTracing

    provider = trace.get_tracer_provider()
    if isinstance(provider, trace.ProxyTracerProvider | trace.NoOpTracerProvider):
        return NO_TRACING
    tracer = provider.get_tracer("twofold")
    if not _is_installed("opentelemetry", "opentelemetry.sdk"):
        return OpenTelemetryTracing(tracer)
    from twofold.adapters.otel.sampling import taken_share

    return OpenTelemetryTracing(tracer, taken_share(tracer))


def wants_traces(environment: Mapping[str, str]) -> bool:
    """Whether the standard variables ask for traces: an exporter, or an address to send them to."""
    exporters = environment.get("OTEL_TRACES_EXPORTER", "")
    disabled = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if disabled or exporters == "none":
        return False
    return bool(exporters) or any(environment.get(name) for name in _ENDPOINTS)


def export_traces(application: str, role: str, environment: Mapping[str, str]) -> bool:
    """Send this process's traces where ``environment`` says; whether it says so.

    A provider that is there already (auto-instrumentation) is left alone. Raises SettingsProblems
    for an exporter that is not installed.
    """
    if not wants_traces(environment):
        return False
    if not _is_installed("opentelemetry", "opentelemetry.sdk"):
        # The variables are often set for a whole cluster; that is no reason not to start.
        _LOG.warning("traces are not sent; install twofold[telemetry]")
        return False
    from twofold.adapters.otel.exporting import install_provider

    install_provider(application, role, environment)
    return True


def _is_installed(*modules: str) -> bool:
    """Outer packages first: looking for a module fails where its package is missing."""
    return all(importlib.util.find_spec(module) is not None for module in modules)
