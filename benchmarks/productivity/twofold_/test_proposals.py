"""The seven rules of the feature, over HTTP."""

from proposals import app
from twofold.testing import Site, site_fixture

PYTHON = {"title": "Python for all", "category": "it", "level": "beginner"}
web = site_fixture(app)


def submit(web: Site, **changes: str) -> str:
    return f"/api/proposals/{web.post('/api/proposals', PYTHON | changes, by='ann').json['id']}"


def titles(web: Site, query: str) -> tuple[list[str], int]:
    page = web.get(f"/api/proposals?{query}").json
    return [item["title"] for item in page["items"]], page["total"]


def test_what_is_submitted_shows_in_the_portfolio(web: Site) -> None:
    assert web.post("/api/proposals", PYTHON).status == 401
    item = web.get(submit(web)).json | PYTHON | {"author": "ann", "status": "submitted"}
    assert web.get("/api/proposals").json["items"] == [item]


def test_accepting_twice_is_silence(web: Site) -> None:
    url = submit(web)
    assert web.post(f"{url}/accept", by="bob").status == 403
    both = [web.post(f"{url}/accept", by="rita", roles=["reviewer"]).status for _ in range(2)]
    assert (both, web.get(url).json["status"]) == ([200, 200], "accepted")


def test_rejecting_after_accepting_is_a_conflict(web: Site) -> None:
    url = submit(web)
    web.post(f"{url}/accept", by="rita", roles=["reviewer"])
    rejected = web.post(f"{url}/reject", {"reason": "Long"}, by="rita", roles=["reviewer"])
    assert (rejected.status, web.get(url).json["status"]) == (409, "accepted")


def test_only_its_author_withdraws(web: Site) -> None:
    url = submit(web)
    assert [web.post(f"{url}/withdraw", by=by).status for by in ("bob", "ann")] == [403, 200]
    assert web.get(url).json["status"] == "withdrawn"


def test_unknown_ids_and_wrong_input_are_refused(web: Site) -> None:
    assert web.get("/api/proposals/unknown").status == 404
    assert web.post("/api/proposals/unknown/withdraw", by="ann").status == 404
    wrong = web.post("/api/proposals", {"title": "Hi", "level": "expert"}, by="ann").json
    assert [error["field"] for error in wrong["errors"]] == ["category", "level", "title"]


def test_the_portfolio_filters_sorts_and_pages(web: Site) -> None:
    urls = [submit(web, title=title) for title in ("Cobol 1", "Basic 1", "Algol 1", "Dutch 1")]
    web.post(f"{urls[3]}/accept", by="rita", roles=["reviewer"])
    submit(web, level="advanced", category="retro")
    assert titles(web, "level=advanced") == titles(web, "category=retro") == (["Python for all"], 1)
    assert titles(web, "status=submitted&category=it&size=2") == (["Algol 1", "Basic 1"], 3)
    assert titles(web, "status=submitted&category=it&size=2&page=1") == (["Cobol 1"], 3)
    assert titles(web, "sortBy=submittedAt&sortDirection=desc&size=1") == (["Python for all"], 5)


def test_an_undeclared_sort_is_refused(web: Site) -> None:
    refused = web.get("/api/proposals?sortBy=author")
    assert (refused.status, "title, submittedAt" in refused.text) == (400, True)
