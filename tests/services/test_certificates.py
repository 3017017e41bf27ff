"""Certificates: one for each who was there, in bounded chunks, as rows, files and pages."""

import asyncio
import contextvars
import io
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pypdf
import pytest

from eventhub.errors import NotFound
from eventhub.models.jobs import ISSUE_CERTIFICATES, RENDER_CERTIFICATE, SURVEY_ATTENDEES
from eventhub.services import bookings, certificates, owed
from eventhub.services.access import Viewer
from eventhub.services.ports.documents import CertificateDocument
from eventhub.workers.runner import run_jobs
from tests.api import Api, Person
from tests.money import organizer_and_payer, people, run_kind, titles
from tests.rows import insert, insert_event, insert_users


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
    monkeypatch.setattr(owed, "CHUNK", 20)
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
    for _ in range(3):
        await api.database.execute("UPDATE jobs SET state = 'failed' WHERE kind = 'render_certificate'")
        await api.run_jobs()
    assert not await api.database.fetch("SELECT FROM jobs WHERE kind = 'issue_certificates'")
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
    head = await person.request("HEAD", f"{path}download/", headers={"Accept": "application/octet-stream"})
    assert (head.status, head.headers["Content-Type"]) == (200, "application/octet-stream")

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


async def test_the_days_of_a_certificate_are_those_where_the_event_was(api: Api) -> None:
    """At 11:00 UTC, the next day has begun in Auckland."""
    start = datetime(2026, 6, 15, 9, tzinfo=UTC)
    organizer = (await insert_users(api.database, 1, "organizer"))[0]
    event = await insert_event(
        api.database,
        organizer,
        start_date=start,
        end_date=start + timedelta(hours=4),
        registration_deadline=start,
        timezone="Pacific/Auckland",
    )
    certificate = await insert(
        api.database,
        "certificates",
        {
            "event_id": event,
            "user_id": organizer,
            "user_name": "Ann Lee",
            "certificate_number": "CERT-1",
            "hours_completed": 4,
            "skill_tags": "",
            "issued_date": start + timedelta(hours=4),
        },
    )
    document, _ = await certificates.to_draw(api.database, certificate, links_base="")
    assert [day.isoformat() for day in (document.starts_on, document.ends_on, document.issued_on)] == [
        "2026-06-15",
        "2026-06-16",
        "2026-06-16",
    ]


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


async def attended(api: Api, person: Person) -> int:
    count: int = await api.database.fetch_value(
        "SELECT total_events_attended FROM profiles WHERE user_id = $1", person.id
    )
    return count


async def certified(api: Api, price: str = "0.00") -> tuple[Person, Person, dict[str, Any], dict[str, Any]]:
    """Return (organizer, attendee, booking, certificate) of an event that is over, its certificate drawn."""
    organizer, person = await organizer_and_payer(api)
    event = await organizer.create_event(price=price)
    booking = await person.book(event)
    if price != "0.00":
        await pay(api, person, booking)
    await end(api, organizer, event["id"])
    await api.run_jobs()
    (certificate,) = (await person.get("/api/certificates/")).data
    return organizer, person, booking, certificate


async def pay(api: Api, person: Person, booking: Mapping[str, Any]) -> None:
    paying = await person.post("/api/payments/", {"booking": booking["id"]})
    assert paying.status == 201, paying.data
    await api.run_jobs()


async def check_revoked(api: Api, person: Person, certificate: Mapping[str, Any]) -> None:
    """Check that nothing of a certificate is left once the jobs have run."""
    pdf = api.resources.settings.data_dir / "media" / f"certificates/{certificate['certificate_number']}.pdf"
    assert pdf.exists(), "the file goes after the commit"
    assert await attended(api, person) == 0
    assert (await person.get("/api/certificates/")).data == []
    for path in (
        f"/api/certificates/{certificate['id']}/",
        f"/api/certificates/{certificate['id']}/download/",
        f"/api/certificates/verify/{certificate['certificate_number']}/",
    ):
        assert (await person.get(path)).status == 404
    await api.run_jobs()
    assert not pdf.exists()
    await issue_again(api, certificate["event"])
    assert (await person.get("/api/certificates/")).data == []
    assert await attended(api, person) == 0


