"""Orders from placing to refunding, with read models at once and held back."""

from __future__ import annotations

import re
from binascii import a2b_base64
from datetime import timedelta

import msgspec
import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import Serve
from tests.browser.surfing import Visitor, held, total_in, visitor
from twofold.http.pages.pending import COOKIE, Deed, remember

pytestmark = pytest.mark.asyncio(loop_scope="session")
_SLOW_MS = 30_000


async def place(tab: Visitor, clicks: int = 1) -> str:
    """Place an order; answers its number."""
    await tab.open("/place")
    await tab.page.get_by_label("Product 1").fill("KI-1001")
    await tab.page.get_by_label("Quantity").first.fill("2")
    await tab.page.get_by_role("button", name="Place order").click(click_count=clicks)
    await tab.page.wait_for_url(re.compile("/orders/"))
    return (await tab.page.locator("h1").inner_text()).strip()


async def note_as_done_before(tab: Visitor, ago: timedelta) -> None:
    """Let the browser remember that what was done last was done earlier."""
    (cookie,) = [c for c in await tab.page.context.cookies() if c.get("name") == COOKIE]
    (deed,) = msgspec.json.decode(a2b_base64(cookie.get("value", "")), type=tuple[Deed, ...])
    earlier = msgspec.structs.replace(deed, at=deed.at - ago)
    known = {"name": COOKIE, "value": remember("", earlier), "url": tab.address}
    await tab.page.context.add_cookies([known])  # type: ignore[list-item]


@pytest.mark.parametrize("seconds", ["", "0", "0.7", "3"])
async def test_an_order_is_placed_paid_refunded_and_cancelled(
    browser: Browser, serve: Serve, seconds: str
) -> None:
    tab = await visitor(browser, serve("shop", **held(seconds)), "service")
    page = tab.page
    number = await place(tab)
    assert number.startswith("ACME-")
    await tab.open("/orders")
    row = page.locator("tbody tr").first
    await expect(row).to_contain_text(number)
    await row.get_by_role("link", name=number).click()
    await page.get_by_role("button", name="Pay").click(timeout=_SLOW_MS)
    state = page.locator(".head .badge").first
    await expect(state).to_have_text("payment confirmed")
    await page.get_by_text("Refund…").click(timeout=_SLOW_MS)
    await page.get_by_label("Amount").fill("1.00")
    await page.get_by_role("button", name="Refund").click()
    await expect(page.locator(".timeline")).to_contain_text("1.00 GBP", timeout=_SLOW_MS)
    await page.get_by_text("Cancel order…").click()
    await page.get_by_role("button", name="Cancel order").click()
    await expect(state).to_have_text("cancelled")
    # What was done is confirmed in the end: no mark is left.
    await expect(page.locator("[data-pending]")).to_have_count(0, timeout=_SLOW_MS)
    assert tab.complaints == []


async def test_what_takes_half_a_minute_to_show_is_told_at_once(
    browser: Browser, serve: Serve
) -> None:
    tab = await visitor(browser, serve("shop", **held("30")), "customer")
    page = tab.page
    number = await place(tab)
    await expect(page.locator("main")).to_contain_text("placed and safe")
    await expect(page.locator(".badge.pending")).to_have_text("saving…")
    await tab.open("/orders")
    marked = page.locator("tr.pending")
    await expect(marked).to_contain_text(number)
    await expect(marked).to_contain_text("saving…")
    await expect(page.locator("[role=status] .notice")).to_contain_text("nothing needs to be done")
    await expect(page.locator("[data-freshness]")).to_have_attribute("data-state", "catching-up")
    # Patience has an end: a minute later (by the browser's note of when it was) it says so.
    await note_as_done_before(tab, timedelta(minutes=1))
    await page.reload()
    await expect(marked).to_contain_text("saved · not shown yet")
    # Others are not told of it, nor is the same browser under another name.
    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url("**/products")
    await tab.sign_in("customer2")
    await tab.open("/orders")
    await expect(page.locator("tr.pending")).to_have_count(0)
    assert tab.complaints == []


async def test_a_step_is_shown_at_once_and_marked_until_it_is_confirmed(
    browser: Browser, serve: Serve
) -> None:
    tab = await visitor(browser, serve("shop", **held("3")), "customer")
    page = tab.page
    await tab.open("/orders?status=pending-payment")
    await page.locator("tbody a").first.click()
    await page.get_by_role("button", name="Pay").click()
    await expect(page.locator(".head .badge").first).to_have_text("payment confirmed")
    await expect(page.locator(".head .badge.pending")).to_have_text("saving…")
    await expect(page.locator(".timeline li.pending")).to_contain_text("Paid")
    # What is possible follows from what was done, not from what is shown.
    await expect(page.get_by_role("button", name="Pay")).to_be_disabled()
    await expect(page.locator(".timeline li.pending")).to_have_count(0, timeout=_SLOW_MS)
    await expect(page.locator(".timeline")).to_contain_text("payment confirmed")


async def test_an_order_is_drafted_changed_and_placed(browser: Browser, shop: str) -> None:
    tab = await visitor(browser, shop, "customer")
    page = tab.page
    await tab.open("/place")
    await page.get_by_label("Product 1").fill("KI-1001")
    await page.get_by_role("button", name="Save as draft").click()
    state = page.locator(".head .badge").first
    await expect(state).to_have_text("draft")
    await page.get_by_role("link", name="Edit").click()
    await expect(page.get_by_label("Product 1")).to_have_value(re.compile("^KI-1001"))
    await page.get_by_label("Quantity").first.fill("7")
    await page.get_by_role("button", name="Save draft").click()
    await expect(page.locator("[data-label=Quantity]").first).to_have_text("7")
    await page.get_by_role("button", name="Place order").click()
    await expect(state).to_have_text("pending payment")
    await expect(page.get_by_role("link", name="Edit")).to_have_count(0)


async def test_a_double_click_makes_one_order(browser: Browser, shop: str) -> None:
    tab = await visitor(browser, shop, "customer2")
    await tab.open("/orders")
    before = total_in(await tab.page.locator(".pager .muted").all_inner_texts())
    await place(tab, clicks=2)
    await tab.open("/orders")
    assert total_in(await tab.page.locator(".pager .muted").all_inner_texts()) == before + 1


async def test_the_same_form_sent_twice_makes_one_order(browser: Browser, shop: str) -> None:
    """As by an impatient reader without scripts, or after a lost answer."""
    tab = await visitor(browser, shop, "customer2", script=False)
    await tab.open("/place")
    key = await tab.page.locator("input[name=key]").get_attribute("value")
    form = {"key": key or "", "country": "France", "sku": "KI-1001", "quantity": "1"}
    answers = [
        await tab.page.context.request.post(f"{shop}/place", form=form, max_redirects=0)
        for _ in range(2)
    ]
    assert [answer.status for answer in answers] == [303, 303]
    assert answers[0].headers["location"] == answers[1].headers["location"]
