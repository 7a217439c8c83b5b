"""What tests do in a browser: sign in, look for mistakes, send a command beside the page."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Literal

from playwright.async_api import Browser, Error, Page, Response

_AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
_TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
_WATCH_SHIFTS = """
window.shifted = [];
const shown = (node) => node?.outerHTML ?? node?.parentElement?.outerHTML ?? "";
new PerformanceObserver((list) => {
  const own = list.getEntries().filter((entry) => !entry.hadRecentInput);
  window.shifted.push(...own.map((entry) => ({
    far: entry.value,
    what: entry.sources.map((source) => shown(source.node).slice(0, 200)),
  })));
}).observe({ type: "layout-shift", buffered: true });
"""
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}


class Visitor:
    """A browser tab of somebody. ``complaints`` is what its console said of mistakes."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self._heard(message.type, message.text))

    def _heard(self, kind: str, text: str) -> None:
        # Chromium reports every answer of 400 and above; those are expected here.
        if kind in ("error", "warning") and "Failed to load resource" not in text:
            self.complaints.append(text)

    async def open(self, path: str) -> int:
        """Go to a page; answers its status."""
        try:
            answer = await self.page.goto(f"{self.address}{path}")
        except Error as exc:
            # The page itself went elsewhere in that moment, as after a form; people click again.
            if "ERR_ABORTED" not in str(exc):
                raise
            answer = await self.page.goto(f"{self.address}{path}")
        assert answer is not None
        return answer.status

    async def sign_in(self, account: str) -> None:
        """Choose a demo account."""
        await self.open("/demo")
        await self.page.click(f"button[value={account}]")
        await self.page.wait_for_url(lambda url: "/demo" not in url)

    async def accessibility_problems(self) -> list[str]:
        """What axe finds on the page as it is now."""
        await self.page.evaluate(_AXE)
        found = await self.page.evaluate("axe.run()")
        return [
            f"{one['id']}: {node['html'][:200]} ({node['failureSummary'][:300]})"
            for one in found["violations"]
            for node in one["nodes"]
        ]

    async def too_wide(self) -> bool:
        """Whether the page scrolls sideways."""
        return bool(await self.page.evaluate(_TOO_WIDE))


async def visitor(
    browser: Browser,
    address: str,
    account: str = "",
    *,
    viewport: dict[str, int] | None = None,
    scheme: Literal["light", "dark"] = "light",
    script: bool = True,
    motion: Literal["reduce", "no-preference"] = "no-preference",
) -> Visitor:
    """A tab of a browser of its own, signed in if ``account`` is given."""
    size = viewport or DESK
    context = await browser.new_context(
        viewport={"width": size["width"], "height": size["height"]},
        color_scheme=scheme,
        java_script_enabled=script,
        reduced_motion=motion,
    )
    if script:
        await context.add_init_script(_WATCH_SHIFTS)
    found = Visitor(await context.new_page(), address)
    if account:
        await found.sign_in(account)
    return found


async def loaded(tab: Visitor, path: str) -> tuple[int, float, list[dict[str, Any]]]:
    """Bytes of everything a page loads, its own seconds, and what moved how far."""
    answers: list[Response] = []

    def note(answer: Response) -> None:
        answers.append(answer)

    tab.page.on("response", note)
    await tab.open(path)
    await tab.page.wait_for_function("document.readyState === 'complete'")
    tab.page.remove_listener("response", note)
    # What the page asks for once it is there, to stay fresh, is not what it loads.
    parts = [one for one in answers if one.request.resource_type not in ("fetch", "eventsource")]
    size = sum([len(await one.body()) for one in parts])
    timing = "performance.getEntriesByType('navigation')[0]"
    milliseconds = await tab.page.evaluate(f"{timing}.responseEnd - {timing}.requestStart")
    return size, milliseconds / 1000, await tab.page.evaluate("window.shifted")


def still(shifts: Sequence[dict[str, Any]]) -> bool:
    """Whether what moved is too little to be noticed: a third of what Web Vitals call good.

    A busy machine paints the head of a table before all of its rows have come, and columns that
    find their width then move by some hundredths.
    """
    return sum(one["far"] for one in shifts) < 0.03


class Program:
    """Somebody's program beside the browser."""

    def __init__(self, address: str, account: str) -> None:
        self._address = address
        self._token = ""
        self._token = self.post("/demo/sign-in", {"account": account})["token"]

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Send a command."""
        return self._ask(path, json.dumps(body).encode())

    def get(self, path: str) -> Any:
        """Ask a query."""
        return self._ask(path, None)

    def _ask(self, path: str, body: bytes | None) -> Any:
        headers = {"content-type": "application/json"}
        if self._token:
            headers["authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(f"{self._address}{path}", body, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


def total_in(texts: Sequence[str]) -> int:
    """The number in ``1,234 orders``."""
    return int(re.sub(r"\D", "", texts[0]))


def held(seconds: str) -> dict[str, str]:
    """Settings that hold read models back."""
    if not seconds:
        return {}
    return {"TWOFOLD_PROJECTIONS": "async", "TWOFOLD_HOLD_PROJECTIONS_SECONDS": seconds}
