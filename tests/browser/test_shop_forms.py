"""Forms: all errors at once, input kept, safe to send again."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Browser, Route, expect

from tests.browser.surfing import Program, Visitor, visitor

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def wrong_order(tab: Visitor) -> None:
    """Send an order with two mistakes."""
    await tab.open("/place")
    await tab.page.get_by_label("Customer").fill("c-1")
    await tab.page.get_by_label("Product 1").fill("KI-1001")
    await tab.page.get_by_label("Quantity").nth(0).fill("many")
    await tab.page.get_by_label("Product 3").fill("GA-1030")
    await tab.page.get_by_label("Quantity").nth(2).fill("0")
    await tab.page.get_by_role("button", name="Place order").click()


@pytest.mark.parametrize("script", [True, False])
async def test_all_errors_are_beside_their_fields_and_in_a_linked_summary(
    browser: Browser, shop: str, script: bool
) -> None:
    tab = await visitor(browser, shop, "service", script=script)
    await wrong_order(tab)
    summary = tab.page.get_by_role("alert")
    await expect(summary).to_contain_text("There is a problem")
    await expect(summary.get_by_role("link")).to_have_count(2)
    await expect(tab.page.locator(".line .error")).to_have_count(2)
    await expect(tab.page.get_by_label("Customer")).to_have_value("c-1")
    await expect(tab.page.get_by_label("Quantity").nth(0)).to_have_value("many")
    await expect(tab.page.get_by_label("Product 1")).to_have_value(re.compile("^KI-1001"))
    await expect(tab.page.get_by_label("Quantity").nth(0)).to_have_attribute("aria-invalid", "true")
    # Mended, it can be sent again.
    await tab.page.get_by_label("Quantity").nth(0).fill("1")
    await tab.page.get_by_label("Quantity").nth(1).fill("1")
    await tab.page.get_by_role("button", name="Place order").click()
    await tab.page.wait_for_url(re.compile("/orders/"))
    assert tab.complaints == []


async def test_the_summary_has_the_focus_and_leads_into_the_fields(
    browser: Browser, shop: str
) -> None:
    tab = await visitor(browser, shop, "service")
    await wrong_order(tab)
    await expect(tab.page.locator("[data-summary]")).to_be_focused()
    await tab.page.get_by_role("alert").get_by_role("link").first.click()
    await expect(tab.page.get_by_label("Quantity").nth(0)).to_be_focused()
    assert await tab.accessibility_problems() == []


async def test_unknown_products_are_all_named(browser: Browser, shop: str) -> None:
    tab = await visitor(browser, shop, "customer")
    await tab.open("/place")
    await tab.page.get_by_label("Product 1").fill("NO-1")
    await tab.page.get_by_label("Product 2").fill("NO-2")
    await tab.page.get_by_role("button", name="Place order").click()
    await expect(tab.page.get_by_role("alert")).to_contain_text("Product 1: NO-1 is unknown")
    await expect(tab.page.get_by_role("alert")).to_contain_text("Product 2: NO-2 is unknown")


async def test_a_product_chosen_elsewhere_is_in_the_form(browser: Browser, shop: str) -> None:
    tab = await visitor(browser, shop, "customer")
    await tab.open("/products/KI-1001")
    await tab.page.get_by_role("link", name="Order it").click()
    await expect(tab.page.get_by_label("Product 1")).to_have_value(re.compile("^KI-1001 · "))


async def test_a_refusal_says_what_would_be_possible(browser: Browser, shop: str) -> None:
    tab = await visitor(browser, shop, "finance")
    await tab.open("/orders?status=delivered")
    await tab.page.locator("tbody a").first.click()
    await tab.page.get_by_text("Refund…").click()
    await tab.page.get_by_label("Amount").fill("999999")
    await tab.page.get_by_role("button", name="Refund").click()
    await expect(tab.page.get_by_role("alert")).to_contain_text("more than can be refunded")
    # The page goes on living: what happens elsewhere is shown, and nothing is lost.
    order_id = tab.page.url.rsplit("/", 1)[1]
    refund = {"amount": "0.01", "reason": "a penny"}
    Program(shop, "service").post(f"/api/v1/orders/{order_id}/refunds", refund)
    await expect(tab.page.locator(".timeline")).to_contain_text("a penny")
    await tab.page.get_by_text("Refund…").click()
    await tab.page.get_by_label("Amount").fill("999999")
    await tab.page.get_by_role("button", name="Refund").click()
    await expect(tab.page.get_by_role("alert")).to_contain_text("more than can be refunded")
    await expect(tab.page.get_by_role("alert")).to_contain_text("at most")


async def test_a_wrong_amount_is_told_at_its_field(browser: Browser, shop: str) -> None:
    tab = await visitor(browser, shop, "finance")
    await tab.open("/orders?status=delivered")
    await tab.page.locator("tbody a").first.click()
    await tab.page.get_by_text("Refund…").click()
    await tab.page.get_by_label("Amount").fill("a lot")
    await tab.page.get_by_label("Reason").first.fill("broken")
    await tab.page.get_by_role("button", name="Refund").click()
    await expect(tab.page.locator("#refunds-amount-error")).to_contain_text("a decimal number")
    await expect(tab.page.get_by_label("Amount")).to_have_value("a lot")
    await expect(tab.page.get_by_label("Reason").first).to_have_value("broken")


async def test_without_an_answer_the_input_stays_and_sending_again_is_safe(
    browser: Browser, shop: str
) -> None:
    tab = await visitor(browser, shop, "customer")
    await tab.open("/place")
    await tab.page.get_by_label("Product 1").fill("KI-1001")
    await tab.page.context.set_offline(True)
    await tab.page.get_by_role("button", name="Place order").click()
    await expect(tab.page.locator(".toast.bad")).to_contain_text("No answer came")
    await expect(tab.page.get_by_label("Product 1")).to_have_value("KI-1001")
    await tab.page.context.set_offline(False)
    await tab.page.get_by_role("button", name="Place order").click()
    await tab.page.wait_for_url(re.compile("/orders/"))


async def test_a_session_that_is_over_does_not_cost_the_input(browser: Browser, shop: str) -> None:
    tab = await visitor(browser, shop, "customer")
    await tab.open("/place")
    await tab.page.get_by_label("Product 1").fill("KI-1001")
    await tab.page.context.clear_cookies()
    await tab.page.get_by_role("button", name="Place order").click()
    await expect(tab.page.locator(".toast.bad")).to_contain_text("Sign in first")
    await expect(tab.page.get_by_label("Product 1")).to_have_value("KI-1001")


async def order_and_go(tab: Visitor, elsewhere: Callable[[Route], Awaitable[None]]) -> None:
    """Place an order and follow a link at once; the answer comes before that page."""
    page = tab.page
    gone = asyncio.Event()
    answered = asyncio.Event()

    async def answer_once_gone(route: Route) -> None:
        await gone.wait()
        await route.continue_()

    async def go_once_answered(route: Route) -> None:
        gone.set()
        await answered.wait()
        await elsewhere(route)

    page.on("response", lambda one: "/orders/" in one.url and answered.set())
    await page.route("**/place", answer_once_gone)
    await page.route("**/products", go_once_answered)
    await page.get_by_label("Product 1").fill("KI-1001")
    await page.get_by_role("button", name="Place order").click()
    await page.get_by_role("link", name="Products").first.click(no_wait_after=True)
    await asyncio.wait_for(answered.wait(), 15)


async def test_who_goes_elsewhere_is_not_called_back_by_the_answer(
    browser: Browser, shop: str
) -> None:
    async def slowly(route: Route) -> None:
        await asyncio.sleep(1)
        await route.continue_()

    tab = await visitor(browser, shop, "customer")
    await tab.open("/place")
    await order_and_go(tab, slowly)
    await tab.page.wait_for_url("**/products")
    await expect(tab.page.locator("h1")).to_contain_text("Products")
    assert tab.complaints == []


async def test_who_only_downloads_something_gets_the_answer_after_all(
    browser: Browser, shop: str
) -> None:
    async def file(route: Route) -> None:
        headers = {"Content-Disposition": "attachment; filename=products.csv"}
        await route.fulfill(body="KI-1001", headers=headers)

    tab = await visitor(browser, shop, "customer")
    await tab.page.clock.install()
    await tab.open("/place")
    async with tab.page.expect_download():
        await order_and_go(tab, file)
    await expect(tab.page.get_by_label("Product 1")).to_have_value(re.compile("^KI-1001"))
    await tab.page.clock.fast_forward("00:11")
    await tab.page.wait_for_url(re.compile("/orders/"))
    assert tab.complaints == []
