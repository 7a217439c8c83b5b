"""Every page of the shop: accessible, light and dark, narrow and wide, small, still."""

from __future__ import annotations

import csv
import io
import re
from decimal import Decimal
from statistics import median
from typing import Literal

import pytest
from playwright.async_api import Browser, expect

from tests.browser.surfing import PHONE, Program, loaded, still, visitor

pytestmark = pytest.mark.asyncio(loop_scope="session")
_LARGEST_BYTES = 100_000
_SLOWEST_SECONDS = 0.1
PAGES = (
    "/orders",
    "/orders?q=nothingofthesort",
    "/orders/{order}",
    "/place",
    "/products",
    "/products/KI-1001",
    "/customers/c-1",
    "/revenue",
    "/revenue?month={month}",
    "/revenue?from=1999-01-01&to=1999-01-02",
    "/orders/nothing",
    "/demo",
)


def paths(shop: str) -> list[str]:
    """The addresses of all pages."""
    program = Program(shop, "service")
    order = program.get("/api/v1/orders?status=processing&size=1")["items"][0]
    values = {"order": order["orderId"], "month": order["placedAt"][:7]}
    return [path.format(**values) for path in PAGES]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing(
    browser: Browser, shop: str, scheme: Literal["light", "dark"]
) -> None:
    tab = await visitor(browser, shop, "service", scheme=scheme)
    found = {}
    for path in paths(shop):
        await tab.open(path)
        await tab.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        found[path] = await tab.accessibility_problems()
    assert {path: problems for path, problems in found.items() if problems} == {}
    assert tab.complaints == []


async def test_dark_is_dark(browser: Browser, shop: str) -> None:
    colours = {}
    for scheme in ("light", "dark"):
        tab = await visitor(browser, shop, scheme=scheme)  # type: ignore[arg-type]
        await tab.open("/products")
        script = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
        colours[scheme] = sum(await tab.page.evaluate(script))
    assert colours["dark"] < 150 < 600 < colours["light"]


async def test_nothing_scrolls_sideways_on_a_phone(browser: Browser, shop: str) -> None:
    tab = await visitor(browser, shop, "service", viewport=PHONE)
    wide = []
    for path in paths(shop):
        await tab.open(path)
        if await tab.too_wide():
            wide.append(path)
    assert wide == []


async def test_pages_are_small_and_still(browser: Browser, shop: str) -> None:
    tab = await visitor(browser, shop, "service")
    for path in paths(shop):
        size, _, shifts = await loaded(tab, path)
        assert 1_000 < size < _LARGEST_BYTES, path
        assert still(shifts), (path, shifts)


async def test_pages_are_fast(browser: Browser, shop: str) -> None:
    tab = await visitor(browser, shop, "service")
    times = [(await loaded(tab, path))[1] for path in paths(shop) for _ in range(2)]
    assert median(times) < _SLOWEST_SECONDS


async def test_the_policy_allows_nothing_from_elsewhere_and_nothing_inline(
    browser: Browser, shop: str
) -> None:
    tab = await visitor(browser, shop, "service")
    answer = await tab.page.goto(f"{shop}/orders")
    assert answer is not None
    policy = (await answer.all_headers())["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    markup = await answer.text()
    assert not re.search(r"<script(?![^>]*src=)|\sstyle=|\son\w+=|https?://", markup)


async def test_motion_can_be_refused(browser: Browser, shop: str) -> None:
    tab = await visitor(browser, shop, "service", motion="reduce")
    await tab.open("/orders")
    moving = "[...document.querySelectorAll('*')].filter(one => parseFloat(getComputedStyle(one)"
    moving += ".transitionDuration) + parseFloat(getComputedStyle(one).animationDuration)).length"
    assert await tab.page.evaluate(moving) == 0


async def test_the_dashboard_drills_down_to_the_orders_of_a_day(
    browser: Browser, shop: str
) -> None:
    tab = await visitor(browser, shop, "finance", scheme="dark")
    page = tab.page
    await tab.open("/revenue")
    await page.locator("a.value .bar").last.hover()
    await expect(page.locator("a.value:hover .hover")).to_have_css("opacity", "1")
    await page.locator("a.value .bar").last.click()
    await expect(page).to_have_url(re.compile(r"month=\d{4}-\d{2}"))
    await expect(page.locator("h1")).to_contain_text("Revenue in")
    await expect(page.locator("main")).to_contain_text("compared with")
    await page.locator("a.value .bar").first.click()
    await expect(page).to_have_url(re.compile(r"/orders\?from=\d{4}-\d{2}-\d{2}"))


async def test_a_report_downloads_exactly_what_is_shown(browser: Browser, shop: str) -> None:
    tab = await visitor(browser, shop, "finance")
    await tab.open("/revenue")
    shown = await tab.page.locator(".figure").first.inner_text()
    async with tab.page.expect_download() as download:
        await tab.page.get_by_role("link", name="CSV", exact=True).click()
    path = await (await download.value).path()
    lines = list(csv.DictReader(io.StringIO(path.read_text())))
    assert sum(Decimal(line["net"]) for line in lines) == Decimal(re.sub("[£,]", "", shown))


async def test_what_is_not_for_somebody_says_so(browser: Browser, shop: str) -> None:
    tab = await visitor(browser, shop, "customer")
    assert await tab.open("/revenue") == 403
    assert await tab.open("/revenue.csv") == 403
    await expect(tab.page.get_by_role("link", name="Choose an account")).to_be_visible()


async def test_signing_in_leads_back_to_what_was_asked_for(browser: Browser, shop: str) -> None:
    tab = await visitor(browser, shop)
    assert await tab.open("/revenue") == 401
    await tab.page.get_by_role("link", name="Choose an account").click()
    await tab.page.click("button[value=finance]")
    await expect(tab.page).to_have_url(re.compile("/revenue$"))
