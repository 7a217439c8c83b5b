"""Every page of every role: accessible, light and dark, narrow and wide, and for whom."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from playwright.async_api import Browser, expect

from tests.browser.surfing import PHONE, Program, loaded, still, visitor

pytestmark = pytest.mark.asyncio(loop_scope="session")
_LARGEST_BYTES = 100_000
ROLES = ("", "author", "reviewer", "manager", "participant", "admin")


def pages(address: str, account: str) -> list[str]:
    """What somebody's menu leads to, and one of each kind behind it."""
    program = Program(address, account or "participant")
    first = {"programId": "/api/training-programs?size=1", "offerId": "/api/training-offers?size=1"}
    found = {name: program.get(path)["items"][0][name] for name, path in first.items()}
    common = [
        "/programs?q=advanced",
        f"/programs/{found['programId']}",
        "/offers",
        f"/offers/{found['offerId']}",
    ]
    match account:
        case "author":
            own = program.get("/api/proposals?size=1")["items"][0]["proposalId"]
            return ["/proposals", f"/proposals/{own}", "/proposals/new"]
        case "reviewer":
            some = program.get("/api/reviews?size=1")["items"][0]["proposalId"]
            return ["/reviews", "/reviews/all", f"/reviews/{some}"]
        case "manager":
            offer = program.get("/api/offers?status=published&size=1")["items"][0]
            month = offer["begins"][:7]
            calendar = f"/desk/calendar?month={month}"
            return [
                "/desk",
                f"/desk/{offer['offerId']}",
                calendar,
                "/desk/new",
                "/discounts",
                "/discounts/new",
            ]
        case "participant":
            booking = program.get("/api/bookings?size=1")["items"][0]["bookingId"]
            return ["/bookings", f"/bookings/{booking}", *common]
        case "admin":
            return ["/reviewers", "/proposals", "/desk"]
        case _:
            return ["/demo", "/programs", *common]


@pytest.mark.parametrize("account", ROLES)
async def test_axe_finds_nothing(browser: Browser, training: str, account: str) -> None:
    problems = {}
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        tab = await visitor(browser, training, account, scheme=scheme)
        for path in pages(training, account):
            assert await tab.open(path) == 200
            script = "document.querySelectorAll('details').forEach(one => one.open = true)"
            await tab.page.evaluate(script)
            found = await tab.accessibility_problems()
            if found:
                problems[f"{scheme} {path}"] = found
        assert tab.complaints == []
        await tab.page.context.close()
    assert problems == {}


@pytest.mark.parametrize("account", ROLES)
async def test_nothing_scrolls_sideways_on_a_phone(
    browser: Browser, training: str, account: str
) -> None:
    tab = await visitor(browser, training, account, viewport=PHONE)
    wide = []
    for path in pages(training, account):
        await tab.open(path)
        if await tab.too_wide():
            wide.append(path)
    assert wide == []


@pytest.mark.parametrize("account", ROLES)
async def test_pages_are_small_and_still(browser: Browser, training: str, account: str) -> None:
    tab = await visitor(browser, training, account)
    for path in pages(training, account):
        size, _, shifts = await loaded(tab, path)
        assert 1_000 < size < _LARGEST_BYTES, path
        assert still(shifts), (path, shifts)


async def test_a_visitor_reads_the_catalogue_and_is_asked_to_sign_in_to_book(
    browser: Browser, training: str
) -> None:
    tab = await visitor(browser, training)
    await tab.open("/programs")
    page = tab.page
    await page.get_by_role("link", name="with free places").click()
    await expect(page).to_have_url(re.compile("freePlaces=true"))
    await page.get_by_role("link", name=re.compile("^beginner")).click()
    await expect(page).to_have_url(re.compile("level=beginner"))
    await page.get_by_role("link", name="From price").click()
    await expect(page.locator("th[aria-sort]")).to_contain_text("From price")
    assert set(await page.locator("[data-label=Level] .badge").all_inner_texts()) == {"beginner"}
    await page.locator("tbody a").first.click()
    await expect(page.locator("section[aria-labelledby=dates] svg.places").first).to_be_visible()
    await page.locator("section[aria-labelledby=dates] a").first.click()
    await page.get_by_role("link", name="Sign in").last.click()
    await page.click("button[value=participant]")
    await expect(page).to_have_url(re.compile("/offers/"))


@pytest.mark.parametrize(
    ("account", "path"),
    [
        ("participant", "/desk"),
        ("participant", "/desk/new"),
        ("author", "/reviews"),
        ("reviewer", "/desk/calendar"),
        ("manager", "/proposals/new"),
        ("operator", "/reviewers"),
        ("reviewer", "/discounts"),
    ],
)
async def test_what_is_for_others_says_so(
    browser: Browser, training: str, account: str, path: str
) -> None:
    tab = await visitor(browser, training, account)
    assert await tab.open(path) == 403
    await expect(tab.page.locator("h1")).to_have_text("This is for others")
