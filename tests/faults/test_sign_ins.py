"""What ends a sign-in is known to every web process in time, though each remembers for a while who is signed in."""

import time
from typing import Any

import aiohttp
import jwt
import pytest

from eventhub.services.keys import Purpose, derive
from tests.cluster import SECRET, Cluster
from tests.waiting import until

PROCESSES = 3
DEAD_AFTER_SECONDS = 30


async def answers(cluster: Cluster, token: str) -> dict[str, int]:
    """Return what each web process answers to this access token: a new connection comes to any of them."""
    found: dict[str, int] = {}
    deadline = time.monotonic() + 20
    while len(found) < PROCESSES:
        assert time.monotonic() < deadline, found
        async with aiohttp.ClientSession() as session:
            headers = {"Authorization": f"Bearer {token}"}
            async with session.get(f"{cluster.url}/api/users/me/", headers=headers) as response:
                process = response.headers["X-Request-ID"].split("-")[1]
                found.setdefault(process, response.status)
    return found


async def log_out(cluster: Cluster, claims: dict[str, Any]) -> None:
    refresh = jwt.encode({**claims, "use": "refresh"}, derive(SECRET, Purpose.REFRESH_TOKEN), "HS256")
    async with cluster.http() as http:
        assert (await http.request("POST", "/api/auth/logout/", body={"refresh": refresh}))[0] == 204


async def deactivate(cluster: Cluster, claims: dict[str, Any]) -> None:
    [admin] = await cluster.people(1, "admin")
    async with cluster.http() as http:
        path = f"/api/users/{claims['sub']}/"
        assert (await http.request("PATCH", path, admin, {"is_active": False}))[0] == 200


@pytest.mark.parametrize("end", [log_out, deactivate])
async def test_access_tokens_of_an_ended_sign_in_die_on_every_process(cluster: Cluster, end: Any) -> None:
    cluster.start("web", WEB_CONCURRENCY=str(PROCESSES))
    [token] = await cluster.people(1)
    assert set((await answers(cluster, token)).values()) == {200}
    await end(cluster, jwt.decode(token, options={"verify_signature": False}))

    async def is_refused() -> bool:
        return set((await answers(cluster, token)).values()) == {401}

    await until(is_refused, "each process refuses the token", DEAD_AFTER_SECONDS)
    assert set((await answers(cluster, token)).values()) == {401}
