"""Discount codes: what became of them, and issuing new ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from training.modules.offers.discount import IssueDiscount
from twofold.http.pages.form_page import FormPage
from twofold.http.pages.forms import Form
from twofold.http.pages.list_page import Chips, Column, ListPage
from twofold.http.pages.steps import Step
from twofold.http.pages.subject import Subject
from twofold.http.pages.visit import Visit

_CODE = Subject("code", "code", "/discounts")


def _entered(form: Form) -> Mapping[str, str]:
    return {"code": form.value("code").strip().upper()}


def _blank(_: Mapping[str, Any], __: Visit) -> Mapping[str, Sequence[str]]:
    return {}


PAGES = (
    ListPage(
        subject=_CODE,
        template="discounts.html",
        title="Discount codes",
        query="/api/discounts",
        columns=(
            Column("Code", "text"),
            Column("Status"),
            Column("Booking"),
            Column("Issued", "issuedAt"),
            Column("By"),
        ),
        sorts=(("issuedAt", "Issued"), ("text", "Code")),
        descending=True,
        search="Code",
        chips=(Chips("Status", "status"),),
        begin=("Issue the first one", "/discounts/new"),
    ),
    FormPage(
        subject=_CODE,
        template="discount_form.html",
        address="/discounts/new",
        title="New discount code",
        doing="issuing discount codes",
        step=Step(
            "", "Issue", "Code issued", IssueDiscount, labels={"code": "Code"}, read=_entered
        ),
        fields=_blank,
    ),
)
