"""Certificates: one for each confirmed attendee of a completed event, issued in bounded chunks."""

import secrets
import string
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from eventhub import localized
from eventhub.database import Queries, Row, Transaction
from eventhub.errors import Conflict, NotFound
from eventhub.models.events import EventStatus, Owed
from eventhub.models.facts import FactType
from eventhub.models.jobs import DELETE_FILE, RENDER_CERTIFICATE
from eventhub.models.notifications import NotificationType
from eventhub.services import locking, notifications, owed
from eventhub.services.access import Right, Viewer, require
from eventhub.services.listing import (
    Filter,
    Listing,
    Order,
    Page,
    PageRequest,
    Params,
    boolean,
    identifier,
)
from eventhub.services.owned_listings import OwnedListing
from eventhub.services.periodic import PeriodicTask
from eventhub.services.ports.documents import CertificateDocument
from eventhub.services.promises import Promise, take_up

_ALPHABET = string.ascii_uppercase + string.digits

# $1 is where links begin. The file is the attendee's: its URL asks for their token.
_COLUMNS = """
c.id, c.event_id AS event, e.title AS event_title, c.user_id AS "user", c.user_name,
c.certificate_number, c.hours_completed::float8 AS hours_completed, c.skill_tags,
CASE WHEN c.pdf_name IS NOT NULL THEN $1::text || '/api/certificates/' || c.id || '/download/' END AS pdf_file,
c.is_downloaded, c.issued_date, c.downloaded_at
"""

CERTIFICATES = Listing(
    columns=_COLUMNS,
    source="certificates c JOIN events e ON e.id = c.event_id",
    id="c.id",
    orderings={
        "issued_date": Order("c.issued_date", "timestamptz", "issued_date"),
        "certificate_number": Order("c.certificate_number", "text", "certificate_number"),
        "id": Order("c.id", "bigint", "id"),
    },
    default_ordering="-issued_date",
    filters={
        "event": Filter(
            identifier,
            "c.event_id = {}",
            "Only certificates of the event with this id: all of them if you organize it, otherwise your own.",
        ),
        "is_downloaded": Filter(
            boolean,
            "c.is_downloaded = {}",
            "Only certificates that were downloaded, or only those that were not.",
        ),
    },
    search="(c.certificate_number ILIKE {} OR e.title ILIKE {})",
    search_doc="A part of the certificate number or of the event's title, in any case.",
)

_OWNED = OwnedListing(CERTIFICATES, owner="c.user_id", right=Right.PEOPLE)


async def issue(tx: Transaction, event_id: int, after_booking: int = 0) -> None:
    """Issue the next certificates that a completed event owes; enqueues the drawing and the rest."""
    # Locked, as by what ends a booking: nobody gets one whose no-show is being recorded.
    event = await locking.lock_event(tx, event_id)
    if event is None:
        return
    if event["status"] != EventStatus.COMPLETED:
        await owed.settle(tx, event_id, Owed.CERTIFICATES)
        return
    issue_chunk = partial(_issue, tx, event_id)
    await owed.do_chunk(tx, event_id, Owed.CERTIFICATES, after_booking, _WITHOUT, do=issue_chunk)


# OFFSET keeps the planner from looking at all certificates of the event for each chunk.
_WITHOUT = """
SELECT id, user_id FROM bookings b WHERE event_id = $1 AND status = 'confirmed' AND id > $2
  AND NOT EXISTS (SELECT FROM certificates c WHERE c.event_id = $1 AND c.user_id = b.user_id OFFSET 0)
ORDER BY id LIMIT $3
"""


async def _issue(tx: Transaction, event_id: int, bookings: list[Row]) -> None:
    user_ids = [booking["user_id"] for booking in bookings]
    numbers = [f"CERT-{event_id}-{user_id}-{_random_part()}" for user_id in user_ids]
    await locking.lock_profiles(tx, user_ids)
    issued = await tx.fetch(_ISSUE, event_id, user_ids, numbers)
    for row in issued:
        tx.enqueue(RENDER_CERTIFICATE, certificate_id=row["id"])
        tx.record(FactType.CERTIFICATE_ISSUED, event_id, row["user_id"], certificate=row["id"])


_TO_DRAW = Promise(
    RENDER_CERTIFICATE,
    "SELECT id AS certificate_id FROM certificates WHERE pdf_name IS NULL ORDER BY id",
)


async def draw_stalled(tx: Transaction, limit: int = 200) -> int:
    """Let jobs draw certificates that have no file and that no job is about to draw; return how many."""
    return len(await take_up(tx, _TO_DRAW, limit))


PERIODIC = (PeriodicTask("draw certificates", draw_stalled, promises=(_TO_DRAW,)),)


def _random_part() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(6))


