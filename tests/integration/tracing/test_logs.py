"""Logs say what a line belongs to, and nothing that is nobody else's business."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests import private
from twofold.messages.trace_context import trace_id
from twofold.ops.logs import masked


@pytest.fixture(scope="module")
def lines() -> list[dict[str, Any]]:
    """What a process logs in which everything fails."""
    command = [sys.executable, "-m", "tests.private"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    return [json.loads(line) for line in done.stderr.splitlines()]


@pytest.mark.parametrize(
    "secret",
    [
        private.EMAIL,
        private.NAME,
        private.PASSWORD,
        private.TOKEN,
        private.TOKEN.split(".")[1],
        "Quixotic",
        "jane.doe",
    ],
)
def test_neither_data_nor_secrets_get_into_logs(lines: list[dict[str, Any]], secret: str) -> None:
    assert [line for line in lines if secret in json.dumps(line)] == []


def _events(lines: list[dict[str, Any]]) -> set[str]:
    return {line["event"] for line in lines}


def test_every_failure_is_told_all_the_same(lines: list[dict[str, Any]]) -> None:
    wanted = {"unexpected error", "a command failed", "bearer token refused", "it broke"}
    assert wanted - _events(lines) == set()
    unexpected = next(line for line in lines if line["event"] == "unexpected error")
    assert "in register" in unexpected["exception"]
    assert unexpected["exception"].endswith("ValueError")
    failed = next(line for line in lines if line["event"] == "a command failed")
    assert failed["why"].startswith("ValueError at private.py:")
    assert failed["correlation_id"] == private.REQUEST_ID
    assert failed["trace_id"] == trace_id(private.TRACEPARENT)


def test_lines_name_request_and_trace(lines: list[dict[str, Any]]) -> None:
    unexpected = next(line for line in lines if line["event"] == "unexpected error")
    assert unexpected["request_id"] == private.REQUEST_ID
    assert unexpected["correlation_id"] == private.REQUEST_ID
    assert unexpected["trace_id"] == trace_id(private.TRACEPARENT)


def test_work_for_all_belongs_to_no_request(lines: list[dict[str, Any]]) -> None:
    shared = [line for line in lines if line["event"] == "share of the work changed"]
    assert shared
    assert [line for line in shared if "request_id" in line] == []


def test_lines_of_other_libraries_look_alike(lines: list[dict[str, Any]]) -> None:
    broke = next(line for line in lines if line["event"] == "it broke")
    assert (broke["level"], broke["logger"]) == ("error", "driver")
    assert broke["exception"].endswith("ConnectionError")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("postgresql://app:p%40ss:w@host/db", "postgresql://app:***@host/db"),
        ("kafka://user:secret@a:1,b:2", "kafka://user:***@a:1,b:2"),
        ("sqlite:///a.db at http://host:80/x", "sqlite:///a.db at http://host:80/x"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer ***"),
        ("password=hunter2 for me", "password=*** for me"),
        ("'api_key': 'abc'", "'api_key': '***'"),
        ("a token of 3 words", "a token of 3 words"),
    ],
)
def test_secrets_are_masked_and_other_texts_left(text: str, left: str) -> None:
    assert masked(text) == left
