"""What the ops page shows and does: failed jobs retried and discarded, each act written down, and nothing that runs as HTML."""

import asyncio
import re
from typing import Any

import pytest

from eventhub.database import Queries
from eventhub.models.jobs import DELETE_FILE, REFUND_PAYMENT, SEND_NOTIFICATION, SEND_TOKEN
from eventhub.web.ops.figures import FIGURES, FRESH_SECONDS, Figures
from tests.api import Api
from tests.web.ops_desk import Desk, desk_of_admin, failed_job

EVIL = "<img src=x onerror=alert(1)>\"'{{ 7 * 7 }}"


async def acts(api: Api) -> list[dict[str, Any]]:
    rows = await api.database.fetch(
        "SELECT user_id, actor, action, subject, request_id FROM admin_actions ORDER BY id"
    )
    return [dict(row) for row in rows]


async def states(api: Api) -> dict[int, str]:
    return {row["id"]: row["state"] for row in await api.database.fetch("SELECT id, state FROM jobs")}


async def test_an_overview_of_nothing_says_what_is_missing(api: Api) -> None:
    await api.database.execute("DELETE FROM jobs")
    page = (await (await desk_of_admin(api)).get("/ops/")).text
    assert "No worker does any queue" in page
    assert "No clock runs" in page
    assert "No process has said that it runs" in page


async def test_an_overview_says_what_runs_waits_and_fails(api: Api) -> None:
    desk = await desk_of_admin(api)
    await failed_job(api, DELETE_FILE)
    for kind, queues, seconds in (
        ("worker", '["bookings", "payments", "waitlist", "certificates"]', 0),
        ("worker", '["notifications"]', 60),
        ("clock", "[]", 0),
    ):
        await api.database.execute(
            "INSERT INTO processes (id, kind, host, pid, version, queues, started_at, seen_at) "
            "VALUES (gen_random_uuid(), $1, 'host-7', 1234, '1.2.3', $2::text::jsonb, now(), now() - make_interval(secs => $3))",
            kind,
            queues,
            float(seconds),
        )
    await api.database.execute(
        "UPDATE jobs SET run_at = now() - interval '7 minutes' WHERE kind = 'send_token' AND state = 'queued'"
    )
    page = (await desk.get("/ops/")).text
    assert "No worker does the queue notifications" in page
    assert "The worker process 1234 on host-7 has fallen silent." in page
    assert "No clock runs" not in page
    assert "1 job has failed." in page
    assert "The queue notifications is late: its oldest due job has waited for 7 min." in page
    assert page.count("<svg") == 2 * 5


async def test_all_is_well_where_it_is(api: Api) -> None:
    desk = await desk_of_admin(api)
    await api.database.execute("DELETE FROM jobs")
    for kind, queues in (
        ("worker", '["bookings","payments","waitlist","notifications","certificates"]'),
        ("clock", "[]"),
    ):
        await api.database.execute(
            "INSERT INTO processes (id, kind, host, pid, version, queues, started_at, seen_at) "
            "VALUES (gen_random_uuid(), $1, 'h', 1, '1', $2::text::jsonb, now(), now())",
            kind,
            queues,
        )
    assert "All is well" in (await desk.get("/ops/")).text


