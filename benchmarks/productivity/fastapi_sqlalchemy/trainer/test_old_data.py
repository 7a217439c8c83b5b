"""Rows written before `trainer` was there are read as they were meant."""

from collections.abc import Iterator
from pathlib import Path
from shutil import copy

import pytest
from fastapi.testclient import TestClient

from api import app, engine

REVIEWER = {"X-Caller": "rita", "X-Roles": "reviewer"}
ROWS = Path("proposals.db")
KEPT = Path("old_proposals.db")


@pytest.fixture
def client() -> Iterator[TestClient]:
    if not KEPT.exists():
        ROWS.rename(KEPT)
    copy(KEPT, ROWS)
    with TestClient(app) as client:
        yield client
    engine.dispose()


def test_old_rows_fill_the_portfolio(client: TestClient) -> None:
    items = client.get("/api/proposals").json()["items"]
    assert [(item["title"], item["trainer"]) for item in items] == [
        ("Old times", None),
        ("Older times", None),
    ]


def test_old_proposals_are_decided(client: TestClient) -> None:
    [old] = client.get("/api/proposals", params={"status": "submitted"}).json()["items"]
    accepted = client.post(f"/api/proposals/{old['id']}/accept", headers=REVIEWER)
    assert accepted.status_code == 200
    assert client.get(f"/api/proposals/{old['id']}").json()["status"] == "accepted"


def test_new_proposals_name_their_trainer(client: TestClient) -> None:
    submission = {"title": "New times", "category": "it", "level": "beginner", "trainer": "tom"}
    response = client.post("/api/proposals", json=submission, headers={"X-Caller": "ann"})
    id = response.json()["id"]
    assert client.get(f"/api/proposals/{id}").json()["trainer"] == "tom"
