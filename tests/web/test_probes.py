"""Whether a process lives and can serve, as load balancers and operators are told, and who is told what."""

import asyncio
import json
from collections.abc import AsyncIterator
from ipaddress import ip_network
from typing import Any

import asyncpg
import pytest

from eventhub.database import Database
from eventhub.models.jobs import Queue
from eventhub.settings import Settings
from eventhub.web import readiness
from eventhub.web.call import STORAGE
from eventhub.web.readiness import READINESS
from tests.api import Answer, Api
from tests.conftest import MakeApi

TOKEN = "sixteen-bytes-or-more"
BEARING = {"Authorization": f"Bearer {TOKEN}"}
LOOPBACK = (ip_network("127.0.0.0/8"),)
PARTS = ["database", "schema", "redis", "storage", "workers", "clock"]


@pytest.fixture(autouse=True)
def _look_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "LOOK_SECONDS", 0.0)


@pytest.fixture
async def api(make_api: MakeApi) -> Api:
    return await make_api(metrics_token=TOKEN)


async def beat(database: Database, kind: str, queues: list[str], seconds_ago: float = 0) -> None:
    await database.execute(
        "INSERT INTO processes (id, kind, host, pid, version, queues, started_at, seen_at) VALUES "
        "(gen_random_uuid(), $1, 'here', 1, '0', $2::jsonb, now(), now() - make_interval(secs => $3))",
        kind,
        json.dumps(queues),
        float(seconds_ago),
    )


async def all_beat(database: Database) -> None:
    await beat(database, "worker", ["bookings", "payments"])
    await beat(database, "worker", ["waitlist", "notifications", "certificates"])
    await beat(database, "clock", [])


async def asked(api: Api) -> Answer:
    return await api.anonymous.get("/readyz/", headers=BEARING)


def states(answer: Answer) -> dict[str, str]:
    return {name: part["status"] for name, part in answer.data["parts"].items()}


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_probes_answer_with_and_without_the_last_slash(make_api: MakeApi, path: str) -> None:
    api = await make_api(metrics_networks=LOOPBACK, rate_limit=True, rate_limit_read="1/minute")
    for spelling in (path, f"{path}/"):
        for method in ("GET", "HEAD"):
            answer = await api.anonymous.request(method, spelling)
            assert answer.status == 200, (method, spelling)
            assert answer.headers["Cache-Control"] == "no-store"
            assert (answer.text == "") is (method == "HEAD")
            assert "RateLimit-Limit" not in answer.headers


