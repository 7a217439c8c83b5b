"""Who asks, and who may."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from twofold.errors import Forbidden, SignInRequired


class Caller(msgspec.Struct, frozen=True):
    """The person or program behind a request; ``subject`` is "" when nobody is signed in."""

    subject: str = ""
    name: str = ""
    roles: frozenset[str] = frozenset()


NOBODY = Caller()
SYSTEM = Caller(subject="system", name="the system itself", roles=frozenset({"system"}))


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may. Rules combine with ``|`` and ``&``; ``text`` finishes the sentence "… is for".

    ``admits`` decides on the caller alone. Where ``owners`` is set, callers whom it refuses still
    reach what belongs to them: documents and aggregates whose ``Owner`` field is their subject.
    ``entitled`` limits who of them: ``role("participant") & own``.
    """

    text: str
    admits: Callable[[Caller], bool]
    owners: bool = False
    entitled: Callable[[Caller], bool] = lambda caller: True

    def __or__(self, other: Rule) -> Rule:
        return Rule(
            f"{self.text} or {other.text}",
            lambda caller: self.admits(caller) or other.admits(caller),
            self.owners or other.owners,
            lambda caller: self._owns(caller) or other._owns(caller),
        )

    def __and__(self, other: Rule) -> Rule:
        return Rule(
            f"{self.text} and {other.text}",
            lambda caller: self.admits(caller) and other.admits(caller),
            self.owners or other.owners,
            lambda caller: self._reaches(caller) and other._reaches(caller),
        )

    def _owns(self, caller: Caller) -> bool:
        return self.owners and self.entitled(caller)

    def _reaches(self, caller: Caller) -> bool:
        return self.admits(caller) or self._owns(caller)

    def check(self, operation: str, caller: Caller) -> bool:
        """Whether the caller is limited to what is theirs.

        Raises SignInRequired or Forbidden where there is nothing for the caller.
        """
        if self.admits(caller):
            return False
        if not caller.subject:
            raise SignInRequired(operation)
        if not self._owns(caller):
            raise Forbidden(operation, self.text)
        return True


anyone = Rule("anyone", lambda caller: True)
signed_in = Rule("whoever is signed in", lambda caller: bool(caller.subject))
own = Rule("the owner", lambda caller: False, owners=True)
nobody = Rule("the system itself", lambda caller: caller.subject == SYSTEM.subject)


def role(*names: str) -> Rule:
    """Callers who have one of the roles."""
    wanted = frozenset(names)
    return Rule(" or ".join(names), lambda caller: not wanted.isdisjoint(caller.roles))
