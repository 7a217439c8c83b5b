"""Traces are switched on by OpenTelemetry's own variables, in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from twofold.assembly.tracing import wants_traces

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_SCRIPT = """
import os
from twofold.assembly.tracing import export_traces, tracing_of_process
exports = export_traces("shop", "api", os.environ)
tracing = tracing_of_process()
with tracing.span("command", "internal", {}):
    pass
print(tracing.on, exports)
"""


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({_ENDPOINT: "http://127.0.0.1:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318"}, True),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", _ENDPOINT: "http://127.0.0.1:4318"}, False),
        ({"OTEL_SDK_DISABLED": "TRUE", _ENDPOINT: "http://127.0.0.1:4318"}, False),
        ({"OTEL_SERVICE_NAME": "shop"}, False),
    ],
)
def test_an_exporter_or_an_endpoint_switches_traces_on(
    environment: dict[str, str], wanted: bool
) -> None:
    assert wants_traces(environment) is wanted


def _run(**variables: str) -> subprocess.CompletedProcess[str]:
    """Providers are set once for a process."""
    others = {name: v for name, v in os.environ.items() if not name.startswith("OTEL_")}
    command = [sys.executable, "-c", _SCRIPT]
    return subprocess.run(
        command, env=others | variables, capture_output=True, text=True, check=False, timeout=120
    )


def test_without_the_variables_nothing_is_traced() -> None:
    done = _run()
    assert done.stdout == "False False\n", done.stderr


def test_spans_go_where_the_variables_say_under_the_applications_name() -> None:
    done = _run(OTEL_TRACES_EXPORTER="console", OTEL_RESOURCE_ATTRIBUTES="team=sales")
    assert done.returncode == 0, done.stderr
    told = done.stdout.replace("True True\n", "")
    resource = json.loads(told)["resource"]["attributes"]
    assert (resource["service.name"], resource["twofold.role"]) == ("shop", "api")
    assert resource["team"] == "sales"


def test_a_service_name_that_is_set_wins() -> None:
    done = _run(OTEL_TRACES_EXPORTER="console", OTEL_SERVICE_NAME="web-shop")
    told = done.stdout.replace("True True\n", "")
    assert json.loads(told)["resource"]["attributes"]["service.name"] == "web-shop"


def test_an_exporter_that_is_not_installed_is_named() -> None:
    done = _run(OTEL_TRACES_EXPORTER="zipkin")
    assert done.returncode != 0
    assert "no exporter zipkin is installed" in done.stderr


def test_what_to_install_for_another_protocol_is_told() -> None:
    done = _run(OTEL_TRACES_EXPORTER="otlp", OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
    assert done.returncode != 0
    assert "pip install opentelemetry-exporter-otlp-proto-grpc" in done.stderr
