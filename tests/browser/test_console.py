"""The console in a browser: the whole fix loop, and every page readable, narrow, dark, still."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import _started, _stopped
from tests.browser.surfing import PHONE, Program, Visitor, loaded, still, visitor
from tests.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")
APP = "tests.browser.superstition:app"
_LARGEST_BYTES = 100_000
# The page looks every few seconds, on a machine that may be busy.
_PATIENCE_MS = 60_000


class Served:
    """The bookings on one file, to be started again with other code."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: Any = None
        self.address = ""

    def start(self, **settings: str) -> str:
        """Start it anew; answers its address."""
        self.stop()
        self._process, self.address = _started(APP, self._folder, settings)
        return self.address

    def stop(self) -> None:
        """Let it drain."""
        if self._process is not None:
            _stopped(self._process)
            self._process = None


@pytest.fixture
def bookings(tmp_path: Path) -> Iterator[Served]:
    """Bookings of a test's own."""
    found = Served(tmp_path)
    yield found
    found.stop()


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def troubled(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Bookings in which an offer's sign is parked, for tests that only look."""
    found = Served(tmp_path_factory.mktemp("troubled"))
    address = found.start()
    book(address)
    await asked(address)
    yield address
    found.stop()


def book(address: str) -> None:
    """An offer of thirteen places, another, and a booking of each."""
    program = Program(address, "customer")
    for offer, places in (("o", 13), ("p", 2)):
        program.post("/offers", {"offerId": offer, "places": places})
        program.post("/bookings", {"bookingId": f"b-{offer}", "offerId": offer})


async def asked(address: str) -> None:
    """The signs are looked at, and that is written down."""
    for _ in range(20):
        Program(address, "customer").get("/signs/p")
    program = Program(address, "operator")
    await until(lambda: program.get("/freshness?query=sign.one")["items"][0]["answers"] == 20, 120)


async def given_up(address: str) -> None:
    """What is parked is not tried by itself any more."""
    program = Program(address, "operator")
    await until(lambda: program.get("/parked?state=parked")["total"] == 1, 120)


async def operator(
    browser: Browser, address: str, account: str = "operator", **how: Any
) -> Visitor:
    """Somebody signed in to the console."""
    tab = await visitor(browser, address, **how)
    await tab.open("/console/sign-in")
    await tab.page.click(f"button[value={account}]")
    await tab.page.wait_for_url("**/console")
    return tab


async def find_parked(page: Page) -> None:
    """From the overview to the sequence that waits."""
    await page.get_by_role("link", name="Look at it").first.click()
    await page.get_by_role("link", name="document:o").click()
    await expect(page.locator("h1")).to_contain_text("document:o")


async def test_the_whole_fix_loop(browser: Browser, bookings: Served) -> None:
    book(bookings.start())
    await given_up(bookings.address)
    tab = await operator(browser, bookings.address)
    await expect(tab.page.locator(".troubles")).to_contain_text("sign: 1 sequence waits")
    await find_parked(tab.page)
    await expect(tab.page.locator("main")).to_contain_text("13 places can't be put on a sign")
    await tab.page.get_by_text("Traceback", exact=True).click()
    await expect(tab.page.locator("pre").first).to_contain_text("in painted")
    await tab.page.get_by_role("button", name="Dry run").click()
    await expect(tab.page.locator("#rehearsed")).to_be_visible()
    await expect(tab.page.locator("main")).to_contain_text("It would wait again")

    address = bookings.start(TWOFOLD_TEST_MENDED="1")
    tab = await operator(browser, address)
    page = tab.page
    await find_parked(page)
    await page.get_by_role("button", name="Dry run").click()
    row = page.locator(".difference tr", has_text="text")
    await expect(row).to_contain_text("nothing")
    await expect(row).to_contain_text("13 places")
    late = await operator(browser, address, "operator2")
    await find_parked(late.page)
    await page.get_by_role("button", name=re.compile("Release: apply 2 events")).click()
    await expect(page.locator(".notice.good")).to_contain_text("2 applied, 0 left out")
    await page.get_by_role("link", name="See the row").click()
    await expect(page.locator("main")).to_contain_text("The row is explained")
    assert Program(address, "customer").get("/signs/o")["free"] == 12

    await late.page.get_by_role("button", name="Dry run").click()
    await expect(late.page.locator("#toasts")).to_contain_text("Somebody was faster")
    await expect(late.page.locator("#toasts")).to_contain_text("operator did it")
    await page.get_by_role("link", name="Audit").click()
    await expect(page.locator("tbody tr").first).to_contain_text("release parked")
    await page.get_by_role("link", name="Overview").click()
    await expect(page.locator("main")).to_contain_text("Nothing is wrong")
    assert tab.complaints + late.complaints == []


async def test_the_overview_follows_what_happens(browser: Browser, bookings: Served) -> None:
    address = bookings.start()
    tab = await operator(browser, address)
    await expect(tab.page.locator("main")).to_contain_text("Nothing is wrong")
    row = tab.page.get_by_role("link", name="sign", exact=True)
    await row.focus()
    book(address)
    trouble = tab.page.locator(".troubles")
    await expect(trouble).to_contain_text("sign: 1 sequence waits", timeout=_PATIENCE_MS)
    await expect(tab.page.locator("tbody tr").first).to_contain_text("sign")
    await expect(row).to_be_focused()
    assert tab.complaints == []


async def test_the_loop_goes_without_scripts(browser: Browser, bookings: Served) -> None:
    book(bookings.start())
    await given_up(bookings.address)
    address = bookings.start(TWOFOLD_TEST_MENDED="1")
    tab = await operator(browser, address, script=False)
    await find_parked(tab.page)
    await tab.page.get_by_role("button", name="Dry run").click()
    await tab.page.get_by_role("button", name=re.compile("Release")).click()
    await expect(tab.page.locator(".notice.good")).to_contain_text("2 applied")


@pytest.mark.parametrize("script", [True, False])
async def test_all_that_waits_is_released_by_keyboard(
    browser: Browser, bookings: Served, script: bool
) -> None:
    book(bookings.start())
    await given_up(bookings.address)
    address = bookings.start(TWOFOLD_TEST_MENDED="1")
    tab = await operator(browser, address, script=script)
    await tab.open("/console/parked?projection=sign")
    await tab.page.get_by_role("link", name="Release all 1…").press("Enter")
    await expect(tab.page.locator("main")).to_contain_text("all of them would be released")
    await tab.page.get_by_role("button", name="Release 1 sequence").press("Enter")
    await tab.page.wait_for_url("**/parked?projection=sign")
    for _ in range(0 if script else 20):
        if await tab.page.get_by_text("1 released").count():
            break
        await tab.page.reload()
    told = tab.page.locator("main")
    await expect(told).to_contain_text("1 released, 0 wait again", timeout=_PATIENCE_MS)
    await expect(told).to_contain_text("Nothing like this waits")
    assert Program(address, "customer").get("/signs/o")["free"] == 12


PAGES = (
    "/console",
    "/console?projection=sign",
    "/console/freshness",
    "/console/freshness?query=sign.one",
    "/console/sign-in",
    "/console/parked",
    "/console/parked?projection=sign",
    "/console/parked?state=discarded",
    "/console/parked/ask?projection=sign",
    "/console/parked/sequence?projection=sign&sequence=document%3Ao",
    "/console/versions",
    "/console/versions/ask?action=rebuild&projection=sign",
    "/console/documents",
    "/console/documents?projection=offer_row",
    "/console/documents?projection=offer_row&key=p",
    "/console/documents?projection=sign&key=o",
    "/console/causes",
    "/console/causes?event=2",
    "/console/processes",
    "/console/processes?process=holding",
    "/console/processes/instance?process=holding&key=b-p",
    "/console/messages",
    "/console/audit",
    "/console/nowhere",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing(
    browser: Browser, troubled: str, scheme: Literal["light", "dark"]
) -> None:
    tab = await operator(browser, troubled, scheme=scheme)
    found = {}
    for path in PAGES:
        await tab.open(path)
        await tab.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        found[path] = await tab.accessibility_problems()
    assert {path: problems for path, problems in found.items() if problems} == {}
    assert tab.complaints == []


async def test_nothing_scrolls_sideways_on_a_phone(browser: Browser, troubled: str) -> None:
    tab = await operator(browser, troubled, viewport=PHONE)
    wide = []
    for path in PAGES:
        await tab.open(path)
        await tab.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        if await tab.too_wide():
            wide.append(path)
    assert wide == []


_CUT_OFF = """
[...document.querySelectorAll(".card.flush, .card:has(> .tree)")]
  .filter((card) => card.scrollWidth > card.clientWidth + 1)
  .filter((card) => getComputedStyle(card).overflowX !== "auto")
  .map((card) => card.textContent.trim().slice(0, 60))
"""
_SQUEEZED = "[...document.querySelectorAll('.tree li')].filter((li) => li.clientWidth < 200).length"


async def test_nothing_is_cut_off_or_squeezed_at_any_width(browser: Browser, troubled: str) -> None:
    tab = await operator(browser, troubled)
    found = []
    for path in PAGES:
        await tab.open(path)
        for width in (390, 641, 768, 1024):
            await tab.page.set_viewport_size({"width": width, "height": 800})
            for card in await tab.page.evaluate(_CUT_OFF):
                found.append((path, width, card))
            if await tab.page.evaluate(_SQUEEZED) or await tab.too_wide():
                found.append((path, width, "too narrow or too wide"))
    assert found == []


async def test_a_page_that_is_not_brought_up_to_date_says_so_until_it_is(
    browser: Browser, troubled: str
) -> None:
    tab = await operator(browser, troubled)
    await tab.open("/console/versions")
    address = re.compile("/console/versions$")
    await tab.page.route(address, lambda route: route.fulfill(status=503))
    told = tab.page.locator("#toasts")
    await expect(told).to_contain_text("This page is as it was at", timeout=_PATIENCE_MS)
    await expect(told).to_contain_text("the server answered 503")
    await expect(told.locator(".toast")).to_have_count(1)
    await tab.page.unroute(address)
    await expect(told).to_be_empty(timeout=_PATIENCE_MS)


async def test_pages_are_small_and_still(browser: Browser, troubled: str) -> None:
    tab = await operator(browser, troubled)
    for path in PAGES:
        size, _, shifts = await loaded(tab, path)
        assert 1_000 < size < _LARGEST_BYTES, path
        assert still(shifts), (path, shifts)


async def test_the_policy_allows_nothing_from_elsewhere_and_nothing_inline(
    browser: Browser, troubled: str
) -> None:
    tab = await operator(browser, troubled)
    for path in PAGES:
        answer = await tab.page.goto(f"{troubled}{path}")
        assert answer is not None
        policy = (await answer.all_headers())["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert not re.search(r"<script(?![^>]*src=)|\sstyle=|\son\w+=", await answer.text()), path


async def test_rows_are_walked_and_opened_by_keyboard(browser: Browser, troubled: str) -> None:
    tab = await operator(browser, troubled)
    await tab.open("/console/documents?projection=offer_row")
    await tab.page.keyboard.press("j")
    await tab.page.keyboard.press("j")
    focused = tab.page.locator(":focus")
    await expect(focused).to_have_text("p")
    outline = await focused.evaluate("(node) => getComputedStyle(node).outlineStyle")
    assert outline != "none"
    await tab.page.keyboard.press("Enter")
    await expect(tab.page.locator("h1")).to_contain_text("p of offer_row")


async def test_what_is_for_operators_says_so(browser: Browser, troubled: str) -> None:
    tab = await visitor(browser, troubled)
    assert await tab.open("/console/parked") == 401
    await tab.page.get_by_role("link", name="Sign in").last.click()
    await tab.page.click("button[value=operator]")
    await expect(tab.page).to_have_url(re.compile("/console/parked$"))
