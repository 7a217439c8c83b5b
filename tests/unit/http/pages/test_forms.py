"""Forms know what was entered and where it is wrong."""

from __future__ import annotations

from twofold.errors import Problem
from twofold.http.pages.forms import Form, anchor

LABELS = {"country": "Country", "lines[].sku": "Product {n}"}


def test_every_problem_is_in_the_summary_with_its_label_and_its_field() -> None:
    problems = [Problem("lines[1].sku", "is unknown"), Problem("country", "is missing")]
    found = [(one.text, one.anchor) for one in Form({}, problems, LABELS).complaints]
    assert found == [("Country: is missing", "country"), ("Product 2: is unknown", "lines-1-sku")]


def test_the_summary_goes_through_the_form_row_by_row() -> None:
    labels = {"lines[].sku": "Product {n}", "lines[].quantity": "Quantity {n}", "note": "Note"}
    fields = ["other", "note", "lines[1].sku", "lines[0].quantity", "lines[1].quantity"]
    found = Form({}, [Problem(field, "is wrong") for field in fields], labels).complaints
    assert [one.text.partition(":")[0] for one in found] == [
        *("Quantity 1", "Product 2", "Quantity 2", "Note"),
        "is wrong",
    ]


def test_a_problem_of_the_whole_leads_nowhere() -> None:
    (found,) = Form({}, [Problem("", "too much")]).complaints
    assert (found.text, found.anchor) == ("too much", "")


def test_all_that_is_wrong_with_a_field_stands_beside_it() -> None:
    form = Form({}, [Problem("title", "too short"), Problem("title", "too dull")])
    assert form.error("title") == "too short; too dull"
    assert form.error("other") == ""


def test_what_was_entered_is_kept() -> None:
    form = Form({"sku": ["A", "B"]})
    assert form.value("sku") == "A"
    assert form.values("sku") == ["A", "B"]
    assert form.value("country", "France") == "France"


def test_the_id_of_a_field_can_stand_in_an_address() -> None:
    assert anchor("lines[10].unitPrice") == "lines-10-unitPrice"
