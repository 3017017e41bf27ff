"""Certificates: one for each who was there, in bounded chunks, as rows, files and pages."""

import io

import pypdf
import pytest

from eventhub.models.jobs import ISSUE_CERTIFICATES, SURVEY_ATTENDEES
from eventhub.services import certificates
from eventhub.workers.runner import run_jobs
from tests.api import Api, Person
from tests.money import organizer_and_payer, people, titles


async def crowd(api: Api, event: int, number: int) -> None:
    """Make so many confirmed attendees in the database."""
    await api.database.execute(
        "WITH person AS (INSERT INTO users (username, email, password_hash, first_name, last_name, user_type, bio, phone, "
        "website, organization, is_verified, is_active, date_joined) SELECT 'crowd' || n, 'crowd' || n || '@example.com', "
        "'-', 'Crowd', n::text, 'attendee', '', '', '', '', false, true, now() FROM generate_series(1, $2::int) AS n "
        "RETURNING id), profile AS (INSERT INTO profiles (user_id, twitter, linkedin, github, facebook, "
        "newsletter_subscribed, notifications_enabled, total_events_attended, total_spent) "
        "SELECT id, '', '', '', '', false, false, 0, 0 FROM person) "
        "INSERT INTO bookings (event_id, user_id, status, number_of_tickets, total_price, special_requirements, "
        "registered_at, confirmed_at, expires_at) SELECT $1, id, 'confirmed', 1, 0, '', now(), now(), now() FROM person",
        event,
        number,
    )
    await api.database.execute(
        "UPDATE events SET seats_held = seats_held + $2, seats_confirmed = seats_confirmed + $2 WHERE id = $1",
        event,
        number,
    )


async def end(api: Api, organizer: Person, event: int) -> None:
    await api.database.execute(
        "UPDATE events SET registration_deadline = now() - interval '4 hours', start_date = now() - interval '150 minutes', "
        "end_date = now() WHERE id = $1",
        event,
    )
    answer = await organizer.post(f"/api/events/{event}/complete/")
    assert answer.status == 200, answer.data


async def test_45_attendees_get_theirs_in_chunks_of_20_and_a_no_show_none(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificates, "CHUNK", 20)
    (organizer,) = await people(api, 1, "organizer")
    (absent, cancelled) = await people(api, 2)
    event = await organizer.create_event(max_attendees=500)
    away = await absent.book(event)
    gone = await cancelled.book(event)
    assert (await cancelled.post(f"/api/bookings/{gone['id']}/cancel/")).status == 200
    await crowd(api, event["id"], 45)
    await api.database.execute(
        "UPDATE events SET registration_deadline = now() - interval '4 hours', start_date = now() - interval '3 hours'"
    )
    assert (await organizer.post(f"/api/bookings/{away['id']}/no_show/")).status == 200
    await end(api, organizer, event["id"])
    # The drawing has tests of its own: here it would take seconds.
    while await api.database.fetch_value(
        "SELECT count(*) FROM jobs WHERE kind = 'issue_certificates' AND state = 'queued'"
    ):
        await api.database.execute("UPDATE jobs SET state = 'failed' WHERE kind = 'render_certificate'")
        await api.run_jobs()
    chunks = await api.database.fetch("SELECT 1 FROM job_log WHERE kind = 'issue_certificates'")
    assert len(chunks) == 3
    counted = await api.database.fetch_one(
        "SELECT count(*) AS all, count(DISTINCT user_id) AS users, min(hours_completed) AS hours FROM certificates"
    )
    assert counted is not None
    assert (counted["all"], counted["users"], float(counted["hours"])) == (45, 45, 2.5)
    assert await titles(absent) == ["Booking Confirmation"]
    assert await api.database.fetch_value("SELECT sum(total_events_attended) FROM profiles") == 45
    surveyed = await api.database.fetch_value("SELECT count(*) FROM notifications WHERE key LIKE 'survey:%'")
    assert surveyed == 45