async def test_many_who_look_at_once_ask_the_database_once(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    async def ask(queries: Queries) -> int:
        asked.append(queries)
        await asyncio.sleep(0.05)
        return 7

    monkeypatch.setitem(FRESH_SECONDS, ask, 60.0)
    kept = Figures()
    assert set(await asyncio.gather(*(kept.get(ask, api.database) for _ in range(20)))) == {7}
    assert len(asked) == 1
    kept.forget()
    await kept.get(ask, api.database)
    assert len(asked) == 2


async def test_one_job_is_retried_and_who_did_it_is_written_down(api: Api) -> None:
    admin = await api.person("admin")
    desk = Desk(api)
    await desk.sign_in(admin.user["username"])
    one, other = await failed_job(api, SEND_TOKEN), await failed_job(api, SEND_TOKEN)
    listed = (await desk.get("/ops/failed/")).text
    assert all(f'href="/ops/jobs/{job_id}/retry/"' in listed for job_id in (one, other))
    asked = await desk.get(f"/ops/jobs/{one}/retry/")
    assert (asked.status, (await states(api))[one]) == (200, "failed")
    done = await desk.do(f"/ops/jobs/{one}/retry/")
    assert done.status == 303
    found = await states(api)
    assert (found[one], found[other]) == ("queued", "failed")
    assert any(job.id == one for job in api.sent)
    [act] = await acts(api)
    assert (act["user_id"], act["actor"], act["action"], act["subject"]) == (
        admin.id,
        admin.user["username"],
        "retry",
        f"job {one}",
    )
    assert act["request_id"] == done.headers["X-Request-ID"]
    said = (await desk.get(done.headers["Location"])).text
    assert f'<a href="/ops/jobs/{one}/">job {one}</a> (send_token) is queued again' in said
    # It is nobody else's doing, and no other path makes the page say so.
    stranger = await desk_of_admin(api)
    assert "is queued again" not in (await stranger.get(done.headers["Location"])).text
    assert "is queued again" not in (await desk.get("/ops/failed/?done=request-1")).text


async def test_all_of_a_kind_are_retried(api: Api) -> None:
    desk = await desk_of_admin(api)
    tokens = [await failed_job(api, SEND_TOKEN) for _ in range(3)]
    file = await failed_job(api, DELETE_FILE)
    path = "/ops/failed/send_token/retry/"
    assert "all 3 failed" in re.sub(r"\s+", " ", (await desk.get(path)).text)
    done = await desk.do(path)
    assert [(await states(api))[job_id] for job_id in (*tokens, file)] == ["queued"] * 3 + ["failed"]
    assert [act["subject"] for act in await acts(api)] == ["all send_token jobs"]
    assert "3 jobs are queued again" in (await desk.get(done.headers["Location"])).text
    for again in (await desk.get(path), await desk.do(path)):
        assert again.status == 409
        assert "No such job stands as failed any more" in again.text


async def test_a_job_is_discarded_and_what_moves_money_never_is(api: Api) -> None:
    desk = await desk_of_admin(api)
    file, refund = await failed_job(api, DELETE_FILE), await failed_job(api, REFUND_PAYMENT)
    listed = (await desk.get("/ops/failed/")).text
    assert f'href="/ops/jobs/{file}/discard/"' in listed
    assert f'href="/ops/jobs/{refund}/retry/"' in listed
    assert f"/ops/jobs/{refund}/discard/" not in listed
    assert "/discard/" not in (await desk.get(f"/ops/jobs/{refund}/")).text
    for refused in (
        await desk.get(f"/ops/jobs/{refund}/discard/"),
        await desk.do(f"/ops/jobs/{refund}/discard/"),
    ):
        assert refused.status == 409
        assert "sees to money" in refused.text
    done = await desk.do(f"/ops/jobs/{file}/discard/")
    assert "was discarded" in (await desk.get(done.headers["Location"])).text
    left = await states(api)
    assert (file in left, left[refund]) == (False, "failed")
    assert [(act["action"], act["subject"]) for act in await acts(api)] == [("discard", f"job {file}")]
    assert "discarded: OSError" in (await desk.get(f"/ops/jobs/{file}/")).text


@pytest.mark.parametrize("act", ["retry", "discard"])
async def test_what_does_not_stand_as_failed_is_left_alone(api: Api, act: str) -> None:
    desk = await desk_of_admin(api)
    queued = await api.database.fetch_value("SELECT id FROM jobs WHERE state = 'queued' LIMIT 1")
    for job_id in (queued, 999_999):
        for answer in (
            await desk.get(f"/ops/jobs/{job_id}/{act}/"),
            await desk.do(f"/ops/jobs/{job_id}/{act}/"),
        ):
            assert answer.status == 409
    assert await acts(api) == []
    assert await api.database.fetch_value("SELECT state FROM jobs WHERE id = $1", queued) == "queued"


async def test_a_kind_shows_its_own_and_others_are_no_error(api: Api) -> None:
    desk = await desk_of_admin(api)
    file, token = await failed_job(api, DELETE_FILE), await failed_job(api, SEND_TOKEN)
    page = (await desk.get("/ops/failed/?kind=delete_file")).text
    assert f"/ops/jobs/{file}/retry/" in page
    assert f"/ops/jobs/{token}/retry/" not in page
    for kind in ("promote_waitlist", "<b>"):
        answer = await desk.get(f"/ops/failed/?kind={kind}")
        assert answer.status == 200
        assert "No job <code>" in answer.text


async def test_nothing_failed_is_said(api: Api) -> None:
    page = (await (await desk_of_admin(api)).get("/ops/failed/")).text
    assert "No job has failed." in page
    assert "Nobody has retried or discarded anything yet." in page


async def test_names_titles_and_errors_are_text_wherever_they_stand(api: Api) -> None:
    desk = await desk_of_admin(api)
    organizer, guest = await api.person("organizer"), await api.person()
    event = await organizer.create_event(title=EVIL, price="10.00")
    booking = await guest.book(event)
    await api.database.execute(
        "UPDATE users SET username = $1, email = $2 WHERE id = $3", EVIL, f"{EVIL}@x", guest.id
    )
    await api.database.execute(
        "INSERT INTO payments (booking_id, user_id, amount, currency, status, method, gateway, transaction_id, created_at, "
        "checked_at) VALUES ($1, $2, 10, 'USD', 'pending', 'bank_transfer', 'offline', 'EVH-AAAAAAAAAAAA', now(), now())",
        booking["id"],
        guest.id,
    )
    job_id = await failed_job(api, SEND_NOTIFICATION, EVIL, notification_id=EVIL)
    own = await failed_job(api, DELETE_FILE, EVIL, booking_id=booking["id"], name=EVIL)
    await desk.do(f"/ops/jobs/{job_id}/retry/")
    await api.database.execute("UPDATE jobs SET state = 'failed' WHERE id = $1", job_id)
    await api.database.execute(
        "UPDATE admin_actions SET actor = $1, subject = $1, details = jsonb_build_object($2::text, $2::text)",
        EVIL,
        EVIL,
    )
    paths = (
        "/ops/failed/",
        f"/ops/jobs/{job_id}/",
        f"/ops/jobs/{own}/discard/",
        f"/ops/bookings/{booking['id']}/",
        "/ops/waiting/",
        "/ops/acts/",
        f"/ops/search/?q={booking['id']}",
    )
    for path in paths:
        answer = await desk.get(path)
        assert answer.status == 200, path
        assert "<img" not in answer.text, path
        assert "&lt;img src=x" in answer.text, path
        assert "{{ 7 * 7 }}" in answer.text, path
    found = await desk.get("/ops/search/", params={"q": EVIL})
    assert "<img" not in found.text
    assert f"Booking {booking['id']}" in found.text
    failed = await desk.sign_in(EVIL)
    assert "<img" not in failed.text
    assert 'value="&lt;img' in failed.text


async def test_addresses_of_mail_are_on_a_bookings_page_and_in_searches_alone(api: Api) -> None:
    desk = await desk_of_admin(api)
    organizer, guest = await api.person("organizer"), await api.person(email="secret.person@example.com")
    booking = await guest.book(await organizer.create_event())
    job_id = await failed_job(
        api, SEND_TOKEN, "550 <secret.person@example.com>: unknown", token_id="secret.person@example.com"
    )
    for path in (
        "/ops/",
        "/ops/failed/",
        f"/ops/jobs/{job_id}/",
        f"/ops/jobs/{job_id}/retry/",
        "/ops/waiting/",
        "/ops/acts/",
    ):
        assert "secret.person" not in (await desk.get(path)).text, path
    assert "550 &lt;***@example.com&gt;: unknown" in (await desk.get("/ops/failed/")).text
    for path in (f"/ops/bookings/{booking['id']}/", "/ops/search/?q=secret.person@example.com"):
        assert "secret.person@example.com" in (await desk.get(path)).text


async def test_a_booking_tells_its_story_with_the_requests_that_did_it(api: Api) -> None:
    desk = await desk_of_admin(api)
    organizer, guest = await api.person("organizer"), await api.person()
    event = await organizer.create_event()
    made = await guest.post("/api/bookings/", {"event": event["id"]}, headers={"X-Request-ID": "the-request"})
    await api.run_jobs()
    page = (await desk.get(f"/ops/bookings/{made.data['id']}/")).text
    told = re.findall(r"<h3>(?:<a [^>]*>)?([^<]+)", page)
    assert told[0].strip() == "booking created"
    assert {"booking confirmed", "job confirm_booking ended"} <= {one.strip() for one in told}
    assert '<a class="id" href="/ops/search/?q=the-request">the-request</a>' in page
    found = (await desk.get("/ops/search/?q=the-request")).text
    assert f'href="/ops/bookings/{made.data["id"]}/"' in found
    for absent in ("999999", "0", "9" * 30):
        assert (await desk.get(f"/ops/bookings/{absent}/")).status == 404


@pytest.mark.parametrize("text", ["", "nobody", "0", "9" * 30, "%00", "a" * 400, "EVH-", "*"])
async def test_what_is_not_found_says_what_can_be(api: Api, text: str) -> None:
    answer = await (await desk_of_admin(api)).get(f"/ops/search/?q={text}")
    assert answer.status == 200
    assert "A search takes, whole" in answer.text


async def test_acts_are_paged(api: Api) -> None:
    desk = await desk_of_admin(api)
    await api.database.execute(
        "INSERT INTO admin_actions (actor, action, subject, details, acted_at) "
        "SELECT 'cli:root@host', 'retry', 'job ' || n, '{}', now() FROM generate_series(1, 130) n"
    )
    first = (await desk.get("/ops/acts/")).text
    [older] = re.findall(r'href="(/ops/acts/\?before=\d+)"', first)
    second = (await desk.get(older)).text
    assert (first.count("cli:root@host"), second.count("cli:root@host")) == (100, 30)
    assert "?before=" not in second
    for other in ("x", "9" * 40, "-1"):
        assert (await desk.get(f"/ops/acts/?before={other}")).status == 200


async def test_what_waits_for_a_person_is_counted_and_listed(api: Api) -> None:
    desk = await desk_of_admin(api)
    organizer, guest = await api.person("organizer"), await api.person()
    await guest.verify()
    event = await organizer.create_event(price="20.00")
    booking = (await guest.post("/api/bookings/", {"event": event["id"]})).data
    payment = await guest.post("/api/payments/", {"booking": booking["id"], "method": "bank_transfer"})
    assert payment.status == 201
    page = (await desk.get("/ops/waiting/")).text
    assert payment.data["transaction_id"] in page
    assert f'href="/ops/bookings/{booking["id"]}/"' in page
    for nothing in ("No refund has failed.", "No dispute is open.", "No refund has to be made by hand."):
        assert nothing in page
    await api.database.execute(
        "UPDATE payments SET status = 'refunded', refunded_at = now(), refund_state = 'owed', dispute = 'open'"
    )
    job_id = await failed_job(api, REFUND_PAYMENT, "the bank sent it back", payment_id=payment.data["id"])
    page = (await desk.get("/ops/waiting/")).text
    assert f'href="/ops/jobs/{job_id}/"' in page
    assert "the bank sent it back" in page
    assert "No dispute is open." not in page
    api.client.app[FIGURES].forget()
    overview = (await desk.get("/ops/")).text
    assert "1 refund has failed." in overview
    assert "1 dispute is open" in overview
