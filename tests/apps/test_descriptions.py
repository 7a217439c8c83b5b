"""What /openapi.json says reads well to somebody who knows nothing of the inside."""

from __future__ import annotations

from typing import Any

import pytest

from shop.main import app as shop
from training.main import app as training
from twofold import Application
from twofold.testing import site

APPLICATIONS = {"shop": shop, "training": training}


def described(application: Application) -> dict[str, Any]:
    with site(application) as web:
        document: dict[str, Any] = web.get("/openapi.json").json
        return document


@pytest.mark.parametrize("application", APPLICATIONS.values(), ids=APPLICATIONS.keys())
def test_every_operation_says_what_it_is_for_and_for_whom(application: Application) -> None:
    document = described(application)
    tags = {tag["name"] for tag in document["tags"]} | {
        "processes",
        "commands",
        "parked",
        "explaining",
        "freshness",
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert operation["summary"][0].isupper(), where
            assert "For " in operation["description"], where
            assert set(operation["tags"]) <= tags, where
            assert operation["tags"], where


@pytest.mark.parametrize("application", APPLICATIONS.values(), ids=APPLICATIONS.keys())
def test_every_answer_says_what_it_means(application: Application) -> None:
    for path, operations in described(application)["paths"].items():
        for method, operation in operations.items():
            for status, answer in operation["responses"].items():
                assert len(answer["description"]) > 4, f"{method} {path} {status}"


def test_operations_have_names_of_their_own() -> None:
    for application in APPLICATIONS.values():
        paths = described(application)["paths"]
        names = [one["operationId"] for operations in paths.values() for one in operations.values()]
        assert sorted(set(names)) == sorted(names)


def test_a_refusal_of_the_shops_own_is_told_in_its_words() -> None:
    operation = described(shop)["paths"]["/api/v1/orders/{orderId}/confirm-payment"]["post"]
    assert operation["responses"]["402"]["description"] == "The payment was not accepted"


def test_what_begins_something_is_answered_with_201() -> None:
    paths = described(shop)["paths"]
    assert "201" in paths["/api/v1/products"]["post"]["responses"]
    assert "200" in paths["/api/v1/products/{sku}/price"]["post"]["responses"]
    with site(shop) as web:
        draft = {"sku": "M", "title": "Mug"}
        assert web.post("/api/v1/products", draft, by="merchandiser").status == 201