async def test_a_second_round_issues_nothing_again(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    event = await organizer.create_event()
    await person.book(event)
    await end(api, organizer, event["id"])
    await api.run_jobs()
    async with api.database.transaction() as tx:
        tx.enqueue(ISSUE_CERTIFICATES, event_id=event["id"], after_booking=0)
        tx.enqueue(SURVEY_ATTENDEES, event_id=event["id"], after_booking=0)
    await api.run_jobs()
    assert (await organizer.post(f"/api/events/{event['id']}/complete/")).status == 200
    await api.run_jobs()
    assert await api.database.fetch_value("SELECT count(*) FROM certificates") == 1
    assert await titles(person) == ["Booking Confirmation", "Certificate Issued", "How Was It?"]
    assert await api.database.fetch_value("SELECT sum(total_events_attended) FROM profiles") == 1


async def test_a_certificate_is_drawn_downloaded_and_verified(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    (stranger,) = await people(api, 1)
    event = await organizer.create_event(title="Advanced Django", tags="python, django")
    await person.book(event)
    await end(api, organizer, event["id"])
    job = await api.database.fetch_value("SELECT id FROM jobs WHERE kind = 'issue_certificates'")
    await run_jobs(api.resources, "issue_certificates", [job])
    (listed,) = (await person.get("/api/certificates/")).data
    path = f"/api/certificates/{listed['id']}/"
    early = await person.get(f"{path}download/")
    assert (listed["pdf_file"], early.status, early.data["code"]) == (None, 409, "not_ready")
    await api.run_jobs()
    seen = (await person.get(path)).data
    assert seen["certificate_number"].startswith(f"CERT-{event['id']}-{person.id}-")
    assert (seen["hours_completed"], seen["skill_tags"], seen["is_downloaded"]) == (
        2.5,
        "python, django",
        False,
    )
    assert seen["pdf_file"].endswith(f"{path}download/")
    for who, code in ((organizer, 200), (stranger, 404), (api.anonymous, 401)):
        assert (await who.get(path)).status == code
        assert (await who.get(f"{path}download/")).status == code
    assert not (await person.get(path)).data["is_downloaded"], "the organizer's look is no download"

    head = await person.request("HEAD", f"{path}download/")
    assert (head.status, head.headers["Content-Type"]) == (200, "application/pdf")
    assert int(head.headers["Content-Length"]) > 1000
    assert not (await person.get(path)).data["is_downloaded"], "a HEAD changes nothing"

    async with api.client.get(
        f"{path}download/", headers={"Authorization": f"Bearer {person.token}"}
    ) as response:
        assert (response.status, response.content_type) == (200, "application/pdf")
        text = pypdf.PdfReader(io.BytesIO(await response.read())).pages[0].extract_text()
    assert "Advanced Django" in text
    assert seen["certificate_number"] in text
    marked = (await person.get(path)).data
    assert marked["is_downloaded"]
    assert (await person.post(f"{path}mark_as_downloaded/")).data == marked
    assert (await stranger.post(f"{path}mark_as_downloaded/")).status == 404

    verified = await api.anonymous.get(f"/api/certificates/verify/{seen['certificate_number']}/")
    assert (verified.status, verified.data["is_valid"], verified.data["event_title"]) == (
        200,
        True,
        "Advanced Django",
    )
    assert (
        await api.anonymous.get(f"/api/certificates/verify/{seen['certificate_number'][:-1]}/")
    ).status == 404


async def test_certificates_are_listed_to_their_owners_filtered_and_searched(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    (stranger,) = await people(api, 1)
    for title in ("Django Days", "Rust Nights"):
        event = await organizer.create_event(title=title)
        await person.book(event)
        await end(api, organizer, event["id"])
    await api.run_jobs()

    async def found(query: str, who: Person = person) -> list[str]:
        answer = await who.get(f"/api/certificates/{query}")
        assert answer.status == 200, answer.data
        return [certificate["event_title"] for certificate in answer.data]

    assert await found("") == ["Rust Nights", "Django Days"]
    assert await found("?search=jango") == ["Django Days"]
    assert await found(f"?event={event['id']}") == ["Rust Nights"]
    assert await found(f"?event={event['id']}", organizer) == ["Rust Nights"]
    assert await found(f"?event={event['id']}", stranger) == []
    assert await found("", organizer) == []
    assert await found("?is_downloaded=true") == []
