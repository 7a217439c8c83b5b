"""Steps that can be taken with one thing: buttons and small forms, each a command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import msgspec

from twofold.domain.caller import Caller
from twofold.errors import InvalidInput, NotFound, Problem, Refused
from twofold.http.pages.forms import Form
from twofold.http.pages.site import Site
from twofold.http.pages.visit import Visit
from twofold.messages.validation import read_value
from twofold.messages.value import Command
from twofold.runtime.sending import Done

Kind: TypeAlias = Literal[
    "text", "area", "decimal", "number", "date", "time", "datetime-local", "hidden"
]


class Field(msgspec.Struct, frozen=True):
    """Something a step asks for. Left empty, ``default`` is sent; without one, nothing is."""

    name: str
    label: str
    help: str = ""
    kind: Kind = "text"
    default: str = ""


class Step(msgspec.Struct, frozen=True):
    """A step: its address, its button, what it did in the past tense, and its command.

    ``fixed`` is sent with every one.
    """

    action: str
    label: str
    done: str
    command: type[Command]
    fields: tuple[Field, ...] = ()
    fixed: Mapping[str, Any] = {}
    danger: bool = False

    @property
    def asks(self) -> bool:
        """Whether somebody has to fill something in."""
        return any(field.kind != "hidden" for field in self.fields)

    def command_of(self, form: Form, given: Mapping[str, str]) -> Command:
        """The command that a filled-in form stands for. Raises InvalidInput."""
        raw = {field.name: text for field in self.fields if (text := _entered(field, form))}
        return read_value(self.command, {**self.fixed, **raw}, given=given, strict=False)

    def form(
        self, fields: Mapping[str, Sequence[str]] | None = None, problems: Sequence[Problem] = ()
    ) -> Form:
        """The step's form as entered."""
        labels = {field.name: field.label for field in self.fields}
        return Form(fields or {}, problems, labels, prefix=self.action)


class Offered(msgspec.Struct, frozen=True):
    """A step offered to somebody; ``why_not`` says why it is not possible now."""

    step: Step
    why_not: str
    primary: bool
    form: Form


class Taken(msgspec.Struct, frozen=True):
    """What came of a step: done, or why not, with the form as it was filled in."""

    step: Step
    done: Done | None = None
    forms: Mapping[str, Form] = {}
    refusal: Refused | None = None

    @property
    def code(self) -> int:
        """The status of a page that shows why it was not done."""
        return 409 if self.refusal else 422


class Steps:
    """The steps of one kind of thing."""

    def __init__(self, *steps: Step) -> None:
        self._steps = {step.action: step for step in steps}

    def named(self, action: str) -> Step:
        """The step with that address. Raises NotFound."""
        if action not in self._steps:
            raise NotFound("step", action)
        return self._steps[action]

    async def take(self, site: Site, visit: Visit, action: str, given: Mapping[str, str]) -> Taken:
        """Take the step that the visitor's form stands for. Raises who-may errors and NotFound."""
        step = self.named(action)
        form = step.form(fields := await visit.fields())
        try:
            command = step.command_of(form, given)
            return Taken(step, await site.send(visit, command, form.value("key")))
        except InvalidInput as invalid:
            return Taken(step, forms={action: step.form(fields, invalid.problems)})
        except Refused as refusal:
            return Taken(step, refusal=refusal)

    def offered(
        self,
        site: Site,
        caller: Caller,
        whys: Mapping[str, str],
        *,
        owner: bool,
        forms: Mapping[str, Form] | None = None,
    ) -> list[Offered]:
        """The steps of ``whys`` that the caller may take in principle; "" means possible.

        ``forms`` are those with something in them: defaults, or what was wrong. The first possible
        step is the primary one.
        """
        known = [
            (self._steps[action], why)
            for action, why in whys.items()
            if site.may(self._steps[action].command, caller, owner=owner)
        ]
        first = next((step for step, why in known if not why and not step.danger), None)
        return [
            Offered(step, why, step is first, (forms or {}).get(step.action) or step.form())
            for step, why in known
        ]


def _entered(field: Field, form: Form) -> str:
    text = form.value(field.name).replace("\r\n", "\n").strip()
    if field.kind in ("decimal", "number"):
        text = text.replace(",", "")
    if field.kind == "datetime-local" and text:
        # Browsers send the local form; pages say that times are UTC.
        text = f"{text}:00Z" if text.count(":") == 1 else f"{text}Z"
    return text or field.default
