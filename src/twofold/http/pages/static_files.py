"""Style and scripts of pages, under addresses that change with their content."""

from __future__ import annotations

import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

_FOLDER = Path(__file__).parent / "static"
_MEDIA = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}


class StaticFiles:
    """The files that all pages share."""

    def __init__(self) -> None:
        self._files = {file.name: file.read_bytes() for file in _FOLDER.iterdir()}
        # One mark for all: modules name each other by relative addresses.
        content = b"".join(self._files[name] for name in sorted(self._files))
        self._mark = hashlib.blake2b(content, digest_size=6).hexdigest()

    def address(self, name: str) -> str:
        """Where a file is served; it changes with the content, so it is cached for ever."""
        return f"/static/{self._mark}/{name}"

    async def answer(self, request: Request) -> Response:
        """GET /static/{mark}/{name}."""
        name = request.path_params["name"]
        if name not in self._files or request.path_params["mark"] != self._mark:
            return Response("not found", 404)
        headers = {"cache-control": "public, max-age=31536000, immutable"}
        return Response(self._files[name], media_type=_MEDIA[Path(name).suffix], headers=headers)
