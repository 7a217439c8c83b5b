"""Lists as pages: declared once, filled from the address, marked with what was just done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
from starlette.responses import Response
from starlette.routing import Route

from twofold.http.pages.forms import Field
from twofold.http.pages.page import served
from twofold.http.pages.pending import Pending
from twofold.http.pages.site import Site
from twofold.http.pages.subject import Subject
from twofold.http.pages.visit import Visit

More: TypeAlias = Callable[[Site, Visit], Awaitable[Mapping[str, Any]]]


class Column(msgspec.Struct, frozen=True):
    """A column's head. ``sort`` is the field it sorts by, if any; numbers stand on the right."""

    label: str
    sort: str = ""
    number: bool = False


class Chips(msgspec.Struct, frozen=True):
    """A facet to filter by: ``names`` are words for its values, ``shown`` how many at first."""

    label: str
    field: str
    names: Mapping[Any, str] = {}
    shown: int = 8


class Switch(msgspec.Struct, frozen=True):
    """A filter that is on or off."""

    label: str
    field: str
    on: str


class ListPage(msgspec.Struct, frozen=True, kw_only=True):
    """A list of subjects. ``template`` extends ``twofold/list.html`` and says what a row is.

    ``query`` is the route that answers it, with ``fixed`` parameters. ``sorts`` are fields and
    labels, the first one the usual. ``search`` says what is searched ("" = nothing), ``filters``
    stand beside it. ``none_yet`` and ``begin`` (label, address) are for an empty list. What others
    change is told ("3 new orders") or, if ``follows``, shown at once. ``more`` are further values.
    """

    subject: Subject
    template: str
    title: str
    query: str
    columns: Sequence[Column]
    sorts: Sequence[tuple[str, str]]
    descending: bool = False
    address: str = ""
    fixed: Mapping[str, Sequence[str]] = {}
    search: str = ""
    filters: Sequence[Field] = ()
    chips: Sequence[Chips] = ()
    switches: Sequence[Switch] = ()
    none_yet: str = ""
    begin: tuple[str, str] = ("", "")
    follows: bool = False
    wide: bool = True
    more: More | None = None

    @property
    def where(self) -> str:
        """The list's address."""
        return self.address or self.subject.address

    @property
    def searched(self) -> list[str]:
        """The fields of the search form."""
        return ["q", *(field.name for field in self.filters)]

    def routes(self, site: Site) -> list[Route]:
        """Its address."""
        return [served(site, self.where, self.show)]

    async def show(self, site: Site, visit: Visit) -> Response:
        """The page. What the visitor just did is there at once, marked."""
        view = await site.page_of(
            visit,
            self.query,
            facets=",".join(chips.field for chips in self.chips),
            fixed=self.fixed,
            sort=(self.sorts[0][0], "desc" if self.descending else "asc"),
        )
        late = await visit.pending(site.system, view.live, self.subject.kind, view.fresh)
        shown = {item[self.subject.key] for item in view.items}
        latest = {one.deed.identity: one for one in reversed(late)}
        values = {
            "list": self,
            "view": view,
            "late": late,
            "changed": latest,
            "added": [latest[new] for new in _new(late) if new not in shown],
            **(await self.more(site, visit) if self.more else {}),
        }
        return site.page(visit, self.template, values)


def _new(late: Sequence[Pending]) -> dict[str, None]:
    """What is new to the read model, the newest first."""
    return dict.fromkeys(one.deed.identity for one in late if one.deed.new)
