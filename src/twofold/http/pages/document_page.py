"""One thing as a page: what it says, what was just done to it, and what can be done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
from starlette.responses import Response
from starlette.routing import Route

from twofold.errors import NotFound
from twofold.http.pages.forms import Form
from twofold.http.pages.freshness import Freshness
from twofold.http.pages.page import served
from twofold.http.pages.pending import Pending
from twofold.http.pages.site import Site
from twofold.http.pages.steps import Offered, Steps, Taken, known_of
from twofold.http.pages.subject import Subject
from twofold.http.pages.visit import Visit


class Shown(msgspec.Struct, frozen=True):
    """A document as somebody sees it.

    ``late`` is what they did and it does not contain yet, ``status`` its state with that,
    ``taken`` the step that was just not done.
    """

    content: Mapping[str, Any]
    late: Sequence[Pending]
    status: str
    reader: str
    own: bool
    taken: Taken | None = None


WhyNot: TypeAlias = Callable[[Shown], Mapping[str, str]]
Forms: TypeAlias = Callable[[Shown], Mapping[str, Form]]
More: TypeAlias = Callable[[Site, Visit, Shown], Awaitable[Mapping[str, Any]]]


class DocumentPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of one subject. ``template`` extends ``twofold/document.html``.

    ``why_not`` says for each of the ``steps`` why it is not possible now ("" if it is), ``forms``
    what their forms begin with, ``more`` gives the template further values. ``arriving`` is shown
    of what the visitor just made, until the read model has it.
    """

    subject: Subject
    template: str
    steps: Steps = Steps()
    why_not: WhyNot | None = None
    forms: Forms | None = None
    more: More | None = None
    arriving: str = "twofold/arriving.html"

    def routes(self, site: Site) -> list[Route]:
        """Its address, and those of its steps."""
        action = f"{self.subject.one}/{{action}}"
        return [
            served(site, self.subject.one, self.show),
            served(site, action, self.take, "POST"),
        ]

    async def take(self, site: Site, visit: Visit) -> Response:
        """Take a step; what is wrong with it is shown where its button is."""
        identity = visit.named(self.subject.key)
        step = self.steps.named(visit.named("action"))
        taken = await step.take(site, visit, {self.subject.key: identity})
        if taken.done is None:
            return await self.show(site, visit, taken)
        known = known_of(step, taken.form, taken.done)
        return site.seen(visit, self.subject, identity, step.done, taken.done, known)

    async def show(self, site: Site, visit: Visit, taken: Taken | None = None) -> Response:
        """The page; after a step that was not done, with the reason."""
        subject, identity = self.subject, visit.named(self.subject.key)
        try:
            found = await site.one(visit, subject.query, identity)
        except NotFound:
            return await self._arriving(site, visit, identity)
        late = await visit.pending(site.system, found.live, subject.kind, found.fresh, identity)
        shown = _shown(subject, found.content, late, visit.caller.subject, taken)
        values: dict[str, Any] = {
            subject.kind: shown.content,
            "live": found.live,
            "fresh": found.fresh,
            "late": late,
            "status": shown.status,
            "address": subject.where(identity),
            "offered": self._offered(site, visit, shown),
            "key": site.new_key(),
            "refusal": taken.refusal if taken else None,
            **(await self.more(site, visit, shown) if self.more else {}),
        }
        return site.page(visit, self.template, values, taken.code if taken else 200)

    def _offered(self, site: Site, visit: Visit, shown: Shown) -> list[Offered]:
        whys = self.why_not(shown) if self.why_not else {}
        forms = dict(self.forms(shown)) if self.forms else {}
        if shown.taken and not shown.taken.refusal:
            forms[shown.taken.step.action] = shown.taken.form
        return self.steps.offered(site, visit.caller, whys, forms, owner=shown.own)

    async def _arriving(self, site: Site, visit: Visit, identity: str) -> Response:
        """Made by the visitor, and not arrived yet. Raises NotFound for anything else."""
        known = Freshness("catching-up")
        live = site.live(self.subject.query)
        late = await visit.pending(site.system, live, self.subject.kind, known, identity)
        if not late:
            raise NotFound(self.subject.kind, identity)
        values = {"late": late, "fresh": known, "live": live, "list": self.subject.address}
        return site.page(visit, self.arriving, values)


def _shown(
    subject: Subject,
    content: Mapping[str, Any],
    late: Sequence[Pending],
    reader: str,
    taken: Taken | None,
) -> Shown:
    status = str(content.get("status", ""))
    if late:
        status = late[0].shown.get("status", status)
    own = bool(subject.owner) and content[subject.owner] == reader
    return Shown(content, late, status, reader, own, taken)
