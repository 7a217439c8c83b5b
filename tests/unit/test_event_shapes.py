"""Changes that would make recorded events unreadable are refused, with the way out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.proposals import app
from twofold.wiring.schema import (
    EventShape,
    FieldShape,
    breaking_changes,
    event_shapes,
    read,
    written,
)
from twofold.wiring.wired import wire

TEXT, NUMBER = {"type": "string"}, {"type": "integer"}


def shape(version: int = 1, **fields: tuple[bool, object]) -> dict[str, EventShape]:
    """One event."""
    made = {name: FieldShape(*given) for name, given in fields.items()}
    return {"order.Placed": EventShape(version, made)}


@pytest.mark.parametrize(
    "new",
    [
        shape(a=(True, TEXT)),
        shape(a=(True, TEXT), b=(False, NUMBER)),
        shape(a=(False, TEXT)),
        shape(a=(True, {"anyOf": [TEXT, {"type": "null"}]})),
        shape(version=2, b=(True, NUMBER)),
        {**shape(a=(True, TEXT)), "order.New": EventShape(1, {})},
    ],
)
def test_compatible_changes_pass(new: dict[str, EventShape]) -> None:
    assert breaking_changes(shape(a=(True, TEXT)), new) == []


@pytest.mark.parametrize(
    ("new", "says"),
    [
        (shape(a=(True, TEXT), b=(True, NUMBER)), "order.Placed.b is new and required"),
        (shape(a=(True, NUMBER)), "order.Placed.a has another type"),
        (shape(), "order.Placed.a is gone and its data would be lost"),
        ({}, "order.Placed is gone, but may be recorded"),
        (shape(version=0, a=(True, TEXT)), "went back from version 1 to 0"),
    ],
)
def test_breaking_changes_are_named_with_the_way_out(new: dict[str, EventShape], says: str) -> None:
    (problem,) = breaking_changes(shape(a=(True, TEXT)), new)
    assert says in problem
    assert ": " in problem


def test_shapes_survive_being_written() -> None:
    shapes = event_shapes(wire(app))
    assert read(written(shapes)) == shapes
    assert breaking_changes(shapes, shapes) == []
    assert shapes["proposal.Submitted"].fields["level"].schema == {"enum": ["advanced", "beginner"]}


def test_the_command_refuses_a_breaking_change_between_two_commits(tmp_path: Path) -> None:
    file = tmp_path / "events.json"
    command = [sys.executable, "-m", "twofold.ops.cli", "check", "shop", "--schema", str(file)]

    def check(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *options], capture_output=True, text=True, check=False)

    assert check().returncode == 0
    shapes = read(file.read_bytes())
    assert "order.OrderPlaced" in shapes
    placed = shapes["order.OrderPlaced"]
    former = {
        **shapes,
        "order.OrderPlaced": EventShape(1, {**placed.fields, "old": FieldShape(True, TEXT)}),
    }
    file.write_bytes(written(former))
    for git in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "t"],
    ):
        subprocess.run(["git", *git], cwd=tmp_path, check=True)
    refused = check("--against", "HEAD")
    assert refused.returncode == 1
    assert "order.OrderPlaced.old is gone" in refused.stderr
    assert check("--accept").returncode == 0
    assert check().returncode == 0
    assert check("--against", "nowhere").returncode == 1
