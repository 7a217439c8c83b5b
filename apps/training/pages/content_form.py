"""The form for what a training teaches: the same for proposals and programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from training.modules.programs.contracts import Content, Level, Shortcoming
from training.modules.programs.specification import shortcomings
from twofold.errors import InvalidInput
from twofold.http.pages.form_page import FormPage
from twofold.http.pages.forms import Form
from twofold.http.pages.site import Site
from twofold.http.pages.steps import Step
from twofold.http.pages.subject import Subject
from twofold.http.pages.visit import Visit
from twofold.messages.validation import read_value

TEXTS = ("title", "trainer", "description", "agenda", "plan")
LEVELS = [(level.value, level.value) for level in Level]
LABELS = {
    "title": "Title",
    "categories": "Categories",
    "level": "Level",
    "trainer": "Trainer",
    "durationInDays": "Duration in days",
    "description": "Description",
    "agenda": "Agenda",
    "plan": "Plan",
}


_BLANK = {"level": ["beginner"], "durationInDays": ["1"]}


def content_page(
    subject: Subject,
    address: str,
    title: str,
    doing: str,
    step: Step,
    submitting: Step | None = None,
) -> FormPage:
    """The form for ``step``; with ``submitting`` it can be saved incomplete, and submitted."""
    return FormPage(
        subject=subject,
        template="content_form.html",
        address=address,
        title=title,
        doing=doing,
        step=msgspec.structs.replace(step, labels=LABELS, read=raw_content, keeps=("title",)),
        changes="{" in address,
        fields=fields_of,
        afterwards={"submit": submitting} if submitting else {},
        more=_choices,
    )


async def _choices(_: Site, __: Visit, form: Form) -> Mapping[str, Any]:
    return {"levels": LEVELS, "lacking": listed(lacking(form))}


def raw_content(form: Form) -> dict[str, Any]:
    """The form's fields as a command or query takes them."""
    raw: dict[str, Any] = {name: _text(form, name) for name in TEXTS}
    categories = (part.strip() for part in form.value("categories").split(","))
    raw["categories"] = list(dict.fromkeys(part for part in categories if part))
    raw["level"] = form.value("level")
    raw["durationInDays"] = form.value("durationInDays").strip()
    return raw


def fields_of(document: Mapping[str, Any], _: Visit) -> Mapping[str, Sequence[str]]:
    """A document's content as the fields of the form."""
    if not document:
        return _BLANK
    fields = {name: [str(document[name])] for name in (*TEXTS, "level", "durationInDays")}
    return {**fields, "categories": [", ".join(document["categories"])]}


def lacking(form: Form) -> list[Shortcoming]:
    """Everything that keeps the texts from being released, also while fields are still empty."""
    raw = raw_content(form)
    texts = {name: raw[name] for name in TEXTS}
    # Built without being checked: texts are judged whatever else is missing.
    content = Content(
        **texts, categories=tuple(raw["categories"]), level=Level.BEGINNER, duration_in_days=1
    )
    found = list(shortcomings(content))
    told = {one.field for one in found}
    return [*(one for one in _unreadable(raw) if one.field not in told), *found]


def _unreadable(raw: dict[str, Any]) -> list[Shortcoming]:
    try:
        read_value(Content, raw, strict=False)
    except InvalidInput as invalid:
        return [Shortcoming(field=p.field, message=p.message) for p in invalid.problems]
    return []


def listed(found: list[Shortcoming] | list[dict[str, str]]) -> list[tuple[str, str]]:
    """Shortcomings as label and message."""
    plain = [msgspec.to_builtins(one) for one in found]
    return [(LABELS.get(one["field"], one["field"]), one["message"]) for one in plain]


def _text(form: Form, name: str) -> str:
    return form.value(name).replace("\r\n", "\n").strip()
