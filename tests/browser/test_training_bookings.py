"""Booking: waiting lists, prices that change, discounts, and without scripts."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tests.browser.surfing import Program, visitor
from tests.browser.training_company import SLOW_MS, book, published, status

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_who_waits_moves_up_when_somebody_cancels(browser: Browser, training: str) -> None:
    manager = Program(training, "manager")
    programs = manager.get("/api/training-programs?active=true&size=1")["items"]
    offer_id = published(manager, programs[0]["programId"], places=1)
    first = await visitor(browser, training, "participant")
    await book(first, offer_id)
    await first.page.get_by_role("button", name="Confirm").click()
    await expect(status(first.page)).to_have_text("confirmed")
    second = await visitor(browser, training, "participant2")
    await second.open(f"/offers/{offer_id}")
    await expect(second.page.locator("main")).to_contain_text("0 of 1 left")
    await book(second, offer_id)
    await expect(status(second.page)).to_have_text("waiting")
    await expect(second.page.get_by_role("button", name="Confirm")).to_be_disabled()
    await first.page.get_by_role("button", name="Cancel booking").click()
    await expect(status(first.page)).to_have_text("cancelled")
    await expect(status(second.page)).to_have_text("held", timeout=SLOW_MS)
    await expect(second.page.locator("time.countdown")).to_be_visible()


async def test_a_price_that_changed_is_told_and_accepted(browser: Browser, training: str) -> None:
    manager = Program(training, "manager")
    programs = manager.get("/api/training-programs?active=true&size=2")["items"]
    offer_id = published(manager, programs[1]["programId"], places=3)
    tab = await visitor(browser, training, "participant")
    await book(tab, offer_id)
    manager.post(f"/api/offers/{offer_id}/change-price", {"price": "555.00"})
    await expect(tab.page.get_by_role("alert")).to_contain_text("you saw €480.00, it is €555.00")
    await tab.page.get_by_role("button", name="Confirm").click()
    await expect(status(tab.page)).to_have_text("confirmed")
    await expect(tab.page.locator("dl")).to_contain_text("€555.00")


async def test_a_price_the_page_does_not_know_yet_is_told_by_the_refusal(
    browser: Browser, training: str
) -> None:
    manager = Program(training, "manager")
    programs = manager.get("/api/training-programs?active=true&size=7")["items"]
    offer_id = published(manager, programs[6]["programId"], places=3)
    # Without scripts a page stays as it was.
    tab = await visitor(browser, training, "participant", script=False)
    await book(tab, offer_id)
    manager.post(f"/api/offers/{offer_id}/change-price", {"price": "555.00"})
    await tab.page.get_by_role("button", name="Confirm").click()
    await expect(tab.page.get_by_role("alert").first).to_contain_text("555.00 EUR, you saw 480.00")
    await tab.page.get_by_role("button", name="Confirm").click()
    await expect(status(tab.page)).to_have_text("confirmed")


async def test_a_discount_code_takes_a_tenth_off(browser: Browser, training: str) -> None:
    desk = await visitor(browser, training, "manager")
    await desk.open("/discounts/new")
    await desk.page.get_by_label("Code").fill("tenth-off-2026")
    await desk.page.get_by_role("button", name="Issue").click()
    listed = desk.page.locator("tr", has_text="TENTH-OFF-2026")
    await expect(listed.locator(".badge")).to_have_text("unused")
    manager = Program(training, "manager")
    programs = manager.get("/api/training-programs?active=true&size=5")["items"]
    offer_id = published(manager, programs[4]["programId"], places=3)
    tab = await visitor(browser, training, "participant")
    await tab.open(f"/offers/{offer_id}")
    await tab.page.get_by_label("Discount code").fill("tenth-off-2026")
    await tab.page.get_by_role("button", name="Book for").click()
    await tab.page.get_by_role("button", name="Confirm").click()
    await expect(status(tab.page)).to_have_text("confirmed", timeout=SLOW_MS)
    await expect(tab.page.locator("dl").first).to_contain_text("€432.00", timeout=SLOW_MS)
    await desk.open("/discounts?status=used")
    await expect(listed.get_by_role("link")).to_contain_text("used")


async def test_an_administrator_books_for_others(browser: Browser, training: str) -> None:
    manager = Program(training, "manager")
    programs = manager.get("/api/training-programs?active=true&size=6")["items"]
    offer_id = published(manager, programs[5]["programId"], places=3)
    tab = await visitor(browser, training, "admin")
    await tab.open(f"/offers/{offer_id}")
    await tab.page.get_by_label("Participant").fill("participant2")
    await tab.page.get_by_role("button", name="Book for").click()
    await tab.page.get_by_role("button", name="Confirm").click()
    await expect(status(tab.page)).to_have_text("confirmed")
    await tab.open(f"/desk/{offer_id}")
    await expect(tab.page.get_by_role("link", name="participant2")).to_be_visible()


async def test_without_scripts_a_place_is_booked_and_confirmed(
    browser: Browser, training: str
) -> None:
    manager = Program(training, "manager")
    programs = manager.get("/api/training-programs?active=true&size=4")["items"]
    offer_id = published(manager, programs[3]["programId"], places=3)
    tab = await visitor(browser, training, "participant2", script=False)
    await tab.open(f"/offers/{offer_id}")
    await tab.page.get_by_label("Discount code").fill("nosuchcode")
    await tab.page.get_by_role("button", name="Book for").click()
    await expect(tab.page.get_by_role("alert")).to_contain_text("there is no such code")
    await tab.page.get_by_label("Discount code").fill("")
    await tab.page.get_by_role("button", name="Book for").click()
    await tab.page.get_by_role("button", name="Confirm").click()
    await expect(status(tab.page)).to_have_text("confirmed")
