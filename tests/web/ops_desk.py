"""An admin's browser at the ops page, as far as HTTP goes: its cookie, and the forms that it sends."""

import re
from dataclasses import dataclass, field
from typing import Any

from eventhub.models.jobs import JobKind
from tests.api import PASSWORD, Answer, Api

SIGN_IN = "/ops/sign-in/"
HERE = {"Sec-Fetch-Site": "same-origin"}


@dataclass
class Desk:
    """Somebody who looks at the ops page; `cookies` is all that is kept between requests."""

    api: Api
    cookies: dict[str, str] = field(default_factory=dict)
    set_cookie: str = ""

    async def request(self, method: str, path: str, **options: Any) -> Answer:
        # The client has one jar for all of a test's people.
        self.api.client.session.cookie_jar.clear()
        headers = dict(options.pop("headers", {}))
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = await self.api.anonymous.request(method, path, headers=headers, **options)
        self.set_cookie = answer.headers.get("Set-Cookie", "")
        if self.set_cookie:
            name, _, value = self.set_cookie.partition(";")[0].partition("=")
            self.cookies = {name: value} if value.strip('"') else {}
        return answer

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.request("GET", path, **options)

    async def send(self, path: str, headers: dict[str, str] | None = None, **fields: str) -> Answer:
        """Send a form as a browser does, from a page of this site unless `headers` say otherwise."""
        return await self.request("POST", path, data=fields, headers=HERE if headers is None else headers)

    async def sign_in(self, username: str, password: str = PASSWORD, **options: Any) -> Answer:
        return await self.send(SIGN_IN, username=username, password=password, **options)

    async def form_token(self) -> str:
        """Return the token that the forms of this session carry."""
        page = await self.get("/ops/acts/")
        found = re.search(r'name="token" value="([0-9a-f]{64})"', page.text)
        assert found is not None, page.text
        return found[1]

    async def do(self, path: str) -> Answer:
        """Send the form of a page that asks before it acts."""
        return await self.send(path, token=await self.form_token())


async def desk_of_admin(api: Api, **details: object) -> Desk:
    """Return an admin who has just signed in."""
    admin = await api.person("admin", **details)
    desk = Desk(api)
    assert (await desk.sign_in(admin.user["username"])).status == 303
    return desk


async def failed_job(api: Api, kind: JobKind, error: str = "OSError: no space", **payload: object) -> int:
    """Return the id of a job of this kind that has failed for good."""
    values = dict.fromkeys(kind.payload, "1") | payload
    job_id: int = await api.database.fetch_value(
        "INSERT INTO jobs (kind, version, queue, payload, state, run_at, attempts, max_attempts, error, request_id, created_at) "
        "SELECT $1, $2, $3, jsonb_object($4::text[], $5::text[]), 'failed', now(), $6, $6, $7, 'request-1', now() RETURNING id",
        kind.name,
        kind.version,
        kind.queue.value,
        list(values),
        [str(value) for value in values.values()],
        kind.max_attempts,
        error,
    )
    return job_id