_ISSUE = """
WITH issued AS (
    INSERT INTO certificates (event_id, user_id, user_name, certificate_number, hours_completed, skill_tags,
                              issued_date)
    SELECT e.id, u.id, u.full_name, attendee.number,
           round(extract(epoch FROM e.end_date - e.start_date)::numeric / 3600, 2), e.tags, now()
    FROM events e, unnest($2::bigint[], $3::text[]) AS attendee (user_id, number)
    JOIN users u ON u.id = attendee.user_id WHERE e.id = $1
    ON CONFLICT (event_id, user_id) DO NOTHING
    RETURNING id, user_id
), attended AS (
    UPDATE profiles p SET total_events_attended = p.total_events_attended + 1
    FROM issued WHERE p.user_id = issued.user_id
)
SELECT id, user_id FROM issued ORDER BY id
"""


async def revoke(tx: Transaction, event_id: int, user_id: int) -> None:
    """Revoke the certificate of a person who was not there after all, if there is one; a job deletes its file.

    The event is locked, and the booking is no longer confirmed, so that none is issued again.
    """
    revoked = await tx.fetch_one(_REVOKE, event_id, user_id)
    if revoked is not None:
        tx.enqueue(DELETE_FILE, name=file_name(revoked["certificate_number"], revoked["reissued_at"]))
        tx.record(FactType.CERTIFICATE_REVOKED, event_id, user_id, certificate=revoked["id"])


_REVOKE = """
WITH revoked AS (
    DELETE FROM certificates WHERE event_id = $1 AND user_id = $2
    RETURNING id, user_id, certificate_number, reissued_at
), attended AS (
    UPDATE profiles p SET total_events_attended = p.total_events_attended - 1
    FROM revoked WHERE p.user_id = revoked.user_id
)
SELECT id, certificate_number, reissued_at FROM revoked
"""


async def recount(tx: Transaction, user_id: int) -> Row | None:
    """Set at how many events a person whose totals are locked was to the number of their certificates; return it before and after."""
    return await tx.fetch_one(_RECOUNT, user_id)


_RECOUNT = """
WITH was AS (SELECT total_events_attended FROM profiles WHERE user_id = $1), issued AS (
    SELECT count(*) AS certificates FROM certificates WHERE user_id = $1
)
UPDATE profiles f SET total_events_attended = issued.certificates FROM was, issued WHERE f.user_id = $1
RETURNING was.total_events_attended AS was_total_events_attended, f.total_events_attended
"""


async def reissue(tx: Transaction, viewer: Viewer, links_base: str, certificate_id: int) -> dict[str, Any]:
    """Put the owner's present name on their certificate and return it; a job draws it anew and tells them.

    Its number stays, and anybody who verifies it learns when this was. One that bears the name already stays as it is.
    Raises Forbidden for others who may see it.
    """
    certificate = await get(tx, viewer, links_base, certificate_id)
    require(certificate["user"] == viewer.id, "Only its holder can have a certificate reissued.")
    old = await tx.fetch_one(_REISSUE, certificate_id)
    if old is not None:
        tx.enqueue(DELETE_FILE, name=file_name(old["certificate_number"], old["reissued_at"]))
        tx.enqueue(RENDER_CERTIFICATE, certificate_id=certificate_id)
        tx.record(
            FactType.CERTIFICATE_REISSUED,
            certificate["event"],
            certificate["user"],
            certificate=certificate_id,
        )
    return await get(tx, viewer, links_base, certificate_id)


# Not `pdf_name`: while a job draws the first one, that has no name yet, and its file is in the way all the same.
_REISSUE = """
WITH old AS (
    SELECT c.id, c.certificate_number, c.reissued_at, u.full_name FROM certificates c JOIN users u ON u.id = c.user_id
    WHERE c.id = $1 AND c.user_name <> u.full_name FOR NO KEY UPDATE OF c
)
UPDATE certificates c SET user_name = old.full_name, reissued_at = clock_timestamp(), pdf_name = NULL
FROM old WHERE c.id = old.id RETURNING old.certificate_number, old.reissued_at
"""


def file_name(number: str, reissued_at: datetime | None) -> str:
    """Return where the PDF of a certificate lies in the storage: each time that it is issued, under another name."""
    return f"certificates/{number}{f'-{reissued_at:%Y%m%dT%H%M%S%f}' if reissued_at else ''}.pdf"


