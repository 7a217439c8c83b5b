"""People's journeys through the shop, with read models at once and held back."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import Serve


async def signed_in(browser: Browser, address: str, account: str, **options: object) -> Page:
    """A page of somebody; anything the console complains of fails the test."""
    context = await browser.new_context(**options)  # type: ignore[arg-type]
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            complaints.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )
    page.complaints = complaints  # type: ignore[attr-defined]
    await page.goto(f"{address}/demo")
    await page.click(f"button[value={account}]")
    await page.wait_for_url(lambda url: "/demo" not in url)
    return page


async def place(page: Page, address: str, clicks: int = 1) -> str:
    """Place an order; answers its number."""
    await page.goto(f"{address}/place")
    await page.select_option("#lines-0-sku", index=1)
    await page.fill("#lines-0-quantity", "2")
    await page.get_by_role("button", name="Place order").click(click_count=clicks)
    await page.wait_for_url(re.compile("/orders/"))
    return (await page.locator("h1").inner_text()).strip()


@pytest.mark.parametrize("held", ["", "0", "0.7", "3"])
async def test_an_order_is_placed_paid_refunded_and_cancelled(
    browser: Browser, serve: Serve, held: str
) -> None:
    settings = {"TWOFOLD_PROJECTIONS": "async", "TWOFOLD_HOLD_PROJECTIONS_SECONDS": held}
    address = serve(**(settings if held else {}))
    page = await signed_in(browser, address, "service")
    number = await place(page, address)
    assert number.startswith("ACME-")
    # At once or "saving…", the page never says that there is no such order.
    await expect(page.locator("main")).to_contain_text(re.compile("pending payment|saving…"))
    await page.goto(f"{address}/orders")
    await expect(page.locator("tbody tr").first).to_contain_text(number)
    await page.get_by_role("link", name=number).click()
    await page.get_by_role("button", name="Pay").click(timeout=20_000)
    await expect(page.locator(".head .badge").first).to_have_text(
        "payment confirmed", timeout=20_000
    )
    await page.fill("input[name=amount]", "1.00")
    await page.get_by_role("button", name="Refund").click()
    await expect(page.locator(".timeline")).to_contain_text("refunded", timeout=20_000)
    await page.get_by_role("button", name="Cancel order").click()
    await expect(page.locator(".head .badge").first).to_have_text("cancelled", timeout=20_000)
    assert page.complaints == []  # type: ignore[attr-defined]


async def test_a_double_click_makes_one_order(browser: Browser, serve: Serve) -> None:
    address = serve()
    page = await signed_in(browser, address, "customer2")
    await page.goto(f"{address}/orders")
    before = await page.locator(".pager .muted").inner_text()
    await place(page, address, clicks=2)
    await page.goto(f"{address}/orders")
    after = await page.locator(".pager .muted").inner_text()
    assert int(after.split()[0]) == int(before.split()[0]) + 1


async def test_a_refusal_is_shown_where_it_happened(browser: Browser, serve: Serve) -> None:
    address = serve()
    page = await signed_in(browser, address, "service")
    await place(page, address)
    await page.get_by_role("button", name="Pay").click()
    await page.fill("input[name=amount]", "999999")
    await page.get_by_role("button", name="Refund").click()
    await expect(page.get_by_role("alert")).to_contain_text("more than can be refunded")


async def test_lists_keep_their_state_in_the_address(browser: Browser, serve: Serve) -> None:
    address = serve()
    page = await signed_in(browser, address, "service", viewport={"width": 390, "height": 800})
    await page.goto(f"{address}/orders")
    await page.get_by_role("link", name=re.compile("^cancelled")).click()
    await expect(page).to_have_url(re.compile("status=cancelled"))
    badges = await page.locator("tbody .badge").all_inner_texts()
    assert set(badges) == {"cancelled"}
    await page.go_back()
    await expect(page).to_have_url(re.compile("/orders$"))
    overflow = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    for path in ("/orders", "/revenue", "/products", "/place"):
        await page.goto(f"{address}{path}")
        assert not await page.evaluate(overflow)


async def test_the_dashboard_drills_down(browser: Browser, serve: Serve) -> None:
    address = serve()
    page = await signed_in(browser, address, "finance", color_scheme="dark")
    await page.goto(f"{address}/revenue")
    await page.locator(".chart a").first.click()
    await expect(page).to_have_url(re.compile(r"month=\d{4}-\d{2}"))
    await expect(page.locator("h1")).to_contain_text("Revenue in")


async def test_what_is_not_for_somebody_says_so(browser: Browser, serve: Serve) -> None:
    address = serve()
    page = await signed_in(browser, address, "customer")
    answer = await page.goto(f"{address}/revenue")
    assert answer is not None
    assert answer.status == 403
    await expect(page.get_by_role("link", name="Choose an account")).to_be_visible()
