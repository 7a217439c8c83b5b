"""Events recorded before `trainer` was there are read as they were meant."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from protean.integrations.pytest import DomainFixture

from api import app
from proposals import PortfolioItem, domain

REVIEWER = {"X-Caller": "rita", "X-Roles": "reviewer"}


@pytest.fixture
def client() -> Iterator[TestClient]:
    fixture = DomainFixture(domain)
    fixture.setup()
    with fixture.domain_context():
        for message in json.loads(Path("old_events.json").read_text()):
            domain.event_store.store._write(
                message["stream_name"], message["type"], message["data"], message["metadata"]
            )
        domain.rebuild_projection(PortfolioItem)
        yield TestClient(app)
    fixture.teardown()


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
