"""The whole API document, in its order, over HTTP against real processes, as three users go through it.

An admin who organizes, an attendee, and somebody who waits in line. Every documented status and key is asserted. They go
twice: through the document alone, and at events that have all that the document does not know. Both times they get the
answers that they got before there was any of it (tests/walked.py).
"""

import os
import re
import subprocess
import sys
from typing import Any

import pytest

from tests.api import event_details
from tests.cluster import Cluster, Http
from tests.walked import GOLDEN, Trace, documented
from tests.web import document as doc


class Walker:
    """One user, walking; what they are answered goes into the trace. `enriches` tells of events with more than documented."""

    def __init__(self, http: Http, trace: Trace, token: str | None = None, *, enriches: bool) -> None:
        self.http = http
        self.trace = trace
        self.token = token
        self.enriches = enriches

    async def __call__(self, method: str, path: str, status: int, body: object = None) -> Any:
        data = await self.aside(method, path, status, body)
        self.trace.add(method, path, status, data)
        if self.enriches and status == 201 and path == "/api/events/":
            await _enrich(self, data)
        return data

    async def aside(self, method: str, path: str, status: int, body: object = None) -> Any:
        """Ask for something that is no part of the walk."""
        got, data = await self.http.request(method, path, self.token, body)
        assert got == status, (method, path, got, data)
        return data

    async def sign_in(self, username: str, password: str) -> "Walker":
        tokens = await self("POST", "/api/auth/token/", 200, {"username": username, "password": password})
        doc.check_like(doc.TOKENS, tokens)
        refreshed = await self("POST", "/api/auth/token/refresh/", 200, {"refresh": tokens["refresh"]})
        doc.check_like({"access": tokens["access"]}, refreshed)
        return Walker(self.http, self.trace, refreshed["access"], enriches=self.enriches)


@pytest.mark.parametrize("events", ["plain", "enriched"])
async def test_the_document_from_the_first_line_to_the_last(cluster: Cluster, events: str) -> None:
    trace = await _walk(cluster, enriches=events == "enriched")
    told = documented(trace.answers)
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text("\n".join(told) + "\n")
    for was, now in zip(GOLDEN.read_text().splitlines(), told, strict=True):
        assert now == was


async def _walk(cluster: Cluster, *, enriches: bool) -> Trace:
    _create_admin(cluster)
    cluster.start("web", "worker", "clock")
    trace = Trace()
    async with cluster.http() as http:
        anybody = Walker(http, trace, enriches=enriches)
        admin, john, waiting = await _users(anybody)
        event, past = await _events(admin, john, anybody)
        await _sessions(admin, anybody, past)
        booking = await _bookings(cluster, admin, john, event)
        await _waitlist(cluster, admin, john, waiting, event)
        payment = await _payments(cluster, admin, john, waiting)
        await _invoices(admin, john, payment)
        await _notifications(john)
        await _reviews(john, admin, anybody, event)
        await _certificates(cluster, admin, john, anybody, event)
        await _errors(anybody, john)
    assert booking
    return trace


async def _enrich(admin: Walker, event: dict[str, Any]) -> None:
    """Give an event everything that the document does not know, and nothing that may change what it documents."""
    path = f"/api/events/{event['id']}/"
    changes = {
        "timezone": "Europe/Berlin",
        "standard_ticket": "Regular",
        "organizer_news": "each",
    }
    await admin.aside("PATCH", f"{path}settings/", 200, changes)
    types: list[dict[str, object]] = [
        {"name": "Student", "price": "10.00", "max_per_booking": 2},
        {"name": "Backstage", "price": "90.00", "is_hidden": True},
        {"name": "Donation", "price": "1.00", "is_open_price": True, "capacity": 1},
        {"name": "Last year's", "price": "5.00", "is_active": False},
    ]
    # A reserved type takes seats as bookings do: where few are left, it would change who gets one.
    if event["max_attendees"] >= 30:
        types.append({"name": "Press", "price": "0.00", "capacity": 5, "is_reserved": True})
        admin.trace.set_aside[event["id"]] = 5
    made = [await admin.aside("POST", f"{path}ticket_types/", 201, body) for body in types]
    codes: list[dict[str, object]] = [
        {"code": "RIVER20", "kind": "percent", "value": "20.00", "ticket_types": [None, made[0]["id"]]},
        {"code": "BACKSTAGE", "kind": "unlock", "ticket_types": [made[1]["id"]]},
    ]
    for code in codes:
        await admin.aside("POST", f"{path}promo_codes/", 201, code)


