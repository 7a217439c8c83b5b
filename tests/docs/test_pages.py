"""The how-to about pages runs as written."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.docs.how_to import DOCS, module_of
from tests.http.conftest import served
from twofold import Account, Application

GUIDE = "how-to/pages.md"
FORM = "application/x-www-form-urlencoded"


async def test_the_how_to_runs_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    books = module_of("tutorial/README.md", "books", monkeypatch)
    shelf = module_of(GUIDE, "shelf", monkeypatch)
    shelf.__file__ = str(tmp_path / "shelf.py")
    (tmp_path / "templates").mkdir()
    text = (DOCS / GUIDE).read_text("utf-8")
    for name, template in re.findall(r"`(\w+\.html)`:\n\n```jinja\n(.*?)```", text, re.S):
        (tmp_path / "templates" / name).write_text(template)
    ann = Account(account="ann", name="Ann", roles=())
    app = Application("books", *books.app.modules, accounts=(ann,), pages=shelf.pages)
    async with served(app) as client:
        empty = await client.get("/shelf")
        assert "There are no books yet." in empty.text
        wrong = await client.send("POST", "/shelf/new", b"author=Le+Guin", "ann", content_type=FORM)
        assert (wrong.status_code, "Title: " in wrong.text) == (422, True)
        about = urlencode({"title": "The Dispossessed", "author": "Le Guin"}).encode()
        added = await client.send("POST", "/shelf/new", about, "ann", content_type=FORM)
        assert added.status_code == 303
        page = added.headers["location"]
        assert "I read it" in (await client.get(page, "ann")).text
        done = await client.send("POST", f"{page}/finish", b"", "ann", content_type=FORM)
        assert done.headers["location"] == page
        assert "it was read before" in (await client.get(page, "ann")).text
        assert "The <mark>Dispossessed</mark>" in (await client.get("/shelf?q=dispossessed")).text
