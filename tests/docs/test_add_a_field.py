"""The how-to about adding a field is followed to the letter, on a copy of the application."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs/how-to/add-a-field.md"
ANCHORS = {
    "apps/training/modules/programs/contracts.py": "    level: Facet[Level]\n",
    "apps/training/modules/catalogue/programs.py": "    level: Facet[Level | None] = None\n",
}
ASKED = """
from tests.apps.training.examples import published_offer, released_program
from training.main import app
from twofold.testing import site

with site(app) as web:
    program_id = released_program(web, language="German")
    published_offer(web, program_id)
    for path in ("training-programs", "training-offers"):
        found = web.get(f"/api/{path}?language=German&facets=language").json
        assert [item["language"] for item in found["items"]] == ["German"], found
        assert found["facets"]["language"] == [{"value": "German", "count": 1}], found
    (mine,) = web.get("/api/proposals?language=German", by="author").json["items"]
    assert mine["language"] == "German"
"""


def test_two_lines_are_enough(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "apps", tmp_path / "apps")
    lines = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert len(lines) == len(ANCHORS)
    for (file, anchor), line in zip(ANCHORS.items(), lines, strict=True):
        source = (tmp_path / file).read_text()
        assert source.count(anchor) == 1
        (tmp_path / file).write_text(source.replace(anchor, anchor + line))
    path = os.pathsep.join(map(str, (tmp_path / "apps", ROOT / "src", ROOT)))
    done = subprocess.run(
        [sys.executable, "-c", ASKED],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
