"""Failed, committed and pending, rebuilding, parked, timed out: each looks different."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

import pytest
from playwright.async_api import Browser

from tests.browser.surfing import Visitor
from twofold.errors import Refused
from twofold.http.pages.freshness import Freshness, State
from twofold.http.pages.pending import Deed, Pending
from twofold.http.pages.rendering import environment

pytestmark = pytest.mark.asyncio(loop_scope="session")
NOW = datetime(2026, 1, 2, 10, 42, 7, tzinfo=UTC)
STYLE = Path(environment.__code__.co_filename).parent / "static" / "twofold.css"
_LOOK = """(nodes) => nodes.map((node) => {
  const look = getComputedStyle(node);
  const edge = [look.borderLeftColor, look.borderTopColor, look.borderTopStyle];
  return [look.color, look.backgroundColor, ...edge].join();
})"""


def gallery(folder: Path) -> str:
    """A page with every state there is."""
    parts: Any = environment(folder, lambda: NOW).get_template("twofold/parts.html").module
    deed = Deed("order", "1", "Order placed", 9, "ann", NOW)
    late = [Pending(deed, state) for state in get_args(State) if state != "current"]
    shown = [
        *(parts.freshness(Freshness(state, 1, NOW, "10:42:07")) for state in parts.badge_words),
        *(parts.pending_mark(one) for one in late),
        *(parts.pending_notice([one]) for one in late),
        parts.refused(Refused("It can't be done", allowed="something else")),
    ]
    body = "".join(f"<div>{one}</div>" for one in shown)
    head = f"<title>States</title><style>{STYLE.read_text()}</style>"
    return f"<!doctype html><html lang=en>{head}<main><h1>States</h1>{body}</main>"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_state_can_be_read_and_looks_like_no_other(
    browser: Browser, tmp_path: Path, scheme: Literal["light", "dark"]
) -> None:
    context = await browser.new_context(color_scheme=scheme)
    tab = Visitor(await context.new_page(), "")
    await tab.page.set_content(gallery(tmp_path))
    assert await tab.accessibility_problems() == []
    for states in (".freshness > .now", ".badge.pending", ".notice"):
        looks = await tab.page.locator(states).evaluate_all(_LOOK)
        assert len(looks) >= 5
        assert len(set(looks)) == len(looks), states
    await context.close()