async def issue_again(api: Api, event_id: int) -> None:
    async with api.database.transaction() as tx:
        tx.enqueue(ISSUE_CERTIFICATES, event_id=event_id, after_booking=0)
    await api.run_jobs()


async def test_a_no_show_recorded_after_the_end_loses_the_certificate(api: Api) -> None:
    organizer, person, booking, certificate = await certified(api)
    assert await attended(api, person) == 1
    for _ in range(2):
        answer = await organizer.post(f"/api/bookings/{booking['id']}/no_show/")
        assert (answer.status, answer.data["status"]) == (200, "no_show")
    await check_revoked(api, person, certificate)


async def test_a_booking_cancelled_by_the_organizer_after_the_end_loses_the_certificate(api: Api) -> None:
    organizer, person, booking, certificate = await certified(api)
    assert (await organizer.post(f"/api/bookings/{booking['id']}/cancel/")).status == 200
    await check_revoked(api, person, certificate)


async def test_a_payment_refunded_after_the_end_takes_the_certificate_along(api: Api) -> None:
    organizer, person, _, certificate = await certified(api, price="10.00")
    (payment,) = (await person.get("/api/payments/")).data
    assert (await organizer.post(f"/api/payments/{payment['id']}/refund/")).status == 200
    await check_revoked(api, person, certificate)


async def test_a_revocation_that_is_rolled_back_revokes_nothing(api: Api) -> None:
    organizer, person, booking, certificate = await certified(api)
    with pytest.raises(ZeroDivisionError):
        async with api.database.transaction() as tx:
            await bookings.mark_no_show(tx, Viewer(organizer.id, "organizer"), booking["id"])
            raise ZeroDivisionError
    await api.run_jobs()
    assert (await person.get("/api/certificates/")).data == [certificate]
    assert await attended(api, person) == 1
    assert (await person.get(f"/api/certificates/{certificate['id']}/download/")).status == 200


async def test_revoking_what_was_never_issued_is_no_error(api: Api) -> None:
    organizer, person, booking, _ = await certified(api)
    async with api.database.transaction() as tx:
        await certificates.revoke(tx, booking["event"], organizer.id)
    assert await attended(api, organizer) == 0
    assert await attended(api, person) == 1


