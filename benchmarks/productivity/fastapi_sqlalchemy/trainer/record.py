"""Writes down the rows of today's program, for tomorrow's program to read."""

from fastapi.testclient import TestClient

from api import app

OLD = {"title": "Old times", "category": "it", "level": "beginner"}
OLDER = OLD | {"title": "Older times"}

with TestClient(app) as client:
    client.post("/api/proposals", json=OLD, headers={"X-Caller": "ann"})
    older = client.post("/api/proposals", json=OLDER, headers={"X-Caller": "ann"}).json()["id"]
    reviewer = {"X-Caller": "rita", "X-Roles": "reviewer"}
    client.post(f"/api/proposals/{older}/accept", headers=reviewer)
