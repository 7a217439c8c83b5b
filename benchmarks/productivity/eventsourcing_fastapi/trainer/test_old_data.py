"""Events recorded before `trainer` was there are read as they were meant."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from api import app, in_step
from proposals import Proposals

REVIEWER = {"X-Caller": "rita", "X-Roles": "reviewer"}
OLD = {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": "old_events.db"}


@pytest.fixture
def client() -> Iterator[TestClient]:
    old = Proposals(OLD)
    with TestClient(app) as client:
        stored = old.recorder.select_notifications(start=1, limit=100)
        app.state.runner.app.recorder.insert_events(stored)
        in_step(app.state.runner)
        yield client
    old.close()


def test_old_events_fill_the_portfolio(client: TestClient) -> None:
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
