"""From an author's first line to a participant's confirmed place, each role on its own pages."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import Serve
from tests.browser.surfing import Program, Visitor, held, visitor
from tests.browser.training_company import SLOW_MS, book, published, status

pytestmark = pytest.mark.asyncio(loop_scope="session")
TITLE = "Ladders for librarians"
DESCRIPTION = (
    "Participants learn how to choose, place and climb a ladder between shelves, what a spotter "
    "does, and why nobody carries two atlases at once."
)
AGENDA = (
    "# Morning\n- Kinds of ladders and where each belongs\n- Checking rungs, feet and locks\n"
    "- Climbing with one free hand\n# Afternoon\n- Working with a spotter in narrow aisles\n"
    "- Carrying books downwards\n- What to do after a near miss"
)
PLAN = (
    "1. Everybody inspects a ladder and writes down what they find\n"
    "2. In pairs: placing it on carpet, stone and a loose board\n"
    "3. Climbing under the eyes of a spotter, then changing roles\n"
    "4. A timed exercise between two shelves with awkward volumes\n"
    "5. A talk about accidents in two reading rooms and what was changed\n"
    "6. Questions, and a short written test at the end"
)


async def write(tab: Visitor) -> str:
    """An author writes and submits; answers the proposal's id."""
    page = tab.page
    await tab.open("/proposals/new")
    missing = page.locator("#shortcomings")
    await expect(missing).to_contain_text("Agenda needs at least 200 characters")
    await page.get_by_label("Title").fill(TITLE)
    await page.get_by_label("Categories").fill("safety")
    await page.get_by_label("Description").fill(DESCRIPTION)
    await page.get_by_label("Agenda").fill(AGENDA)
    await expect(missing).not_to_contain_text("Agenda")
    await expect(missing).to_contain_text("Plan")
    await page.get_by_label("Plan").fill(PLAN)
    await expect(missing).to_have_text(re.compile("Nothing is missing"))
    await page.get_by_role("button", name="Save and submit").click()
    await page.wait_for_url(re.compile("/proposals/[0-9a-f-]{36}$"))
    return page.url.rsplit("/", 1)[1]


async def decide(browser: Browser, address: str, proposal_id: str) -> None:
    """Whoever it is assigned to comments and accepts."""
    reviewer = Program(address, "admin").get(f"/api/reviews/{proposal_id}")["reviewer"]
    tab = await visitor(browser, address, reviewer)
    page = tab.page
    await tab.open("/reviews")
    await page.get_by_role("link", name=TITLE).click()
    await expect(page.locator("main")).to_contain_text("narrow aisles")
    await page.get_by_text("Comment…").click()
    await page.get_by_label("Comment", exact=True).last.fill("Which ladders?")
    await page.get_by_role("button", name="Comment").click()
    await expect(page.locator("[data-pending]")).to_have_count(0, timeout=SLOW_MS)
    await expect(page.locator("main")).to_contain_text("Which ladders?", timeout=SLOW_MS)
    await page.get_by_text("Accept…").click()
    await page.get_by_label("Comment", exact=True).first.fill("Needed for years.")
    await page.get_by_role("button", name="Accept").click()
    await expect(status(page)).to_have_text("accepted")
    assert tab.complaints == []


async def offer(browser: Browser, address: str, program_id: str) -> str:
    """A manager offers two places; answers the offer's id."""
    tab = await visitor(browser, address, "manager")
    page = tab.page
    await tab.open(f"/desk/new?program={program_id}")
    day = (date.today() + timedelta(days=40)).isoformat()
    await page.get_by_label("First day").fill(day)
    await page.get_by_label("Last day").fill(day)
    await page.get_by_label("At most").fill("2")
    await page.get_by_role("button", name="Save draft").click()
    # All that is wrong at once, and what was entered stays.
    await expect(page.get_by_role("alert")).to_contain_text("Price")
    await expect(page.get_by_label("First day")).to_have_value(day)
    await page.get_by_label("Price").fill("480.00")
    await page.get_by_label("At least").fill("1")
    await page.get_by_role("button", name="Save draft").click()
    await page.wait_for_url(re.compile("/desk/[0-9a-f-]{36}$"))
    await page.get_by_role("button", name="Publish").click(timeout=SLOW_MS)
    await expect(status(page)).to_have_text("published")
    await expect(page.locator("[data-pending]")).to_have_count(0, timeout=SLOW_MS)
    assert tab.complaints == []
    return page.url.rsplit("/", 1)[1]


