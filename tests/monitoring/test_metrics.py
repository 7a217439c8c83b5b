"""Every metric is documented as it is: name, type, labels, help; and named by Prometheus' rules."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from prometheus_client.metrics_core import Metric

PAGE = Path(__file__).parents[2] / "docs/reference/metrics.md"
UNITS = (
    "seconds",
    "events",
    "commands",
    "messages",
    "position",
    "instances",
    "sequences",
    "ratio",
    "rows",
    "answers",
)
# What something is, or how many of it there are, has no unit.
UNITLESS = {
    "twofold_projection_stopped",
    "twofold_worker_stopped",
    "twofold_requests",
    "twofold_commands_accepted",
    "twofold_commands_handled",
    "twofold_role_alive",
    "twofold_canary_overdue",
    "twofold_role_needed",
    "twofold_alert_open",
}


def _row(metric: Metric) -> str:
    name = f"{metric.name}_total" if metric.type == "counter" else metric.name
    labels = {name for one in metric.samples for name in one.labels} - {"le"}
    told = ", ".join(f"`{label}`" for label in sorted(labels)) or "—"
    return f"| `{name}` | {metric.type} | {told} | {metric.documentation} |"


def test_the_reference_tells_every_metric_as_it_is(families: Iterable[Metric]) -> None:
    wanted = [_row(one) for one in sorted(families, key=lambda one: one.name)]
    table = re.findall(r"^\| `twofold_.*$", PAGE.read_text("utf-8"), re.M)
    assert table == wanted, "docs/reference/metrics.md should have:\n" + "\n".join(wanted)


def test_every_metric_has_happened(families: Iterable[Metric]) -> None:
    """Without a sample nothing would be known of its labels."""
    assert [one.name for one in families if not one.samples] == []


def test_names_end_with_their_unit(families: Iterable[Metric]) -> None:
    names = [one.name for one in families if one.name not in UNITLESS]
    assert [name for name in names if not name.endswith(UNITS)] == []


def test_labels_never_hold_ids(families: Iterable[Metric]) -> None:
    """What is bounded by what the application declares does not grow with its data."""
    values = {value for one in families for s in one.samples for value in s.labels.values()}
    assert [value for value in values if re.search(r"[0-9a-f]{8}-[0-9a-f]{4}", value)] == []
