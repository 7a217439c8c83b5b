"""Events recorded before `trainer` was there are read as they were meant."""

from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest
from starlette.testclient import TestClient
from trainer.asgi import app, headers

REVIEWER = headers("rita", "reviewer")


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    copytree(".", tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    with TestClient(app()) as client:
        yield client


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
    response = client.post("/api/proposals", json=submission, headers=headers("ann", ""))
    id = response.json()["id"]
    assert client.get(f"/api/proposals/{id}").json()["trainer"] == "tom"
