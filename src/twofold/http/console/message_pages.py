"""Messages that were kept aside: look, try again, dismiss."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from twofold.errors import InvalidInput, NotFound, Problem
from twofold.http.console.frame import Frame
from twofold.http.pages.forms import Form
from twofold.http.pages.visit import Visit
from twofold.messages.recorded import moment
from twofold.ports.inbox import Rejected
from twofold.runtime.rejected import RejectedMessages, place_of, read_place

_SHOWN = 200
_LONGEST_REASON = 1_000
_LABELS = {"reason": "Why nothing is to come of it"}


class MessagePages:
    """What could not be used, and what operators do about it."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._inbox = frame.system.log.inbox
        self._messages = RejectedMessages(frame.system)

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [
            self._frame.served("/messages", self.page),
            self._frame.served("/messages/message", self.message),
            self._frame.served("/messages/retry", self.retry, "POST"),
            self._frame.served("/messages/dismiss", self.dismiss, "POST"),
        ]

    async def page(self, visit: Visit) -> Response:
        """The newest first."""
        dismissed = visit.parameter("dismissed") == "yes"
        found = await self._inbox.rejected(_SHOWN, dismissed=dismissed)
        depth = await self._inbox.depth()
        values = {
            "messages": [_told(one) for one in found],
            "dismissed": dismissed,
            "shown": _SHOWN,
            "waiting": depth.waiting,
            "oldest": moment(depth.oldest_us) if depth.oldest_us else None,
            "total": depth.rejected,
            "released": visit.parameter("released"),
            "told": visit.parameter("told"),
        }
        return self._frame.page(visit, "messages.html", values)

    async def message(self, visit: Visit) -> Response:
        """One of them. Raises NotFound."""
        return self._show(visit, await self._found(visit.parameter("place")))

    async def retry(self, visit: Visit) -> Response:
        """Try it again. Raises NotFound."""
        message = await self._found(Form(await visit.fields()).value("place"))
        retried = await self._messages.retry(message, visit.caller.subject)
        if not retried.released:
            return self._show(visit, message, {"refused": retried.told}, 409)
        return self._frame.see(visit, "/messages", released=place_of(message), told=retried.told)

    async def dismiss(self, visit: Visit) -> Response:
        """Note that nothing is to come of it. Raises NotFound."""
        fields = await visit.fields()
        form = Form(fields, (), _LABELS)
        message = await self._found(form.value("place"))
        reason = form.value("reason").strip()
        if not reason or len(reason) > _LONGEST_REASON:
            why = f"say why, in up to {_LONGEST_REASON:,} characters"
            wrong = Form(fields, [Problem("reason", why)], _LABELS)
            return self._show(visit, message, {"form": wrong}, 422)
        if not await self._messages.dismiss(message, reason, visit.caller.subject):
            now = await self._found(place_of(message))
            return self._show(visit, now, {"refused": "somebody was faster"}, 409)
        return self._frame.see(visit, "/messages", released=place_of(message), told="dismissed")

    async def _found(self, place: str) -> Rejected:
        known = read_place(place)
        if known is None:
            raise InvalidInput([Problem("place", "channel/partition@offset, as the list says it")])
        message = await self._inbox.find_rejected(*known)
        if message is None:
            raise NotFound("message kept aside", place)
        return message

    def _show(
        self,
        visit: Visit,
        message: Rejected,
        more: dict[str, Any] | None = None,
        status: int = 200,
    ) -> Response:
        values: dict[str, Any] = {
            "message": _told(message),
            "attributes": sorted(message.attributes.items()),
            "form": Form({}, (), _LABELS),
            "refused": "",
            **(more or {}),
        }
        return self._frame.page(visit, "message.html", values, status)


def _told(message: Rejected) -> dict[str, Any]:
    done = message.dismissed
    return {
        "place": place_of(message),
        "channel": message.channel,
        "at": moment(message.time_us).isoformat(),
        "reason": message.reason,
        "data": message.data.decode("utf-8", "replace"),
        "dismissed": done,
        "dismissed_at": moment(done.time_us).isoformat() if done else "",
    }
