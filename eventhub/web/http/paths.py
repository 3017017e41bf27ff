"""Paths in which nothing varies but one id, found at once however many there are."""

import re
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.web_urldispatcher import UrlMappingMatchInfo

_ID = re.compile(r"(?<=/)[0-9]+(?=/)")


class Paths(web.PlainResource):
    """The paths below /api of which a dictionary knows all. aiohttp tries one after another where several begin alike."""

    def __init__(self) -> None:
        super().__init__("/api")
        # By what stands before an id and behind it, or by the whole path.
        self._resources: dict[tuple[str, ...], web.Resource] = {}

    def can_have(self, path: str) -> bool:
        """Return whether a path is one of these. What varies in another way is left to aiohttp."""
        return path.startswith("/api/") and "{" not in path.replace("{id}", "")

    def add(
        self, method: str, path: str, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> None:
        """Let `handler` answer what is asked of this path, in which an id stands as `{id}`."""
        key = tuple(path.split("{id}"))
        if key not in self._resources:
            # Digits alone, or a GET of a POST's path (…/mark_all_as_read/) would look for a row of that name.
            pattern = path.replace("{id}", "{id:[0-9]+}")
            self._resources[key] = web.DynamicResource(pattern) if len(key) > 1 else web.PlainResource(path)
        self._resources[key].add_route(method, handler)

    async def resolve(self, request: web.Request) -> tuple[UrlMappingMatchInfo | None, set[str]]:
        path = request.rel_url.path_safe
        number = _ID.search(path)
        key = (path,) if number is None else (path[: number.start()], path[number.end() :])
        resource = self._resources.get(key)
        return (None, set()) if resource is None else await resource.resolve(request)
