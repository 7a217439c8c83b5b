"""Alert rules and dashboard ask for what there is, and the rules ring when they should."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics_core import Metric
from typer.testing import CliRunner

from tests.conftest import missing
from twofold.errors import TwofoldError
from twofold.ops.cli import app
from twofold.ops.commands.monitoring import FILES

HERE = Path(__file__).parent
RULES = yaml.safe_load(FILES["alerts.yaml"].read_text("utf-8"))
DASHBOARD = json.loads(FILES["dashboard.json"].read_text("utf-8"))
TRIED = [HERE / "alerts_test.yaml", HERE / "budgets_test.yaml"]
# Added by Prometheus itself.
ADDED = {"job", "instance", "le"}


def _alerts() -> Iterator[dict[str, Any]]:
    for group in RULES["groups"]:
        yield from group["rules"]


def _panel_queries() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"]


QUERIES = [*(alert["expr"] for alert in _alerts()), *_panel_queries()]


def _labels_by_sample(families: Sequence[Metric]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for family in families:
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def _labels_in(query: str) -> set[str]:
    """Those it groups by or selects."""
    grouped = re.findall(r"by \(([^)]*)\)", query)
    names = {name.strip() for group in grouped for name in group.split(",")}
    return (names | set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", query))) - ADDED


@pytest.mark.parametrize("query", QUERIES)
def test_queries_ask_for_metrics_and_labels_that_there_are(
    query: str, families: Sequence[Metric]
) -> None:
    known = _labels_by_sample(families)
    asked = set(re.findall(r"\btwofold_\w+", query))
    assert asked, "it asks for nothing"
    assert asked - known.keys() == set()
    labels = set().union(*(known[name] for name in asked))
    assert _labels_in(query) - labels == set()


def test_the_dashboard_shows_every_metric(families: Sequence[Metric]) -> None:
    """What nobody sees is not worth measuring."""
    shown = " ".join(QUERIES)
    assert [one.name for one in families if one.name not in shown] == []


def test_panels_have_places_of_their_own() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not taken & cells, panel["title"]
        taken |= cells
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))


def test_alerts_say_how_bad_it_is_and_what_to_do() -> None:
    for alert in _alerts():
        assert alert["labels"]["severity"] in ("page", "ticket"), alert["alert"]
        assert {"summary", "description"} <= alert["annotations"].keys(), alert["alert"]


def test_every_alert_is_explained_and_tried() -> None:
    page = (HERE.parents[1] / "docs/how-to/monitoring.md").read_text("utf-8")
    tried = "".join(file.read_text("utf-8") for file in TRIED)
    names = [alert["alert"] for alert in _alerts()]
    assert [name for name in names if f"`{name}`" not in page] == []
    assert [name for name in names if f"alertname: {name}\n" not in tried] == []


def _promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("promtool")
    if program is None:
        missing("promtool", TwofoldError("apt-get install prometheus"))
    command = [program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_prometheus_understands_every_query(tmp_path: Path) -> None:
    records = [
        {"record": f"query:{number}", "expr": _without_variables(query)}
        for number, query in enumerate(_panel_queries())
    ]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": records}]}))
    done = _promtool("check", "rules", file, FILES["alerts.yaml"])
    assert done.returncode == 0, done.stderr


def _without_variables(query: str) -> str:
    return query.replace("$__rate_interval", "1m").replace("$job", ".*")


def test_each_alert_rings_when_it_should_and_not_before(tmp_path: Path) -> None:
    shutil.copy(FILES["alerts.yaml"], tmp_path)
    done = _promtool("test", "rules", *(shutil.copy(file, tmp_path) for file in TRIED))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_command_writes_the_files_and_overwrites_none(tmp_path: Path) -> None:
    folder = tmp_path / "monitoring"
    done = CliRunner().invoke(app, ["monitoring", "--write", str(folder)])
    assert done.exit_code == 0, done.output
    assert {file.name for file in folder.iterdir()} == set(FILES)
    (folder / "alerts.yaml").write_text("ours by now")
    again = CliRunner().invoke(app, ["monitoring", "--write", str(folder)])
    assert again.exit_code == 2
    assert (folder / "alerts.yaml").read_text() == "ours by now"
    forced = CliRunner().invoke(app, ["monitoring", "--write", str(folder), "--force"])
    assert forced.exit_code == 0
    assert (folder / "alerts.yaml").read_text() == FILES["alerts.yaml"].read_text()


def test_the_command_lists_the_alerts() -> None:
    done = CliRunner().invoke(app, ["monitoring", "--json"])
    assert [one["alert"] for one in json.loads(done.output)] == [a["alert"] for a in _alerts()]
