"""All places in which something may wait, and what waits there, page by page."""

from __future__ import annotations

from collections.abc import Sequence

from twofold.errors import InvalidInput, NotFound, Problem
from twofold.runtime.nearest import nearest
from twofold.runtime.parking.commands import ParkedCommands
from twofold.runtime.parking.instances import ParkedInstances
from twofold.runtime.parking.kinds import ParkedKind
from twofold.runtime.parking.projections import ParkedProjections
from twofold.runtime.parking.views import STATES, ParkedPage, ParkedView, Wanted
from twofold.runtime.system import System


class Places:
    """Projections, processes, and the accepted commands."""

    def __init__(self, system: System) -> None:
        self._projections = ParkedProjections(system)
        self._kinds: Sequence[ParkedKind] = (
            self._projections,
            ParkedInstances(system),
            ParkedCommands(system),
        )

    def names(self) -> Sequence[str]:
        """What operators call them."""
        return [name for kind in self._kinds for name in kind.names()]

    def kind(self, name: str) -> ParkedKind:
        """What the place ``name`` is one of. Raises NotFound."""
        known = {one: kind for kind in self._kinds for one in kind.names()}
        if name not in known:
            raise NotFound("projection", name, nearest(name, known))
        return known[name]

    def by_cause(self, name: str) -> bool:
        """Whether what waits in the place ``name`` can be listed by its cause."""
        return name in self._projections.names()

    async def page(self, wanted: Wanted, offset: int, size: int) -> ParkedPage:
        """What of ``wanted`` comes after the first ``offset``. Raises NotFound, InvalidInput."""
        name, state, cause = wanted.projection, wanted.state, wanted.cause
        self._check(wanted)
        items: list[ParkedView] = []
        total, causes = 0, dict[str, int]()
        for kind in [self.kind(name)] if name else self._kinds:
            room = size - len(items)
            part = await kind.part(name, state, cause, max(0, offset - total), room)
            items += part.items
            total += part.total
            for one, count in part.causes.items():
                causes[one] = causes.get(one, 0) + count
        end = offset + len(items)
        return ParkedPage(tuple(items), total, causes, str(end) if end < total else None)

    def _check(self, wanted: Wanted) -> None:
        if wanted.state and wanted.state not in STATES:
            raise InvalidInput([Problem("state", f"one of {', '.join(STATES)}")])
        if "\x00" in wanted.cause:
            why = "must not contain the character U+0000"
            raise InvalidInput([Problem("cause", why)])
        if wanted.cause and not wanted.projection:
            raise InvalidInput([Problem("cause", "name the projection as well")])
        if wanted.cause and not self.by_cause(wanted.projection):
            self.kind(wanted.projection)
            why = f"{wanted.projection} can't be narrowed to a cause; leave it out"
            raise InvalidInput([Problem("cause", why)])
