"""Rights that are taken away at the same moment: an admin is always left, and of sign-ins that end each other one."""

import asyncio
from collections.abc import Awaitable, Sequence

import asyncpg
import pytest

from tests.cluster import Cluster
from tests.races.books import Reply, lined_up, statuses, user_id

ROUNDS = 3


async def standing_at(
    cluster: Cluster, statement: str, key: int, requests: Sequence[Awaitable[Reply]]
) -> list[Reply]:
    """Return the replies to requests that stood together at the rows which the statement locks."""
    connection = await asyncpg.connect(cluster.environ["DATABASE_URL"])
    try:
        async with connection.transaction():
            await connection.execute(statement, key)
            tasks = [asyncio.ensure_future(request) for request in requests]
            await lined_up(cluster, tasks, 0)
        return await asyncio.gather(*tasks)
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("change", "status"),
    [({"user_type": "attendee"}, 403), ({"is_active": False}, 401)],
    ids=["role", "active"],
)
async def test_of_two_admins_who_take_each_others_rights_at_once_one_is_left(
    running: Cluster, change: dict[str, object], status: int
) -> None:
    for _ in range(ROUNDS):
        await running.sql("UPDATE users SET user_type = 'attendee' WHERE user_type = 'admin'")
        one, two = await running.people(2, "admin")
        async with running.http() as http:
            answers = await standing_at(
                running,
                "SELECT FROM users WHERE user_type = 'admin' AND id > $1 FOR UPDATE",
                0,
                [
                    http.request("PATCH", f"/api/users/{user_id(two)}/", one, change),
                    http.request("PATCH", f"/api/users/{user_id(one)}/", two, change),
                ],
            )
        assert statuses(answers) == {200: 1, status: 1}
        (left,) = await running.sql("SELECT count(*) FROM users WHERE user_type = 'admin' AND is_active")
        assert left[0] == 1


async def test_of_sign_ins_that_end_all_others_at_once_one_is_left(running: Cluster) -> None:
    for _ in range(ROUNDS * 4):  # each is over in milliseconds
        (first,) = await running.people(1)
        person = user_id(first)
        opened = await running.sql(
            "INSERT INTO sign_ins (user_id, created_at, expires_at) SELECT $1, now(), now() + interval '1 day' "
            "FROM generate_series(1, 9) RETURNING id",
            person,
        )
        tokens = [first, *(running.token(person, row["id"]) for row in opened)]
        async with running.http() as http:
            answers = await standing_at(
                running,
                "SELECT FROM users WHERE id = $1 FOR UPDATE",
                person,
                [http.request("DELETE", "/api/auth/sign_ins/", token) for token in tokens],
            )
        assert statuses(answers) == {204: 1, 401: len(tokens) - 1}
        (left,) = await running.sql(
            "SELECT count(*) FROM sign_ins WHERE user_id = $1 AND ended_at IS NULL", person
        )
        assert left[0] == 1


async def test_an_event_handed_to_an_organizer_who_is_deactivated_meanwhile_does_not_sell(
    running: Cluster,
) -> None:
    for _ in range(ROUNDS * 4):
        one, two = await running.people(2, "admin")
        owner, heir = await running.people(2, "organizer")
        event = await running.event(owner)
        async with running.http() as http:
            answers = await standing_at(
                running,
                "SELECT FROM users WHERE id = $1 FOR UPDATE",
                user_id(heir),
                [
                    http.request("PATCH", f"/api/users/{user_id(heir)}/", one, {"is_active": False}),
                    http.request(
                        "POST", f"/api/events/{event}/hand_over/", two, {"organizer": user_id(heir)}
                    ),
                ],
            )
        deactivated, handed_over = (status for status, _ in answers)
        assert deactivated == 200
        assert handed_over in {200, 400}
        (found,) = await running.sql("SELECT organizer_id, is_selling FROM events WHERE id = $1", event)
        assert tuple(found) == ((user_id(heir), False) if handed_over == 200 else (user_id(owner), True))
