"""Forms know what was entered and where it is wrong."""

from __future__ import annotations

from twofold.errors import Problem
from twofold.http.pages.forms import Form, anchor

LABELS = {"country": "Country", "lines[].sku": "Product {n}"}


def test_every_problem_is_in_the_summary_with_its_label_and_its_field() -> None:
    problems = [Problem("lines[1].sku", "is unknown"), Problem("country", "is missing")]
    found = [(one.text, one.anchor) for one in Form({}, problems, LABELS).complaints]
    assert found == [("Product 2: is unknown", "lines-1-sku"), ("Country: is missing", "country")]


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
