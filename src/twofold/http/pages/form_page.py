"""Forms as pages: for something new, and for changing what is there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
from starlette.responses import Response
from starlette.routing import Route

from twofold.http.pages.forms import Form
from twofold.http.pages.page import served
from twofold.http.pages.site import Site
from twofold.http.pages.steps import Step, Taken, known_of
from twofold.http.pages.subject import Subject
from twofold.http.pages.visit import Visit

Fields: TypeAlias = Mapping[str, Sequence[str]]
More: TypeAlias = Callable[[Site, Visit, Form], Awaitable[Mapping[str, Any]]]


class FormPage(msgspec.Struct, frozen=True, kw_only=True):
    """The form for a step that makes a subject, or changes one (``changes``).

    ``doing`` names the step where somebody is not let in. ``fields`` is what the form begins with,
    made of what the document says (nothing for a new one) and of the visit. A button named ``then``
    may choose another step: one taken ``instead``, or ``afterwards`` with what was saved.
    """

    subject: Subject
    template: str
    address: str
    title: str
    doing: str
    step: Step
    changes: bool = False
    fields: Callable[[Mapping[str, Any], Visit], Fields]
    instead: Mapping[str, Step] = {}
    afterwards: Mapping[str, Step] = {}
    more: More | None = None

    def routes(self, site: Site) -> list[Route]:
        """Its address."""
        return [
            served(site, self.address, self.show),
            served(site, self.address, self.save, "POST"),
        ]

    async def show(self, site: Site, visit: Visit) -> Response:
        """The form as it begins. Raises NotFound and who-may errors."""
        document = await self._document(site, visit)
        owner = not self.changes or document.get(self.subject.owner) == visit.caller.subject
        site.need(self.step.command, visit.caller, self.doing, owner=owner)
        return await self._page(site, visit, self.step.form(self.fields(document, visit)))

    async def save(self, site: Site, visit: Visit) -> Response:
        """Take the step; what is wrong is said in the form, with all that was entered kept."""
        subject, form = self.subject, Form(await visit.fields())
        then = form.value("then")
        step = self.instead.get(then, self.step)
        taken = await step.take(site, visit, self._given(visit))
        if taken.done is None:
            return await self._page(site, visit, taken.form, taken)
        known, what, done = known_of(step, form, taken.done), step.done, taken.done
        identity = visit.named(subject.key) if self.changes else known[subject.key]
        if following := self.afterwards.get(then):
            command = following.command_of(Form({}), {subject.key: identity})
            done = await site.send(visit, command, f"{form.value('key')}-{then}")
            known, what = known | known_of(following, form, done), following.done
        return site.seen(visit, subject, identity, what, done, known)

    def _given(self, visit: Visit) -> dict[str, str]:
        return {self.subject.key: visit.named(self.subject.key)} if self.changes else {}

    async def _document(self, site: Site, visit: Visit) -> Mapping[str, Any]:
        if not self.changes:
            return {}
        found = await site.one(visit, self.subject.query, visit.named(self.subject.key))
        return found.content

    async def _page(
        self, site: Site, visit: Visit, form: Form, taken: Taken | None = None
    ) -> Response:
        values = {
            "title": self.title,
            "form": form,
            "step": self.step,
            "afterwards": self.afterwards,
            "new": not self.changes,
            "refusal": taken.refusal if taken else None,
            # The attempt before is answered: what is sent next is another one.
            "key": site.new_key(),
            **(await self.more(site, visit, form) if self.more else {}),
        }
        return site.page(visit, self.template, values, taken.code if taken else 200)
