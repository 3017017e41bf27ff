"""What is counted of requests, and who may read it."""

import asyncio
from ipaddress import ip_network
from typing import Self

import pytest
from prometheus_client.parser import text_string_to_metric_families

from eventhub.database import Database
from eventhub.settings import Settings
from tests.api import Api
from tests.conftest import MakeApi

TOKEN = "sixteen-bytes-or-more"
BEARING = {"Authorization": f"Bearer {TOKEN}"}
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1"))


@pytest.fixture
async def api(make_api: MakeApi) -> Api:
    return await make_api(metrics_networks=LOOPBACK)


async def scraped(api: Api, accept: str = "") -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return the value of each sample, by its name and labels."""
    answer = await api.anonymous.get("/metrics", headers={"Accept": accept})
    assert answer.status == 200
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


class Grown:
    """How much samples grew in a block."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def __aenter__(self) -> Self:
        self.before = await scraped(self.api)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.after = await scraped(self.api)

    def by(self, name: str, **labels: str) -> float:
        key = name, frozenset(labels.items())
        return self.after.get(key, 0.0) - self.before.get(key, 0.0)


async def test_strangers_get_404_and_where_there_is_a_token_401(make_api: MakeApi) -> None:
    plain = await make_api()
    answer = await plain.anonymous.get("/metrics")
    assert (answer.status, answer.data["detail"]) == (404, "Not found.")
    guarded = await make_api(metrics_token=TOKEN)
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
        answer = await guarded.anonymous.get("/metrics", headers=headers)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert (await guarded.anonymous.get("/metrics", headers=BEARING)).status == 200


async def test_the_address_is_the_one_that_a_trusted_proxy_tells(make_api: MakeApi) -> None:
    api = await make_api(metrics_networks=(ip_network("10.1.0.0/16"),), trusted_proxies=LOOPBACK)
    for address, status in (("10.1.2.3", 200), ("10.2.2.3", 404)):
        answer = await api.anonymous.get("/metrics", headers={"X-Forwarded-For": address})
        assert answer.status == status
    untrusting = await make_api(metrics_networks=(ip_network("10.1.0.0/16"),))
    forged = {"X-Forwarded-For": "10.1.2.3"}
    assert (await untrusting.anonymous.get("/metrics", headers=forged)).status == 404


async def test_openmetrics_is_sent_where_it_is_asked_for(api: Api) -> None:
    wanted = {"Accept": "application/openmetrics-text;version=1.0.0"}
    async with api.client.get("/metrics", headers=wanted) as answer:
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
        assert (await answer.text()).endswith("# EOF\n")
    plain = await api.anonymous.get("/metrics")
    assert plain.headers["Content-Type"].startswith("text/plain; version=")


async def test_requests_count_by_route_method_and_status(api: Api) -> None:
    event = await (await api.person("organizer")).create_event()
    async with Grown(api) as grown:
        for _ in range(3):
            await api.anonymous.get(f"/api/events/{event['id']}/")
        await api.anonymous.get("/api/events/999999/")
        await api.anonymous.get("/nowhere/1/")
        await api.anonymous.get("/nowhere/2/")
        await api.anonymous.request("MKCOL", "/api/events/")
        await api.anonymous.request("PUT", "/api/events/")
    name = "eventhub_http_request_seconds_count"
    assert grown.by(name, route="/api/events/{id}/", method="GET", status="200") == 3
    assert grown.by(name, route="/api/events/{id}/", method="GET", status="404") == 1
    assert grown.by(name, route="unmatched", method="GET", status="404") == 2
    assert grown.by(name, route="unmatched", method="other", status="405") == 1
    assert grown.by(name, route="unmatched", method="PUT", status="405") == 1
    seconds = grown.by(
        "eventhub_http_request_seconds_sum", route="/api/events/{id}/", method="GET", status="200"
    )
    assert 0 < seconds < 10


async def test_copies_count_as_hits(api: Api) -> None:
    async with Grown(api) as grown:
        for _ in range(4):
            await api.anonymous.get("/api/users/?page_size=7")
    hits, misses = (grown.by("eventhub_cache_lookups_total", outcome=outcome) for outcome in ("hit", "miss"))
    assert (hits, misses) == (2, 2)


