"""Forms: what was entered, and what is wrong with it, beside the fields and in a summary."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from twofold.errors import Problem

_INDEX = re.compile(r"\[(\d+)\]")


Kind: TypeAlias = Literal[
    "text", "area", "decimal", "number", "date", "time", "datetime-local", "hidden"
]


class Field(msgspec.Struct, frozen=True):
    """Something a form asks for. Left empty, ``default`` is sent; without one, nothing is."""

    name: str
    label: str
    help: str = ""
    kind: Kind = "text"
    default: str = ""

    def entered(self, form: Form) -> str:
        """What was filled in, as a command or query takes it."""
        text = form.value(self.name).replace("\r\n", "\n").strip()
        if self.kind in ("decimal", "number"):
            text = text.replace(",", "")
        if self.kind == "datetime-local" and text:
            # Browsers send the local form; pages say that times are UTC.
            text = f"{text}:00Z" if text.count(":") == 1 else f"{text}Z"
        return text or self.default


class Complaint(msgspec.Struct, frozen=True):
    """A line of the summary: what it says and the id of the field to go to ("" = none)."""

    text: str
    anchor: str


class Form:
    """The fields of a form as entered. ``labels`` names fields as the page does.

    A label for the fields of a list is given as ``lines[].sku`` and may contain ``{n}``. ``prefix``
    tells the fields of several forms on one page apart.
    """

    def __init__(
        self,
        fields: Mapping[str, Sequence[str]],
        problems: Sequence[Problem] = (),
        labels: Mapping[str, str] | None = None,
        prefix: str = "",
    ) -> None:
        self._fields = fields
        self._problems = problems
        self._labels = labels or {}
        self._prefix = prefix

    def value(self, name: str, default: str = "") -> str:
        """What was entered in a field."""
        return (self._fields.get(name) or [default])[0]

    def values(self, name: str) -> Sequence[str]:
        """What was entered or chosen in all fields of that name."""
        return self._fields.get(name, ())

    def id(self, name: str) -> str:
        """The id of a field on the page."""
        return anchor(f"{self._prefix}-{name}" if self._prefix else name)

    def error(self, *names: str) -> str:
        """What is wrong with a field (under any of its names), "" if nothing."""
        return "; ".join(p.message for p in self._problems if p.field in names)

    @property
    def complaints(self) -> list[Complaint]:
        """Everything that is wrong, each with its field, in the order of the labels."""
        ordered = sorted(self._problems, key=lambda problem: self._place(problem.field))
        return [self._complaint(problem) for problem in ordered]

    def _place(self, field: str) -> tuple[int, int, int]:
        """Where a field stands in the form: fields of a list row by row, unknown ones last."""
        names, index = list(self._labels), _INDEX.search(field)
        known = _INDEX.sub("[]", field)
        own = names.index(known) if known in names else len(names)
        if index is None:
            return own, 0, 0
        rows = [name for name in names if name.startswith(known.partition("[]")[0] + "[]")]
        first = names.index(rows[0]) if rows else len(names)
        return first, int(index.group(1)), own

    def _complaint(self, problem: Problem) -> Complaint:
        label = self._label(problem.field)
        text = f"{label}: {problem.message}" if label else problem.message
        return Complaint(text, self.id(problem.field) if problem.field else "")

    def _label(self, field: str) -> str:
        index = _INDEX.search(field)
        label = self._labels.get(_INDEX.sub("[]", field), "")
        return label.format(n=int(index.group(1)) + 1) if index else label


def anchor(field: str) -> str:
    """The id of a field: ``lines[0].sku`` → ``lines-0-sku``."""
    return re.sub(r"\W+", "-", field).strip("-")