@pytest.mark.parametrize("seconds", ["", "0.7", "3"])
async def test_from_the_first_line_to_a_confirmed_place(
    browser: Browser, serve: Serve, seconds: str
) -> None:
    address = serve("training", **held(seconds))
    author = await visitor(browser, address, "author")
    proposal_id = await write(author)
    await expect(status(author.page)).to_have_text("in review", timeout=SLOW_MS)
    await decide(browser, address, proposal_id)
    # The author's page follows by itself.
    await expect(status(author.page)).to_have_text("released", timeout=SLOW_MS)
    await author.page.get_by_role("link", name="The program").click(timeout=SLOW_MS)
    await expect(author.page.locator("h1")).to_have_text(TITLE)
    offer_id = await offer(browser, address, proposal_id)
    participant = await visitor(browser, address, "participant")
    page = participant.page
    await participant.open("/programs?q=librar")
    await expect(page.locator("mark").first).to_be_visible()
    await book(participant, offer_id)
    await expect(status(page)).to_have_text("held")
    await expect(page.locator("time[data-until]").first).to_have_text(
        re.compile(r"^(10:00|09:[0-5]\d)$"), timeout=SLOW_MS
    )
    await page.get_by_role("button", name="Confirm").click(timeout=SLOW_MS)
    await expect(status(page)).to_have_text("confirmed")
    await participant.open("/bookings")
    await expect(page.locator("tbody tr").first).to_contain_text("confirmed")
    await expect(page.locator("[data-pending]")).to_have_count(0, timeout=SLOW_MS)
    await expect(page.locator("tbody tr").first).to_contain_text(TITLE)
    assert author.complaints == []
    assert participant.complaints == []


async def test_a_failed_release_is_mended_and_submitted_again_then_withdrawn(
    browser: Browser, training: str
) -> None:
    tab = await visitor(browser, training, "author")
    page = tab.page
    await tab.open("/proposals/new")
    await page.get_by_label("Title").fill("Too short a text")
    await page.get_by_label("Categories").fill("safety")
    await page.get_by_role("button", name="Save and submit").click()
    await page.wait_for_url(re.compile("/proposals/[0-9a-f-]{36}$"))
    await expect(status(page)).to_have_text("in review", timeout=SLOW_MS)
    # What a reviewer looks at can't be changed.
    await expect(page.get_by_role("link", name="Edit")).to_have_count(0)
    path = f"/api/reviews/{page.url.rsplit('/', 1)[1]}/accept"
    Program(training, "admin").post(path, {"comment": "Good idea."})
    await expect(status(page)).to_have_text("release failed", timeout=SLOW_MS)
    await expect(page.locator(".timeline")).to_contain_text("plan: needs at least 300 characters")
    await page.get_by_role("link", name="Edit").click()
    await page.get_by_label("Description").fill(DESCRIPTION)
    await page.get_by_label("Agenda").fill(AGENDA)
    await page.get_by_label("Plan").fill(PLAN)
    await page.get_by_role("button", name="Save and submit").click()
    await page.wait_for_url(re.compile("/proposals/[0-9a-f-]{36}$"))
    await expect(status(page)).to_have_text("in review", timeout=SLOW_MS)
    await page.get_by_text("Withdraw…").click()
    await page.get_by_role("button", name="Withdraw").click()
    await expect(page.get_by_role("alert")).to_contain_text("Reason")
    await page.get_by_label("Reason").fill("Somebody else teaches it")
    await page.get_by_role("button", name="Withdraw").click()
    await expect(status(page)).to_have_text("withdrawn")
    await expect(page.get_by_role("button", name="Withdraw")).to_be_disabled()
    assert tab.complaints == []


async def test_the_manager_sees_the_month_and_moves_an_offer(
    browser: Browser, training: str
) -> None:
    manager = Program(training, "manager")
    programs = manager.get("/api/training-programs?active=true&size=3")["items"]
    offer_id = published(manager, programs[2]["programId"], places=4)
    begins = date.today() + timedelta(days=50)
    tab = await visitor(browser, training, "manager")
    await tab.open(f"/desk/calendar?month={begins:%Y-%m}")
    await tab.page.locator(f"a[href='/desk/{offer_id}']").click()
    await tab.page.get_by_text("Reschedule…").click()
    later = (begins + timedelta(days=7)).isoformat()
    await tab.page.get_by_label("First day").fill(later)
    await tab.page.get_by_label("Last day").fill(later)
    async with tab.page.expect_event("load"):
        await tab.page.get_by_role("button", name="Reschedule").click()
    await expect(tab.page.locator(f"dl:has-text('{int(later[-2:])} ')")).to_be_visible()
    await tab.page.get_by_text("Cancel offer…").click()
    await tab.page.get_by_label("Reason").fill("The room burnt down")
    await tab.page.get_by_role("button", name="Cancel offer").click()
    await expect(status(tab.page)).to_have_text("cancelled")
    await expect(tab.page.locator("main")).to_contain_text("The room burnt down")


async def test_texts_are_shown_and_never_run(browser: Browser, training: str) -> None:
    tab = await visitor(browser, training, "author")
    await tab.open("/proposals/new")
    await tab.page.get_by_label("Title").fill("<img src=x onerror=alert(1)>")
    await tab.page.get_by_label("Description").fill("<script>document.title = 'run'</script>")
    await tab.page.get_by_role("button", name="Save draft").click()
    await tab.page.wait_for_url(re.compile("/proposals/[0-9a-f-]{36}$"))
    await expect(tab.page.locator("h1")).to_have_text("<img src=x onerror=alert(1)>")
    await expect(tab.page).not_to_have_title("run")
    assert await tab.page.locator("main img, main script").count() == 0
    assert tab.complaints == []