async def test_a_certificate_revoked_while_it_is_drawn_leaves_no_file(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    organizer, person = await organizer_and_payer(api)
    event = await organizer.create_event()
    booking = await person.book(event)
    await end(api, organizer, event["id"])
    put, names = api.resources.storage.put, []

    async def revoked_meanwhile(name: str, data: bytes, content_type: str) -> None:
        names.append(name)
        assert (await organizer.post(f"/api/bookings/{booking['id']}/no_show/")).status == 200
        await put(name, data, content_type)

    monkeypatch.setattr(api.resources.storage, "put", revoked_meanwhile)
    await api.run_jobs()
    assert await titles(person) == ["Booking Confirmation", "How Was It?"]
    (name,) = names
    with pytest.raises(NotFound):
        await api.resources.storage.get(name)


async def test_its_owner_is_told_when_the_pdf_is_there(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    event = await organizer.create_event()
    await person.book(event)
    await end(api, organizer, event["id"])
    job = await api.database.fetch_value("SELECT id FROM jobs WHERE kind = 'issue_certificates'")
    await run_jobs(api.resources, "issue_certificates", [job])
    assert "Certificate Issued" not in await titles(person)
    await api.run_jobs()
    certificate_id = await api.database.fetch_value("SELECT id FROM certificates")
    async with api.database.transaction() as tx:
        tx.enqueue(RENDER_CERTIFICATE, certificate_id=certificate_id)
    await api.run_jobs()
    assert (await titles(person)).count("Certificate Issued") == 1


async def test_a_certificate_bears_the_name_of_the_day_of_completion(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    assert (
        await person.patch("/api/users/me/", {"first_name": "Ada", "last_name": "Lovelace"})
    ).status == 200
    event = await organizer.create_event()
    await person.book(event)
    await end(api, organizer, event["id"])
    job = await api.database.fetch_value("SELECT id FROM jobs WHERE kind = 'issue_certificates'")
    await run_jobs(api.resources, "issue_certificates", [job])
    assert (await person.patch("/api/users/me/", {"first_name": "Countess", "last_name": "X"})).status == 200
    await api.run_jobs()
    (certificate,) = (await person.get("/api/certificates/")).data
    verified = await api.anonymous.get(f"/api/certificates/verify/{certificate['certificate_number']}/")
    assert (certificate["user_name"], verified.data["user_name"]) == ("Ada Lovelace", "Ada Lovelace")
    pdf = await api.resources.storage.get(f"certificates/{certificate['certificate_number']}.pdf")
    assert "Ada Lovelace" in pypdf.PdfReader(io.BytesIO(pdf)).pages[0].extract_text()


async def test_a_file_that_is_missing_is_404_and_no_download(api: Api) -> None:
    _, person, _, certificate = await certified(api)
    await api.resources.storage.delete(f"certificates/{certificate['certificate_number']}.pdf")
    path = f"/api/certificates/{certificate['id']}/"
    assert (await person.get(f"{path}download/")).status == 404
    assert not (await person.get(path)).data["is_downloaded"]


# --- reissued ---------------------------------------------------------------------------------------------------------


async def rename(person: Person, first: str, last: str) -> None:
    assert (await person.patch("/api/users/me/", {"first_name": first, "last_name": last})).status == 200


async def text_of(api: Api, name: str) -> str:
    pdf = await api.resources.storage.get(name)
    return str(pypdf.PdfReader(io.BytesIO(pdf)).pages[0].extract_text())


async def file_of(api: Api) -> str | None:
    name: str | None = await api.database.fetch_value("SELECT pdf_name FROM certificates")
    return name


async def test_a_reissued_certificate_bears_the_present_name_under_the_same_number(api: Api) -> None:
    organizer, person, _, certificate = await certified(api)
    path = f"/api/certificates/{certificate['id']}/"
    number, first_file = certificate["certificate_number"], await file_of(api)
    assert first_file is not None
    await rename(person, "Ada", "Lovelace")
    for other in (organizer, await api.person("admin")):
        assert (await other.post(f"{path}reissue/")).status == 403
    (stranger,) = await people(api, 1)
    assert (await stranger.post(f"{path}reissue/")).status == 404
    for _ in range(2):  # the second time it bears the name already
        reissued = await person.post(f"{path}reissue/")
        assert (reissued.status, reissued.data["user_name"]) == (200, "Ada Lovelace")
        assert (reissued.data["certificate_number"], reissued.data["pdf_file"]) == (number, None)
    assert list(reissued.data)[-2:] == ["downloaded_at", "reissued_at"]
    early = await person.get(f"{path}download/")
    assert (early.status, early.data["code"]) == (409, "not_ready")
    await api.run_jobs()
    seen = (await person.get(path)).data
    assert (seen["reissued_at"], seen["issued_date"]) == (
        reissued.data["reissued_at"],
        certificate["issued_date"],
    )
    assert (await person.get(f"{path}download/")).status == 200
    name = await file_of(api)
    assert name is not None
    assert "Ada Lovelace" in await text_of(api, name)
    with pytest.raises(NotFound):
        await api.resources.storage.get(first_file)
    verified = (await api.anonymous.get(f"/api/certificates/verify/{number}/")).data
    assert list(verified)[-2:] == ["issued_date", "reissued_at"]
    assert (verified["user_name"], verified["reissued_at"]) == ("Ada Lovelace", seen["reissued_at"])
    assert (await titles(person)).count("Certificate Issued") == 1
    (told,) = [
        n for n in (await person.get("/api/notifications/")).data if n["title"] == "Certificate Reissued"
    ]
    assert "now says Ada Lovelace" in told["message"]
    await rename(person, "Ada", "Byron")
    assert (await person.post(f"{path}reissue/")).status == 200
    await api.run_jobs()
    assert (await titles(person)).count("Certificate Reissued") == 2


async def test_a_name_that_has_not_changed_reissues_nothing(api: Api) -> None:
    _, person, _, certificate = await certified(api)
    path = f"/api/certificates/{certificate['id']}/"
    before = (await person.get(path)).data
    again = await person.post(f"{path}reissue/")
    assert (again.status, again.data) == (200, before)
    assert again.data["reissued_at"] is None
    verified = (
        await api.anonymous.get(f"/api/certificates/verify/{certificate['certificate_number']}/")
    ).data
    assert verified["reissued_at"] is None
    assert await api.run_jobs() == 0


async def test_a_drawing_under_way_keeps_no_name_that_was_changed_meanwhile(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, person, _, certificate = await certified(api)
    path = f"/api/certificates/{certificate['id']}/"
    await rename(person, "Ada", "Lovelace")
    assert (await person.post(f"{path}reissue/")).status == 200
    draw, renamed = api.resources.documents.certificate, 0

    async def slowly(document: CertificateDocument) -> bytes:
        nonlocal renamed
        pdf = await draw(document)
        if not renamed:
            renamed += 1
            await rename(person, "Ada", "Byron")
            assert (await person.post(f"{path}reissue/")).status == 200
        return pdf

    monkeypatch.setattr(api.resources.documents, "certificate", slowly)
    await run_kind(api, RENDER_CERTIFICATE)
    assert await file_of(api) is None
    await api.run_jobs()
    name = await file_of(api)
    assert name is not None
    assert "Ada Byron" in await text_of(api, name)
    assert (await titles(person)).count("Certificate Reissued") == 1
    folder = api.resources.settings.data_dir / "media" / "certificates"
    assert [
        f"certificates/{found.name}" for found in folder.glob(f"{certificate['certificate_number']}*")
    ] == [name]


async def test_what_ends_a_booking_takes_a_reissued_certificate_and_its_file(api: Api) -> None:
    organizer, person, booking, certificate = await certified(api)
    await rename(person, "Ada", "Lovelace")
    assert (await person.post(f"/api/certificates/{certificate['id']}/reissue/")).status == 200
    await api.run_jobs()
    name = await file_of(api)
    assert name is not None
    assert (await organizer.post(f"/api/bookings/{booking['id']}/no_show/")).status == 200
    await api.run_jobs()
    with pytest.raises(NotFound):
        await api.resources.storage.get(name)


async def test_who_is_being_recorded_as_absent_gets_none(api: Api) -> None:
    """The no-show has not committed when the chunk is issued."""
    organizer, person = await organizer_and_payer(api)
    event = await organizer.create_event()
    booking = await person.book(event)
    await end(api, organizer, event["id"])

    async def issue() -> None:
        async with api.database.transaction() as tx:
            await certificates.issue(tx, event["id"])

    async with api.database.transaction() as tx:
        await bookings.mark_no_show(tx, Viewer(organizer.id, "organizer"), booking["id"])
        # A task of its own, as a worker is: it has no part in this transaction.
        issuing = asyncio.get_running_loop().create_task(issue(), context=contextvars.Context())
        async with asyncio.timeout(10):
            while not issuing.done() and not await api.database.fetch_value(_WAITS):
                await asyncio.sleep(0.01)
    await issuing
    assert await api.database.fetch_value("SELECT count(*) FROM certificates") == 0


_WAITS = "SELECT true FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