async def test_refusals_by_limits_count_by_the_limit(make_api: MakeApi) -> None:
    api = await make_api(metrics_networks=LOOPBACK, rate_limit=True, rate_limit_read="2/minute")
    async with Grown(api) as grown:
        statuses = [(await api.anonymous.get("/api/events/")).status for _ in range(4)]
    assert statuses == [200, 200, 429, 429]
    assert grown.by("eventhub_rate_limited_total", limit="read") == 2


async def test_webhooks_count_by_what_became_of_them(api: Api) -> None:
    path = "/api/payments/webhook/mock/"
    async with Grown(api) as grown:
        await api.anonymous.request("POST", path, data=b"{}")
        await api.anonymous.request("POST", path, data=b"no JSON")
    counts = {
        outcome: grown.by("eventhub_webhooks_total", gateway="mock", outcome=outcome)
        for outcome in ("taken", "ignored", "refused")
    }
    assert sum(counts.values()) == 2, counts


async def test_jobs_mails_and_gateway_calls_count(api: Api) -> None:
    organizer, payer = await api.person("organizer"), await api.person()
    await api.run_jobs()
    event = await organizer.create_event(price="10.00")
    async with Grown(api) as grown:
        booking = await payer.book(event)
        await payer.post("/api/payments/", {"booking": booking["id"], "method": "mock"})
        await api.run_jobs()
    name = "eventhub_job_seconds_count"
    assert grown.by(name, kind="process_payment", outcome="done") == 1
    assert grown.by(name, kind="send_notification", outcome="done") >= 1
    assert grown.by("eventhub_job_delay_seconds_count", kind="process_payment") == 1
    assert grown.by("eventhub_mails_total", outcome="sent") >= 1


async def test_statements_count_also_those_that_tortoise_makes(api: Api) -> None:
    from eventhub.models import Event  # noqa: PLC0415 - after the database was opened

    async with Grown(api) as grown:
        async with api.database.transaction():
            await Event.all().count()
        await api.database.fetch_value("SELECT 1")
    # BEGIN, the count, COMMIT, and the last.
    assert grown.by("eventhub_database_statement_seconds_count") == 4


async def test_waits_for_a_connection_count(settings: Settings, api: Api) -> None:
    database = await Database.open(settings.database_url, deliver=lambda _: None, pool_size=2)
    try:
        async with Grown(api) as grown:
            await asyncio.gather(*(database.fetch_value("SELECT pg_sleep(0.1)") for _ in range(4)))
    finally:
        await database.close()
    assert grown.by("eventhub_database_wait_seconds_count", line="main") >= 2
    assert grown.by("eventhub_database_wait_seconds_sum", line="main") > 0.1


async def test_slow_statements_are_logged_on_one_line_without_parameters(
    settings: Settings, empty_database: None, caplog: pytest.LogCaptureFixture
) -> None:
    database = await Database.open(settings.database_url, deliver=lambda _: None, slow_seconds=0.05)
    try:
        await database.fetch("SELECT pg_sleep(0.1),\n    $1::text", "a secret of somebody")
        await database.fetch_value("SELECT 1")
        await asyncio.sleep(0)
        lines = [record.getMessage() for record in caplog.records if "slow statement" in record.message]
    finally:
        await database.close()
    (line,) = [line for line in lines if "pg_sleep" in line]
    assert line.endswith("s: SELECT pg_sleep(0.1), $1::text")
    assert "secret" not in "".join(lines)


async def test_no_statement_is_slow_where_that_is_off(
    settings: Settings, empty_database: None, caplog: pytest.LogCaptureFixture
) -> None:
    database = await Database.open(settings.database_url, deliver=lambda _: None, slow_seconds=0)
    try:
        await database.fetch("SELECT pg_sleep(0.01)")
        await asyncio.sleep(0)
    finally:
        await database.close()
    assert [record for record in caplog.records if "slow statement" in record.message] == []
