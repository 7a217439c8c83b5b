"""Bad input to pages: a page that says what is wrong, never an accident."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlencode

import httpx
import pytest

from shop.main import app as shop_app
from tests.http.conftest import Client, served
from training.main import app as training_app
from twofold.http.pages.visit import HEADERS
from twofold.runtime.parking.desk import ParkedDesk

FORM = "application/x-www-form-urlencoded"
LISTS = {
    "shop": (("/orders", "service"), ("/products", "")),
    "training": (
        ("/programs", ""),
        ("/offers", ""),
        ("/desk", "manager"),
        ("/discounts", "manager"),
        ("/bookings", "participant"),
        ("/proposals", "author"),
        ("/reviews/all", "reviewer"),
    ),
}


@pytest.fixture(scope="module", params=["shop", "training"])
def application(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
async def client(application: str) -> AsyncIterator[Client]:
    async with served(shop_app if application == "shop" else training_app) as found:
        yield found


@pytest.fixture
async def shop() -> AsyncIterator[Client]:
    async with served(shop_app) as found:
        yield found


@pytest.fixture
async def training() -> AsyncIterator[Client]:
    async with served(training_app) as found:
        yield found


async def sent(
    client: Client, path: str, by: str, fields: dict[str, str] | bytes, **headers: str
) -> httpx.Response:
    """Send a form."""
    body = fields if isinstance(fields, bytes) else urlencode(fields).encode()
    return await client.send("POST", path, body, by, content_type=FORM, **headers)


def is_page(answer: httpx.Response) -> bool:
    """A whole page of ours, with its headers."""
    policy = answer.headers.get("content-security-policy")
    return "</html>" in answer.text and policy == HEADERS["content-security-policy"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("q=%ff", "can&#39;t be read"),
        ("cursor=abc", "start again without a cursor"),
        ("page=-1", "a whole number from"),
        ("size=9999", "a whole number from"),
        ("sortBy=colour", "allowed: "),
        (f"q={'a' * 300}", "at most 200 characters"),
        ("colour=red", "no such filter; there are: "),
    ],
)
async def test_a_bad_address_says_what_is_wrong(
    client: Client, application: str, query: str, said: str
) -> None:
    for path, by in LISTS[application]:
        answer = await client.get(f"{path}?{query}", by)
        assert answer.status_code == 400, path
        assert is_page(answer)
        assert said in answer.text


async def test_what_is_nowhere_is_told_as_a_page(client: Client) -> None:
    for path in ("/nothing", "/orders/none/of/these", f"/{'x' * 3000}", "/static/abc/site.py"):
        answer = await client.get(path)
        assert answer.status_code == 404
    assert is_page(await client.get("/nothing"))


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("month=2026-13", "is written 2011-08"),
        ("from=yesterday&to=never", "to: is written 2011-08-31"),
        ("from=2026-02-01&to=2026-01-01", "must not be before from"),
    ],
)
async def test_days_that_are_none_are_told(shop: Client, query: str, said: str) -> None:
    answer = await shop.get(f"/revenue?{query}", "finance")
    assert (answer.status_code, is_page(answer)) == (400, True)
    assert said in answer.text


@pytest.mark.parametrize("month", ["0001-01", "9999-12"])
async def test_the_first_and_the_last_month_there_are_can_be_asked_for(
    shop: Client, training: Client, month: str
) -> None:
    assert (await shop.get(f"/revenue?month={month}", "finance")).status_code == 200
    answer = await training.get(f"/desk/calendar?month={month}", "manager")
    assert answer.status_code == 400
    assert "from 1900 to 2999" in answer.text


async def test_a_form_of_another_site_is_refused(shop: Client) -> None:
    fields = {"sku": "KI-1001", "quantity": "1", "country": "France"}
    answer = await sent(shop, "/place", "service", fields, origin="https://elsewhere.example")
    assert (answer.status_code, is_page(answer)) == (403, True)


async def test_forms_that_make_no_sense_are_answered_with_all_that_is_wrong(
    shop: Client, training: Client
) -> None:
    answer = await sent(shop, "/place", "service", {"sku": "x" * 500, "quantity": "-1"})
    assert (answer.status_code, is_page(answer)) == (422, True)
    for said in ("Country: ", "Product 1: ", "Quantity 1: "):
        assert said in answer.text
    terms = {
        "programId": "p",
        "price": "-1",
        "currency": "EUR",
        "startDate": "2027-02-30",
        "endDate": "2027-02-01",
        "startTime": "25:00",
        "endTime": "10:00",
        "minimumParticipants": "9",
        "maximumParticipants": "many",
    }
    answer = await sent(training, "/desk/new", "manager", terms)
    assert answer.status_code == 422
    for said in ("First day: ", "From (UTC): ", "At most: "):
        assert said in answer.text
    terms |= {"startDate": "2027-02-10", "startTime": "09:00", "maximumParticipants": "3"}
    answer = await sent(training, "/desk/new", "manager", terms)
    for said in ("Price: ", "Last day: must be after the start", "At least: "):
        assert said in answer.text


async def test_forms_that_can_not_be_read_are_refused(shop: Client) -> None:
    answer = await sent(shop, "/place", "service", b"\xff\xfe=%ff&quantity=\x00")
    assert (answer.status_code, is_page(answer)) == (422, True)
    answer = await sent(shop, "/place", "service", b"a" * 1_100_000)
    assert (answer.status_code, is_page(answer)) == (413, True)


@pytest.mark.parametrize(
    ("path", "by", "fields"),
    [
        ("/desk/none/publish", "manager", {}),
        ("/offers/none/book", "participant", {"seenPrice": "1"}),
        ("/bookings/none/confirm", "participant", {}),
        ("/reviews/none/accept", "admin", {"comment": "yes"}),
        ("/programs/none/withdraw", "admin", {"reason": "old"}),
        ("/proposals/none/submit", "author", {}),
        ("/proposals/none/dance", "author", {}),
    ],
)
async def test_steps_of_nothing_are_not_found(
    training: Client, path: str, by: str, fields: dict[str, str]
) -> None:
    answer = await sent(training, path, by, fields)
    assert (answer.status_code, is_page(answer)) == (404, True)


async def test_control_characters_are_named_and_nothing_is_saved(training: Client) -> None:
    fields = {"title": "a\x00b", "level": "beginner", "durationInDays": "1"}
    answer = await sent(training, "/proposals/new", "author", fields)
    assert answer.status_code == 422
    assert "Title: " in answer.text
    assert (await training.get("/api/proposals", "author")).json()["total"] == 0


async def test_an_accident_is_a_page_that_tells_nothing_of_the_inside(
    shop: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError("the secret")

    monkeypatch.setattr(shop.http.system.queries, "page", broken)
    monkeypatch.setattr(ParkedDesk, "page", broken)
    with pytest.raises(ZeroDivisionError):
        await shop.get("/products")
    security = shop.http.security
    operator = {"authorization": f"Bearer {security.sign_in(security.accounts['operator'])}"}
    transport = httpx.ASGITransport(app=shop.http, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as browser:
        for path in ("/products", "/console/parked"):
            answer = await browser.get(path, headers=operator)
            assert (answer.status_code, is_page(answer)) == (500, True)
            assert "secret" not in answer.text
            # By it the log tells more.
            assert answer.headers["x-request-id"] in answer.text
