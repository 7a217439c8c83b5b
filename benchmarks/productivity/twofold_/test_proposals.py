"""The seven rules of the feature, over HTTP."""

from collections.abc import Iterator

import pytest

from proposals import app
from twofold.testing import Site, site

URL = "/api/proposals"
PYTHON = {"title": "Python for all", "category": "it", "level": "beginner"}


@pytest.fixture
def web() -> Iterator[Site]:
    with site(app) as web:
        yield web


def submit(web: Site, **changes: str) -> str:
    return f"{URL}/{web.post(URL, PYTHON | changes, by='ann').json['id']}"


def decide(web: Site, url: str, decision: str, by: str, *roles: str) -> tuple[int, str]:
    body = {"reason": "Too long"} if decision == "reject" else None
    answer = web.post(f"{url}/{decision}", body, by=by, roles=roles)
    return answer.status, web.get(url).json["status"]


def titles(web: Site, **query: str | int) -> tuple[list[str], int]:
    page = web.get(URL, query).json
    return [item["title"] for item in page["items"]], page["total"]


def test_what_is_submitted_shows_in_the_portfolio(web: Site) -> None:
    assert web.post(URL, PYTHON).status == 401
    item = web.get(submit(web)).json
    assert web.get(URL).json["items"] == [item]
    assert item.items() > (PYTHON | {"author": "ann", "status": "submitted"}).items()


def test_accepting_twice_is_silence(web: Site) -> None:
    url = submit(web)
    assert decide(web, url, "accept", "bob") == (403, "submitted")
    for _ in range(2):
        assert decide(web, url, "accept", "rita", "reviewer") == (200, "accepted")


def test_rejecting_after_accepting_is_a_conflict(web: Site) -> None:
    url = submit(web)
    decide(web, url, "accept", "rita", "reviewer")
    assert decide(web, url, "reject", "rita", "reviewer") == (409, "accepted")


def test_only_its_author_withdraws(web: Site) -> None:
    url = submit(web)
    assert decide(web, url, "withdraw", "bob") == (403, "submitted")
    assert decide(web, url, "withdraw", "ann") == (200, "withdrawn")


def test_unknown_ids_and_wrong_input_are_refused(web: Site) -> None:
    assert web.get(f"{URL}/unknown").status == 404
    assert web.post(f"{URL}/unknown/accept", by="rita", roles=["reviewer"]).status == 404
    wrong = web.post(URL, PYTHON | {"title": "Hi", "level": "expert"}, by="ann")
    assert wrong.status == 422
    assert [error["field"] for error in wrong.json["errors"]] == ["level", "title"]


def test_the_portfolio_filters_sorts_and_pages(web: Site) -> None:
    for title in ("Cobol 101", "Basic 101", "Algol 101"):
        submit(web, title=title, category="retro")
    last = submit(web, title="Dutch 101", category="retro", level="advanced")
    decide(web, last, "accept", "rita", "reviewer")
    submit(web)
    assert titles(web, level="advanced") == (["Dutch 101"], 1)
    assert titles(web, status="accepted") == (["Dutch 101"], 1)
    page: dict[str, str | int] = {"category": "retro", "size": 3}
    assert titles(web, **page, sortBy="title") == (["Algol 101", "Basic 101", "Cobol 101"], 4)
    assert titles(web, **page, sortBy="title", sortDirection="desc", page=1) == (["Algol 101"], 4)
    assert titles(web, **page, sortBy="submittedAt", page=1) == (["Dutch 101"], 4)


def test_an_undeclared_sort_is_refused(web: Site) -> None:
    refused = web.get(URL, {"sortBy": "author"})
    assert refused.status == 400
    assert "title, submittedAt" in refused.text
