"""Run inside an implementation's own environment: does it start, and what does it answer?

`python probe.py start api:app` imports the application and goes through its start and stop.
`python probe.py answers api:app [module:headers]` prints, as JSON, what it answers to a fixed
walk through the feature, with ids and times taken out so that two walks can be compared.
"""

import importlib
import json
import re
import sys
from collections.abc import Callable
from typing import Any

from starlette.testclient import TestClient

CONTENT = {"category": "it", "level": "beginner"}
SORTS = ("title", "submittedAt", "author", "decidedAt")
_VARIABLE = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)?")

Headers = Callable[[str, str], dict[str, str]]
Answer = tuple[str, int, str]


def named(spec: str) -> Any:
    """The object that `module:attribute.path` names; `module:factory()` calls the factory."""
    module, _, path = spec.partition(":")
    found: Any = importlib.import_module(module)
    for part in path.removesuffix("()").split("."):
        found = getattr(found, part)
    return found() if path.endswith("()") else found


def caller_headers(caller: str, roles: str) -> dict[str, str]:
    return {"X-Caller": caller, "X-Roles": roles}


def start(asgi: str) -> None:
    with TestClient(named(asgi)):
        pass


def answers(asgi: str, headers: Headers) -> list[Answer]:
    """Walk through every route once and note what came back."""
    with TestClient(named(asgi), raise_server_exceptions=False) as client:
        return [*_commands(client, headers), *_queries(client)]


def _commands(client: TestClient, headers: Headers) -> list[Answer]:
    author, reviewer = headers("ann", "member"), headers("rita", "reviewer")
    found = []
    for decision, who in (("accept", reviewer), ("reject", reviewer), ("withdraw", author)):
        # Titles differ, so that sorting by them leaves nothing to chance.
        content = CONTENT | {"title": f"Learn to {decision}"}
        submitted = client.post("/api/proposals", json=content, headers=author)
        found.append(_noted(f"submit before {decision}", submitted))
        if submitted.is_success:
            url = f"/api/proposals/{submitted.json()['id']}"
            body = {"reason": "Too long"} if decision == "reject" else None
            found.append(_noted(decision, client.post(f"{url}/{decision}", json=body, headers=who)))
            found.append(_noted(f"{decision}: then", client.get(url)))
    return found


def _queries(client: TestClient) -> list[Answer]:
    asked = [{"sortBy": sort} for sort in SORTS] + [{"status": "rejected"}, {"category": "it"}]
    return [_noted(str(query), client.get("/api/proposals", params=query)) for query in asked]


def _noted(label: str, response: Any) -> Answer:
    return label, response.status_code, _VARIABLE.sub("…", response.text)


if __name__ == "__main__":
    sys.path.insert(0, ".")
    what, application, *rest = sys.argv[1:]
    if what == "start":
        start(application)
    else:
        known = named(rest[0]) if rest else caller_headers
        print("ANSWERS " + json.dumps(answers(application, known)))
