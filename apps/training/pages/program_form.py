"""Changing a released program: a new revision of its texts."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from training.modules.programs.program import UpdateProgram
from training.pages.content_form import LABELS, LEVELS, fields_of, lacking, listed, raw_content
from training.pages.looks import known_of
from twofold import Problem, Refused
from twofold.errors import Forbidden, InvalidInput
from twofold.http.pages.forms import Form
from twofold.http.pages.site import Site
from twofold.http.pages.visit import Visit
from twofold.messages.validation import read_value

_ONE = "/api/training-programs/{programId}"


class ProgramForm:
    """The form for a new revision."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def edit(self, request: Request) -> Response:
        """The form with what the program says."""
        visit = Visit.of(request, self._site.security)
        program_id = request.path_params["program_id"]
        program = (await self._site.one(visit, _ONE, program_id)).content
        owner = program["author"] == visit.caller.subject
        if not self._site.may(UpdateProgram, visit.caller, owner=owner):
            raise Forbidden("changing a program", "its author and administrators")
        return self._page(visit, program_id, Form(fields_of(program), (), LABELS))

    async def update(self, request: Request) -> Response:
        """Release the new revision; what is released stays releasable."""
        visit = Visit.of(request, self._site.security)
        program_id = request.path_params["program_id"]
        form = Form(fields := await visit.fields())
        given = {"programId": program_id}
        try:
            command = read_value(UpdateProgram, raw_content(form), given=given, strict=False)
            done = await self._site.send(visit, command, form.value("key"))
        except InvalidInput as invalid:
            return self._page(visit, program_id, Form(fields, invalid.problems, LABELS), 422)
        except Refused as refusal:
            problems = [Problem("", str(refusal))]
            return self._page(visit, program_id, Form(fields, problems, LABELS), 409)
        what, known = "New revision released", known_of(done)
        deed = visit.deed(self._site.system, "program", program_id, what, done, known)
        return visit.see(f"/programs/{program_id}", self._site.system, deed)

    def _page(self, visit: Visit, program_id: str, form: Form, code: int = 200) -> Response:
        values = {
            "form": form,
            "action": f"/revise/{program_id}",
            "title": "Change the program",
            "levels": LEVELS,
            "lacking": listed(lacking(form)),
            "may_submit": False,
            "key": self._site.new_key(),
        }
        return self._site.page(visit, "content_form.html", values, code)
