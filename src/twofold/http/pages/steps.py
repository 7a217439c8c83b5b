"""Steps that can be taken: buttons and forms, each a command."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from twofold.domain.caller import Caller
from twofold.errors import InvalidInput, NotFound, Problem, Refused
from twofold.http.pages.forms import Field, Form
from twofold.http.pages.site import Site
from twofold.http.pages.visit import Visit
from twofold.messages.validation import read_value
from twofold.messages.value import Command
from twofold.runtime.sending import Done


class Step(msgspec.Struct, frozen=True):
    """A step: its address ("" on a page of its own), its button, what it did, and its command.

    A form that is more than ``fields`` brings the ``labels`` of its fields, and ``read`` makes the
    command's fields of it. ``fixed`` is sent with every one. Until a read model shows the effect,
    pages show what the command answered, ``shows``, and the fields ``keeps`` of the form.
    """

    action: str
    label: str
    done: str
    command: type[Command]
    fields: tuple[Field, ...] = ()
    fixed: Mapping[str, Any] = {}
    danger: bool = False
    labels: Mapping[str, str] = {}
    read: Callable[[Form], Mapping[str, Any]] | None = None
    shows: Mapping[str, str] = {}
    keeps: tuple[str, ...] = ()

    @property
    def asks(self) -> bool:
        """Whether somebody has to fill something in."""
        return any(field.kind != "hidden" for field in self.fields)

    def command_of(self, form: Form, given: Mapping[str, str]) -> Command:
        """The command that a filled-in form stands for. Raises InvalidInput."""
        raw = self.read(form) if self.read else self._entered(form)
        return read_value(self.command, {**self.fixed, **raw}, given=given, strict=False)

    def form(
        self, fields: Mapping[str, Sequence[str]] | None = None, problems: Sequence[Problem] = ()
    ) -> Form:
        """The step's form as entered."""
        labels = self.labels or {field.name: field.label for field in self.fields}
        return Form(fields or {}, problems, labels, prefix=self.action)

    async def take(self, site: Site, visit: Visit, given: Mapping[str, str]) -> Taken:
        """Take it as the visitor filled in its form. Raises NotFound and who-may errors."""
        form = self.form(fields := await visit.fields())
        try:
            command = self.command_of(form, given)
            return Taken(self, form, await site.send(visit, command, form.value("key")))
        except InvalidInput as invalid:
            return Taken(self, self.form(fields, invalid.problems))
        except Refused as refusal:
            return Taken(self, form, refusal=refusal)

    def _entered(self, form: Form) -> Mapping[str, Any]:
        return {field.name: text for field in self.fields if (text := field.entered(form))}


class Taken(msgspec.Struct, frozen=True):
    """What came of a step: done, or why not, with the form as it was filled in."""

    step: Step
    form: Form
    done: Done | None = None
    refusal: Refused | None = None

    @property
    def code(self) -> int:
        """The status of a page that shows why it was not done."""
        return 409 if self.refusal else 422


def known_of(step: Step, form: Form, done: Done) -> dict[str, str]:
    """What is known of a step's effect, as texts for pages."""
    answer: dict[str, Any] = msgspec.json.decode(done.answer)
    texts = {name: text for name, text in answer.items() if isinstance(text, str)}
    kept = {name: form.value(name) for name in step.keeps if form.value(name)}
    return {**texts, **kept, **step.shows}


class Offered(msgspec.Struct, frozen=True):
    """A step offered to somebody; ``why_not`` says why it is not possible now."""

    step: Step
    why_not: str
    primary: bool
    form: Form


class Steps:
    """The steps of one kind of thing."""

    def __init__(self, *steps: Step) -> None:
        self._steps = {step.action: step for step in steps}

    def named(self, action: str) -> Step:
        """The step with that address. Raises NotFound."""
        if action not in self._steps:
            raise NotFound("step", action)
        return self._steps[action]

    def offered(
        self,
        site: Site,
        caller: Caller,
        whys: Mapping[str, str],
        forms: Mapping[str, Form],
        *,
        owner: bool,
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
            Offered(step, why, step is first, forms.get(step.action) or step.form())
            for step, why in known
        ]