async def to_draw(
    queries: Queries, certificate_id: int, *, links_base: str
) -> tuple[CertificateDocument, str]:
    """Return what the PDF of a certificate says, and where that is to lie. Raises NotFound."""
    row = await queries.fetch_one(
        "SELECT c.*, u.username, e.title, e.start_date, e.end_date, e.timezone, o.full_name AS organizer_name "
        "FROM certificates c JOIN users u ON u.id = c.user_id JOIN events e ON e.id = c.event_id "
        "JOIN users o ON o.id = e.organizer_id WHERE c.id = $1",
        certificate_id,
    )
    if row is None:
        raise NotFound
    hours: Decimal = row["hours_completed"]
    document = CertificateDocument(
        recipient_name=row["user_name"],
        recipient_username=row["username"],
        event_title=row["title"],
        hours=hours,
        skills=tuple(tag.strip() for tag in str(row["skill_tags"]).split(",") if tag.strip()),
        starts_on=localized.clock(row["start_date"], row["timezone"]).date(),
        ends_on=localized.clock(row["end_date"], row["timezone"]).date(),
        issued_on=localized.clock(row["issued_date"], row["timezone"]).date(),
        number=row["certificate_number"],
        organizer_name=row["organizer_name"],
        verification_url=f"{links_base}/api/certificates/verify/{row['certificate_number']}/",
    )
    return document, file_name(row["certificate_number"], row["reissued_at"])


async def record_pdf(tx: Transaction, certificate_id: int, pdf_name: str) -> bool:
    """Record the file of a certificate and tell its owner; False where it was revoked or reissued meanwhile."""
    row = await tx.fetch_one(
        "SELECT c.user_id, c.event_id, c.user_name, c.certificate_number, c.reissued_at, e.title "
        "FROM certificates c JOIN events e ON e.id = c.event_id WHERE c.id = $1 FOR NO KEY UPDATE OF c",
        certificate_id,
    )
    if row is None or pdf_name != file_name(row["certificate_number"], row["reissued_at"]):
        return False
    await tx.execute("UPDATE certificates SET pdf_name = $2 WHERE id = $1", certificate_id, pdf_name)
    await _tell_drawn(tx, certificate_id, row)
    return True


async def _tell_drawn(tx: Transaction, certificate_id: int, row: Row) -> None:
    key, title = f"certificate_issued:{row['event_id']}:{certificate_id}", "Certificate Issued"
    message = f"Your certificate for {row['title']} is ready to download."
    if row["reissued_at"] is not None:
        key = f"certificate_reissued:{certificate_id}:{row['reissued_at']:%Y%m%dT%H%M%S%f}"
        title = "Certificate Reissued"
        message = f"Your certificate for {row['title']} now says {row['user_name']} and is ready to download."
    await notifications.notify(
        tx,
        row["user_id"],
        NotificationType.SYSTEM_ANNOUNCEMENT,
        key=key,
        title=title,
        message=message,
        event_id=row["event_id"],
    )


async def list_certificates(queries: Queries, viewer: Viewer, links_base: str, request: PageRequest) -> Page:
    """Return a page of the viewer's certificates; with `event`, of all where the viewer manages it."""
    return await _OWNED.fetch_page(queries, viewer, request, params=Params(links_base))


async def get(queries: Queries, viewer: Viewer, links_base: str, certificate_id: int) -> dict[str, Any]:
    """Return a certificate to its owner or the event's organizer. Raises NotFound to all others."""
    return await _get(queries, viewer, links_base, certificate_id, ", c.reissued_at")


async def _get(
    queries: Queries, viewer: Viewer, links_base: str, certificate_id: int, more_columns: str
) -> dict[str, Any]:
    return await _OWNED.get(
        queries, viewer, certificate_id, more_columns=more_columns, params=Params(links_base)
    )


async def mark_as_downloaded(
    tx: Transaction, viewer: Viewer, links_base: str, certificate_id: int
) -> dict[str, Any]:
    """Record that the owner downloaded a certificate and return it; the time of the first download stays."""
    await get(tx, viewer, links_base, certificate_id)
    await tx.execute(
        "UPDATE certificates SET is_downloaded = true, downloaded_at = now() "
        "WHERE id = $1 AND user_id = $2 AND NOT is_downloaded",
        certificate_id,
        viewer.id,
    )
    return await get(tx, viewer, links_base, certificate_id)


async def find_pdf(queries: Queries, viewer: Viewer, certificate_id: int) -> tuple[str, str]:
    """Return (file's name in the storage, certificate's number). Raises NotFound, and Conflict until it is drawn."""
    row = await _get(queries, viewer, "", certificate_id, ", c.pdf_name")
    if row["pdf_name"] is None:
        raise Conflict("The certificate is being prepared: try again in a moment.", code="not_ready")
    return row["pdf_name"], row["certificate_number"]


async def verify(queries: Queries, number: str) -> dict[str, Any]:
    """Return what a certificate's number proves, to anybody who holds it. Raises NotFound."""
    row = await queries.fetch_one(
        "SELECT c.certificate_number, true AS is_valid, c.user_name, e.title AS event_title, "
        "c.hours_completed::float8 AS hours_completed, c.skill_tags, o.full_name AS organizer_name, c.issued_date, c.reissued_at "
        "FROM certificates c JOIN events e ON e.id = c.event_id "
        "JOIN users o ON o.id = e.organizer_id WHERE c.certificate_number = $1",
        number,
    )
    if row is None:
        raise NotFound
    return dict(row)
