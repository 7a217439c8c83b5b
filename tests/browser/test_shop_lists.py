"""Lists: their state is in the address, and live updates are offered."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.browser.surfing import PHONE, Program, total_in, visitor

pytestmark = pytest.mark.asyncio(loop_scope="session")
_ORDER: dict[str, Any] = {
    "customerId": "c-1",
    "country": "France",
    "lines": [{"sku": "KI-1001", "quantity": 1}],
}


async def test_filters_sorting_and_pages_live_in_the_address(browser: Browser, shop: str) -> None:
    tab = await visitor(browser, shop, "service")
    page = tab.page
    await tab.open("/orders")
    chip = page.get_by_role("link", name=re.compile("^cancelled"))
    promised = total_in([await chip.locator(".count").inner_text()])
    await chip.click()
    await expect(page).to_have_url(re.compile("status=cancelled"))
    assert set(await page.locator("tbody .badge").all_inner_texts()) == {"cancelled"}
    assert total_in(await page.locator(".pager .muted").all_inner_texts()) == promised
    await page.get_by_role("link", name="Total").click()
    await expect(page.locator("th[aria-sort=descending]")).to_contain_text("Total")
    first = await page.locator("tbody tr").first.inner_text()
    await page.get_by_role("link", name="Next page").click()
    await expect(page).to_have_url(re.compile("cursor="))
    # A copy of the address shows the same; so does going back.
    second = await page.locator("tbody tr").first.inner_text()
    await page.reload()
    assert await page.locator("tbody tr").first.inner_text() == second
    await page.go_back()
    assert await page.locator("tbody tr").first.inner_text() == first


async def test_a_search_keeps_the_filters(browser: Browser, shop: str) -> None:
    tab = await visitor(browser, shop, "service")
    await tab.open("/orders?status=delivered&country=Germany")
    await tab.page.get_by_label("Search").fill("notebook")
    await tab.page.keyboard.press("Enter")
    await expect(tab.page).to_have_url(re.compile("status=delivered"))
    await expect(tab.page).to_have_url(re.compile("country=Germany"))
    await expect(tab.page.locator("mark").first).to_be_visible()


async def test_an_empty_list_says_what_to_do(browser: Browser, shop: str) -> None:
    tab = await visitor(browser, shop, "service")
    await tab.open("/orders?q=nothingofthesort")
    await expect(tab.page.locator(".empty")).to_contain_text("No order fits")
    await tab.page.get_by_role("link", name="Show all").click()
    await expect(tab.page).to_have_url(re.compile("/orders$"))


async def test_a_wrong_address_says_what_is_allowed(browser: Browser, shop: str) -> None:
    tab = await visitor(browser, shop, "service")
    assert await tab.open("/orders?sortBy=colour") == 400
    await expect(tab.page.locator("main")).to_contain_text("allowed: ")


async def test_new_orders_are_offered_without_taking_the_focus(browser: Browser, shop: str) -> None:
    tab = await visitor(browser, shop, "service", viewport={"width": 1280, "height": 500})
    page = tab.page
    async with page.expect_response(re.compile("/events/stream")):
        await tab.open("/orders")
    before = await page.locator("tbody tr").first.inner_text()
    await page.get_by_label("Search").fill("half a wor")
    await page.evaluate("scrollTo(0, 300)")
    at = await page.evaluate("scrollY")
    program = Program(shop, "service")
    numbers = [program.post("/api/v1/orders", _ORDER)["number"] for _ in range(3)]
    offer = page.get_by_role("button", name="3 new orders")
    await expect(offer).to_be_visible()
    assert await page.locator("tbody tr").first.inner_text() == before
    await expect(page.get_by_label("Search")).to_be_focused()
    await expect(page.get_by_label("Search")).to_have_value("half a wor")
    assert await page.evaluate("scrollY") == at
    await offer.click()
    shown = await page.locator("tbody tr a").all_inner_texts()
    assert set(numbers) <= set(shown)
    await expect(offer).to_have_count(0)
    await expect(page.get_by_label("Search")).to_have_value("half a wor")


async def test_a_page_of_one_order_follows_what_others_do(browser: Browser, shop: str) -> None:
    program = Program(shop, "service")
    placed = program.post("/api/v1/orders", _ORDER)
    tab = await visitor(browser, shop, "service")
    async with tab.page.expect_response(re.compile("/events/stream")):
        await tab.open(f"/orders/{placed['orderId']}")
    program.post(f"/api/v1/orders/{placed['orderId']}/confirm-payment", {})
    await expect(tab.page.locator(".head .badge").first).to_have_text("payment confirmed")
    await expect(tab.page.get_by_role("button", name="Start processing")).to_be_enabled()


async def test_tables_become_cards_that_can_be_sorted(browser: Browser, shop: str) -> None:
    tab = await visitor(browser, shop, "service", viewport=PHONE)
    await tab.open("/orders")
    row = tab.page.locator("tbody tr").first
    assert await row.evaluate("row => getComputedStyle(row).display") == "block"
    await tab.page.get_by_role("navigation", name="Sort by").get_by_text("Total").click()
    await expect(tab.page).to_have_url(re.compile("sortBy=total"))


async def test_everything_can_be_reached_by_keyboard(browser: Browser, shop: str) -> None:
    tab = await visitor(browser, shop, "service")
    await tab.open("/orders")
    page = tab.page
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="To the content")).to_be_focused()
    await page.keyboard.press("/")
    await expect(page.get_by_label("Search")).to_be_focused()
    await page.keyboard.press("Escape")
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await expect(page.locator("tbody tr").nth(1).get_by_role("link").first).to_be_focused()
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_contain_text("Next row")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("/orders/"))
