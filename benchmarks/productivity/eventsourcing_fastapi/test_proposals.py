"""The seven rules of the feature, over HTTP."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api import app

ANN = {"X-Caller": "ann"}
BOB = {"X-Caller": "bob"}
REVIEWER = {"X-Caller": "rita", "X-Roles": "reviewer"}
PYTHON = {"title": "Python for all", "category": "it", "level": "beginner"}


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client


def submit(client: TestClient, **changes: str) -> str:
    response = client.post("/api/proposals", json=PYTHON | changes, headers=ANN)
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


def decide(client: TestClient, id: str, decision: str, who: dict[str, str]) -> int:
    body = {"reason": "Too long"} if decision == "reject" else None
    return client.post(f"/api/proposals/{id}/{decision}", json=body, headers=who).status_code


def status(client: TestClient, id: str) -> Any:
    return client.get(f"/api/proposals/{id}").json()["status"]


def test_what_is_submitted_shows_in_the_portfolio(client: TestClient) -> None:
    assert client.post("/api/proposals", json=PYTHON).status_code == 401
    id = submit(client)
    [item] = client.get("/api/proposals").json()["items"]
    assert item.pop("submittedAt")
    assert item == PYTHON | {"id": id, "author": "ann", "status": "submitted"}


def test_accepting_twice_is_silence(client: TestClient) -> None:
    id = submit(client)
    assert decide(client, id, "accept", BOB) == 403
    assert [decide(client, id, "accept", REVIEWER) for _ in range(2)] == [200, 200]
    assert status(client, id) == "accepted"


def test_rejecting_after_accepting_is_a_conflict(client: TestClient) -> None:
    id = submit(client)
    decide(client, id, "accept", REVIEWER)
    assert decide(client, id, "reject", REVIEWER) == 409
    assert status(client, id) == "accepted"


def test_only_its_author_withdraws(client: TestClient) -> None:
    id = submit(client)
    assert decide(client, id, "withdraw", BOB) == 403
    assert decide(client, id, "withdraw", ANN) == 200
    assert status(client, id) == "withdrawn"


def test_unknown_ids_and_wrong_input_are_refused(client: TestClient) -> None:
    unknown = "00000000-0000-0000-0000-000000000000"
    assert client.get(f"/api/proposals/{unknown}").status_code == 404
    assert decide(client, unknown, "accept", REVIEWER) == 404
    wrong = PYTHON | {"title": "Hi", "level": "expert"}
    response = client.post("/api/proposals", json=wrong, headers=ANN)
    assert response.status_code == 422
    assert "title" in response.text
    assert "level" in response.text


def test_the_portfolio_filters_sorts_and_pages(client: TestClient) -> None:
    for title in ("Cobol 101", "Basic 101", "Algol 101"):
        submit(client, title=title, category="retro")
    accepted = submit(client, title="Dutch 101", category="retro", level="advanced")
    decide(client, accepted, "accept", REVIEWER)
    submit(client)

    def titles(**query: str | int) -> tuple[list[str], int]:
        page = client.get("/api/proposals", params=query).json()
        return [item["title"] for item in page["items"]], page["total"]

    assert titles(level="advanced") == (["Dutch 101"], 1)
    assert titles(status="accepted") == (["Dutch 101"], 1)
    page: dict[str, str | int] = {"category": "retro", "size": 3}
    assert titles(**page, sortBy="title") == (["Algol 101", "Basic 101", "Cobol 101"], 4)
    assert titles(**page, sortBy="title", sortDirection="desc", page=1) == (["Algol 101"], 4)
    assert titles(**page, sortBy="submittedAt", page=1) == (["Dutch 101"], 4)


def test_an_undeclared_sort_is_refused(client: TestClient) -> None:
    response = client.get("/api/proposals", params={"sortBy": "author"})
    assert response.status_code == 400
    assert "title" in response.text
    assert "submittedAt" in response.text