async def test_health_asks_nobody(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise AssertionError("asked")

    for name in ("fetch", "fetch_one", "fetch_value", "execute"):
        monkeypatch.setattr(Database, name, fail)
    person = {"Authorization": "Bearer no.such.token"}
    answer = await api.anonymous.get("/healthz", headers=person)
    assert (answer.status, answer.data) == (200, {"status": "ok"})


async def test_ready_is_ok_where_every_part_is(api: Api) -> None:
    await all_beat(api.database)
    answer = await asked(api)
    assert (answer.status, answer.data["status"]) == (200, "ok")
    assert states(answer) == dict.fromkeys(PARTS, "ok")
    assert all(0 <= part["ms"] < 2000 and "detail" not in part for part in answer.data["parts"].values())


async def test_strangers_learn_no_parts(api: Api) -> None:
    for headers in ({}, {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": f"Basic {TOKEN}"}):
        answer = await api.anonymous.get("/readyz", headers=headers)
        assert (answer.status, answer.data) == (200, {"status": "degraded"})


async def test_a_queue_without_a_worker_degrades(api: Api) -> None:
    await beat(api.database, "clock", [])
    await beat(api.database, "worker", [queue for queue in Queue if queue is not Queue.CERTIFICATES])
    await beat(api.database, "worker", ["certificates"], seconds_ago=7)
    answer = await asked(api)
    assert (answer.status, answer.data["status"]) == (200, "degraded")
    assert answer.data["parts"]["workers"]["detail"] == "no worker was heard of for certificates"
    assert states(answer)["clock"] == "ok"


async def test_no_clock_degrades(api: Api) -> None:
    await beat(api.database, "worker", list(Queue))
    await beat(api.database, "clock", [], seconds_ago=7)
    answer = await asked(api)
    assert (answer.status, answer.data["status"]) == (200, "degraded")
    assert answer.data["parts"]["clock"]["detail"] == "no clock was heard of"


async def test_redis_that_is_away_degrades(make_api: MakeApi) -> None:
    api = await make_api(metrics_token=TOKEN, redis_url="redis://127.0.0.1:1")
    await all_beat(api.database)
    answer = await asked(api)
    assert (answer.status, answer.data["status"]) == (200, "degraded")
    assert states(answer) == {**dict.fromkeys(PARTS, "ok"), "redis": "away"}


async def test_a_part_that_hangs_is_waited_for_no_longer_than_its_time(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = 0

    async def hang() -> None:
        nonlocal begun
        begun += 1
        await asyncio.sleep(60)

    monkeypatch.setattr(readiness, "PART_SECONDS", 0.1)
    monkeypatch.setattr(api.client.app[STORAGE], "check", hang)
    monkeypatch.setitem(api.client.app[READINESS]._checks, "storage", hang)
    for _ in range(2):
        async with asyncio.timeout(5):
            answer = await asked(api)
        assert states(answer)["storage"] == "away"
    assert answer.data["parts"]["storage"]["detail"] == "no answer within 0.1 s"
    assert begun == 1  # what hangs is asked nothing more


async def test_storage_that_cannot_be_written_to_degrades(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    answer = await asked(api)
    assert answer.data["status"] == "degraded"
    assert "may write to" in answer.data["parts"]["storage"]["detail"]


async def test_a_database_that_is_away_is_down_and_nothing_is_known_of_what_is_in_it(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise ConnectionRefusedError("away")

    with monkeypatch.context() as patch:
        patch.setattr(type(api.database.reserved), "fetch_one", fail)
        stranger, operator = await api.anonymous.get("/readyz"), await asked(api)
    assert (stranger.status, stranger.data["status"], stranger.data["code"]) == (503, "down", "unavailable")
    assert stranger.headers["Retry-After"] == "5"
    assert "parts" not in stranger.data
    assert operator.status == 503
    assert states(operator) == {
        "database": "away",
        "schema": "unknown",
        "redis": "ok",
        "storage": "ok",
        "workers": "unknown",
        "clock": "unknown",
    }
    assert (await api.anonymous.get("/readyz")).status == 200


@pytest.fixture
async def owner(settings: Settings) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(settings.database_url)
    yield connection
    await connection.close()


async def test_a_database_set_to_read_only_is_down_before_a_session_feels_it(api: Api, owner: Any) -> None:
    name = await owner.fetchval("SELECT current_database()")
    assert (await asked(api)).status == 200  # on a connection that knows nothing of what comes
    await owner.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    try:
        answer = await asked(api)
        assert (answer.status, answer.data["status"]) == (503, "down")
        assert "read only" in answer.data["parts"]["database"]["detail"]
        # What is set for this role here counts before what is set for all.
        await owner.execute(
            f'ALTER ROLE CURRENT_USER IN DATABASE "{name}" SET default_transaction_read_only = off'
        )
        assert (await asked(api)).status == 200
    finally:
        await owner.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        await owner.execute(
            f'ALTER ROLE CURRENT_USER IN DATABASE "{name}" RESET default_transaction_read_only'
        )
    assert (await asked(api)).status == 200


async def test_a_schema_that_is_older_than_the_code_is_down(api: Api, owner: Any) -> None:
    newest = await owner.fetchrow("SELECT * FROM aerich WHERE app = 'models' ORDER BY id DESC LIMIT 1")
    await owner.execute("DELETE FROM aerich WHERE id = $1", newest["id"])
    try:
        answer = await asked(api)
        assert (answer.status, answer.data["status"]) == (503, "down")
        assert newest["version"] in answer.data["parts"]["schema"]["detail"]
    finally:
        await owner.execute("INSERT INTO aerich VALUES ($1, $2, $3, $4)", *newest.values())
    assert (await asked(api)).status == 200


async def test_parts_are_looked_at_once_a_second_for_all(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    async def count() -> None:
        nonlocal looks
        looks += 1

    monkeypatch.setattr(readiness, "LOOK_SECONDS", 60.0)
    monkeypatch.setitem(api.client.app[READINESS]._checks, "storage", count)
    await asyncio.gather(*(api.anonymous.get(f"/readyz?{n}") for n in range(20)))
    await api.anonymous.get("/readyz/")
    assert looks == 1
    monkeypatch.setattr(readiness, "LOOK_SECONDS", 0.0)
    await api.anonymous.get("/readyz/")
    assert looks == 2