async def _book_lines(person: Walker, event_id: int) -> None:
    """Book tickets of two types with a promo code, so that somebody has come before who books as the document says."""
    types = await person.aside("GET", f"/api/events/{event_id}/ticket_types/", 200)
    ids = {each["name"]: each["id"] for each in types}
    assert "Backstage" not in ids
    items = [{"ticket_type": ids["Press"], "quantity": 2}, {"ticket_type": ids["Student"], "quantity": 1}]
    body = {"event": event_id, "items": items, "promo_code": "river20"}
    booking = await person.aside("POST", "/api/bookings/", 201, body)
    assert (booking["total_price"], booking["promo_code"]) == ("8.00", "RIVER20")


def _create_admin(cluster: Cluster) -> None:
    command = [sys.executable, "-m", "eventhub.cli", "createadmin", "--username", "admin"]
    command += ["--email", "admin@example.com", "--password", "admin123"]
    done = subprocess.run(command, env=cluster.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Warning: --password: Is too weak. This is a very common password." in done.stderr


async def _users(anybody: Walker) -> tuple[Walker, Walker, Walker]:
    admin = await anybody.sign_in("admin", "admin123")
    registered = await anybody("POST", "/api/users/", 201, doc.REGISTRATION)
    doc.check_like(doc.REGISTERED, registered)
    await anybody("POST", "/api/users/", 409, doc.REGISTRATION)
    john = await anybody.sign_in("newuser", "secure_password")
    await anybody(
        "POST", "/api/users/", 201, {**doc.REGISTRATION, "username": "third", "email": "third@example.com"}
    )
    waiting = await anybody.sign_in("third@example.com", "secure_password")
    doc.check_list_like(
        doc.USER_LIST_ITEM, await admin("GET", "/api/users/?username=admin&ordering=-date_joined", 200)
    )
    doc.check_list_like(doc.USER_LIST_ITEM, await admin("GET", "/api/users/?email=admin@example.com", 200))
    await anybody("GET", "/api/users/?ordering=username", 200)
    doc.check_like(doc.ME, await admin("GET", "/api/users/me/", 200))
    for method in ("PUT", "PATCH"):
        changed = await john(method, "/api/users/me/", 200, doc.ACCOUNT_CHANGES)
        assert {key: changed[key] for key in doc.ACCOUNT_CHANGES} == doc.ACCOUNT_CHANGES
        profile = await john(method, "/api/users/update_profile/", 200, doc.PROFILE_CHANGES)
        assert {key: profile[key] for key in doc.PROFILE_CHANGES} == doc.PROFILE_CHANGES
    user_id = registered["id"]
    assert await john("GET", f"/api/users/{user_id}/events_organized/", 200) == []
    assert await john("GET", f"/api/users/{user_id}/reviews/", 200) == []
    return admin, john, waiting


async def _events(admin: Walker, john: Walker, anybody: Walker) -> tuple[int, int]:
    await john("POST", "/api/events/", 403, doc.NEW_EVENT)
    past = await admin("POST", "/api/events/", 201, doc.NEW_EVENT)
    await admin("POST", "/api/events/", 201, doc.CURL_EVENT)
    details = event_details(tags="python, programming", max_attendees=2)
    event = await admin("POST", "/api/events/", 201, details)
    doc.check_like(doc.EVENT, event)
    path = f"/api/events/{event['id']}/"
    await anybody("GET", path, 404)
    for method in ("PUT", "PATCH"):
        await admin(method, path, 200, details)
        await john(method, path, 404, details)
    published = await admin("POST", f"{path}publish/", 200)
    assert published["status"] == "published"
    await admin("POST", f"{path}publish/", 409)
    await john("PATCH", path, 403, {"title": "Mine"})
    doc.check_like(doc.EVENT, await anybody("GET", path, 200))
    query = "?category=workshop&status=published&is_online=false&search=test%20work&ordering=-start_date"
    doc.check_list_like(doc.EVENT_LIST_ITEM, await anybody("GET", f"/api/events/{query}", 200), exactly=True)
    for ordering in ("created_at", "price", "-start_date"):
        await anybody("GET", f"/api/events/?ordering={ordering}", 200)
    doc.check_like(doc.STATISTICS, await anybody("GET", f"{path}statistics/", 200))
    assert await anybody("GET", f"{path}attendees/", 200) == []
    other = await admin("POST", "/api/events/", 201, details)
    cancelled = await admin("POST", f"/api/events/{other['id']}/cancel/", 200)
    assert cancelled["status"] == "cancelled"
    await admin("POST", f"/api/events/{other['id']}/cancel/", 409)
    await admin("DELETE", f"/api/events/{other['id']}/", 204)
    return event["id"], past["id"]


async def _sessions(admin: Walker, anybody: Walker, event: int) -> None:
    session = await admin("POST", "/api/sessions/", 201, {**doc.NEW_SESSION, "event": event})
    doc.check_like(doc.SESSION, session)
    query = f"?event={event}&speaker={session['speaker']}&ordering=start_time"
    # The event is a draft: its programme is for those who see it.
    assert await anybody("GET", f"/api/sessions/{query}", 200) == []
    doc.check_list_like(doc.SESSION, await admin("GET", f"/api/sessions/{query}", 200))


async def _bookings(cluster: Cluster, admin: Walker, john: Walker, event: int) -> int:
    booking = await john("POST", "/api/bookings/", 201, {**doc.NEW_BOOKING, "event": event})
    doc.check_like(doc.BOOKED, booking)
    assert booking["status"] == "pending"
    await john("POST", "/api/bookings/", 409, {**doc.NEW_BOOKING, "event": event})
    await cluster.eventually("SELECT status FROM bookings WHERE id = $1", "confirmed", booking["id"])
    listed = await john("GET", f"/api/bookings/?event={event}&status=confirmed&ordering=-registered_at", 200)
    doc.check_list_like(doc.BOOKING, listed)
    confirmed = await john("POST", f"/api/bookings/{booking['id']}/confirm/", 200)
    assert confirmed["status"] == "confirmed"
    cancelled = await john("POST", f"/api/bookings/{booking['id']}/cancel/", 200)
    assert cancelled["status"] == "cancelled"
    await admin("POST", f"/api/bookings/{booking['id']}/confirm/", 409)
    again = await john("POST", "/api/bookings/", 201, {"event": event, "number_of_tickets": 2})
    await cluster.eventually("SELECT status FROM bookings WHERE id = $1", "confirmed", again["id"])
    return int(again["id"])


async def _waitlist(cluster: Cluster, admin: Walker, john: Walker, waiting: Walker, event: int) -> None:
    await waiting("POST", "/api/bookings/", 409, {"event": event})
    entry = await waiting("POST", "/api/waitlist/", 201, {**doc.NEW_ENTRY, "event": event})
    doc.check_like(doc.ENTRY, entry)
    assert entry["position"] == 1
    await waiting("POST", "/api/waitlist/", 409, {"event": event})
    await john("POST", "/api/waitlist/", 409, {"event": event})
    doc.check_list_like(
        doc.ENTRY, await waiting("GET", f"/api/waitlist/?event={event}&ordering=position", 200)
    )
    await waiting("POST", f"/api/waitlist/{entry['id']}/leave/", 204)
    await waiting("POST", "/api/waitlist/", 201, {"event": event})
    await admin("PATCH", f"/api/events/{event}/", 200, {"max_attendees": 3})
    await cluster.eventually("SELECT count(*) FROM waitlist_entries WHERE status = 'accepted'", 1)


async def _payments(cluster: Cluster, admin: Walker, john: Walker, waiting: Walker) -> dict[str, Any]:
    made = await admin("POST", "/api/events/", 201, event_details(price="29.99"))
    await admin("POST", f"/api/events/{made['id']}/publish/", 200)
    if waiting.enriches:
        await _book_lines(waiting, made["id"])
    booking = await john("POST", "/api/bookings/", 201, {"event": made["id"]})
    await john("POST", f"/api/bookings/{booking['id']}/confirm/", 409)
    payment = await john(
        "POST", "/api/payments/", 201, {"booking": booking["id"], "amount": "29.99", "method": "mock"}
    )
    doc.check_like(doc.PAYMENT, payment)
    assert re.fullmatch(r"EVH-[A-Z0-9]{12}", payment["transaction_id"])
    assert (payment["status"], payment["checkout_url"]) == ("pending", None)
    await cluster.eventually("SELECT status FROM payments WHERE id = $1", "completed", payment["id"])
    listed = await john("GET", "/api/payments/?status=completed&method=mock&ordering=-created_at", 200)
    assert list(listed[0]) == list(doc.PAYMENT)
    receipt = await john("GET", f"/api/payments/{payment['id']}/receipt/", 200)
    doc.check_like(doc.INVOICE, receipt)
    refunded = await john("POST", f"/api/payments/{payment['id']}/refund/", 200)
    assert refunded["status"] == "refunded"
    return dict(refunded)


async def _invoices(admin: Walker, john: Walker, payment: dict[str, Any]) -> None:
    search = payment["transaction_id"][4:10].lower()
    invoices = await john("GET", f"/api/invoices/?is_sent=false&search={search}&ordering=-issued_at", 200)
    assert [invoice["invoice_number"][:4] for invoice in invoices] == ["CRN-", "INV-"]
    path = f"/api/invoices/{invoices[1]['id']}/"
    doc.check_like(doc.INVOICE, await john("GET", path, 200))
    assert (await admin("GET", path, 200))["amount"] == "29.99"
    sent = await john("POST", f"{path}mark_as_sent/", 200)
    assert sent["is_sent"]


async def _notifications(john: Walker) -> None:
    query = "?notification_type=booking_confirmation&is_read=false&ordering=-created_at"
    notes = await john("GET", f"/api/notifications/{query}", 200)
    doc.check_list_like(doc.NOTIFICATION, notes)
    assert await john("GET", f"/api/notifications/?event={notes[0]['event']}", 200)
    read = await john("POST", f"/api/notifications/{notes[0]['id']}/mark_as_read/", 200)
    assert read["is_read"]
    unread = await john("GET", "/api/notifications/unread_count/", 200)
    doc.check_like(doc.UNREAD_COUNT, unread)
    assert await john("POST", "/api/notifications/mark_all_as_read/", 200) == {
        "marked": unread["unread_count"]
    }
    assert await john("GET", "/api/notifications/unread_count/", 200) == {"unread_count": 0}


async def _reviews(john: Walker, admin: Walker, anybody: Walker, event: int) -> None:
    review = await john("POST", "/api/reviews/", 201, {**doc.NEW_REVIEW, "event": event})
    doc.check_like(doc.REVIEW, review)
    assert review["attended"]
    await john("POST", "/api/reviews/", 409, {**doc.NEW_REVIEW, "event": event})
    path = f"/api/reviews/{review['id']}/"
    helpful = await admin("POST", f"{path}mark_helpful/", 200)
    assert (helpful["helpful_count"], helpful["helpful_percentage"]) == (1, 100.0)
    unhelpful = await admin("POST", f"{path}mark_unhelpful/", 200)
    assert (unhelpful["helpful_count"], unhelpful["unhelpful_count"]) == (0, 1)
    await john("POST", f"{path}mark_helpful/", 403)
    query = f"?event={event}&rating=5&search=excel%20test&ordering=-created_at"
    doc.check_list_like(doc.REVIEW, await anybody("GET", f"/api/reviews/{query}", 200))
    # Signed in: anonymous readers may get an answer that is up to a second old.
    statistics = await john("GET", f"/api/events/{event}/statistics/", 200)
    assert (statistics["reviews_count"], statistics["average_rating"]) == (1, 5.0)


async def _certificates(cluster: Cluster, admin: Walker, john: Walker, anybody: Walker, event: int) -> None:
    await admin("POST", f"/api/events/{event}/complete/", 409)
    await cluster.sql(
        "UPDATE events SET registration_deadline = now() - interval '3 hours', start_date = now() - interval '2 hours',"
        " end_date = now() WHERE id = $1",
        event,
    )
    await cluster.eventually("SELECT status FROM events WHERE id = $1", "completed", event)
    await cluster.eventually("SELECT count(*) FROM certificates WHERE pdf_name IS NOT NULL", 2)
    query = f"?event={event}&is_downloaded=false&search=test&ordering=-issued_date"
    certificates = await john("GET", f"/api/certificates/{query}", 200)
    assert list(certificates[0]) == list(doc.CERTIFICATE)
    assert certificates[0]["hours_completed"] == 2.0
    path = f"/api/certificates/{certificates[0]['id']}/"
    async with john.http.session.get(
        certificates[0]["pdf_file"], headers={"Authorization": f"Bearer {john.token}"}
    ) as response:
        assert (response.status, response.content_type) == (200, "application/pdf")
    marked = await john("POST", f"{path}mark_as_downloaded/", 200)
    assert marked["is_downloaded"]
    verified = await anybody("GET", f"/api/certificates/verify/{marked['certificate_number']}/", 200)
    assert verified["is_valid"]
    await anybody("GET", "/api/certificates/verify/CERT-1-2-ABC123/", 404)


async def _errors(anybody: Walker, john: Walker) -> None:
    missing = await anybody("GET", "/api/events/999999/", 404)
    doc.check_like(doc.NOT_FOUND, missing)
    assert missing["detail"] == "Not found."
    await anybody("GET", "/api/bookings/", 401)
    await john("PATCH", "/api/users/1/", 403, {"is_verified": True})
    await john("POST", "/api/bookings/", 400, {"event": 999999})
