"""Event list, detail, attendees and statistics: one statement each, counters instead of counting rows."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from eventhub.database import Queries, Row
from eventhub.errors import NotFound
from eventhub.models.bookings import BookingStatus
from eventhub.models.events import Category, EventStatus
from eventhub.services import listing
from eventhub.services.access import (
    IS_PUBLIC,
    Right,
    Viewer,
    check_sees,
    check_user,
    find_event,
    may_sql,
    seen_by,
    sees_sql,
)
from eventhub.services.bookings import BOOKINGS
from eventhub.services.links import without_link_sql
from eventhub.services.listing import Filter, Listing, Order, Page, PageRequest, Params, Words, fetch_page

EVENTS = Listing(
    columns=(
        "e.id, e.title, e.category, o.full_name AS organizer_name, e.location, e.is_online, e.status, e.start_date, "
        "e.end_date, e.max_attendees, e.seats_confirmed AS attendees_count, e.price::text, e.cover_image"
    ),
    source="events e JOIN users o ON o.id = e.organizer_id",
    id="e.id",
    orderings={
        "start_date": Order("e.start_date", "timestamptz", "start_date"),
        "end_date": Order("e.end_date", "timestamptz", "end_date"),
        "created_at": Order("e.created_at", "timestamptz"),
        "price": Order("e.price", "numeric", "price"),
        "title": Order("e.title", "text", folds=True),
        "id": Order("e.id", "bigint", "id"),
    },
    default_ordering="-start_date",
    filters={
        "category": Filter(listing.choice(Category), "e.category = {}", "Only events in this category."),
        "status": Filter(listing.choice(EventStatus), "e.status = {}", "Only events in this state."),
        "is_online": Filter(
            listing.boolean,
            "e.is_online = {}",
            "Only events that take place online, or only those that do not.",
        ),
        "organizer": Filter(
            listing.identifier, "e.organizer_id = {}", "Only events that the user with this id organizes."
        ),
        "start_after": Filter(
            listing.moment, "e.start_date >= {}", "Only events that start at this time or later."
        ),
        "start_before": Filter(
            listing.moment, "e.start_date <= {}", "Only events that start at this time or earlier."
        ),
        "price_min": Filter(listing.money, "e.price >= {}", "Only events that cost this much or more."),
        "price_max": Filter(listing.money, "e.price <= {}", "Only events that cost this much or less."),
    },
    search=Words(
        source="events e",
        vectors={"e.search": "e.title || ' ' || e.description || ' ' || e.tags"},
        hits="SELECT e.id FROM events e WHERE {0}",
    ),
    search_doc=(
        "Every word must begin a word in the title, the description or the tags; case and accents do not matter (zurich "
        "finds Zürich). In Chinese, Japanese, Korean, Thai, Lao, Khmer and Burmese, each character begins one. "
        "At most 12 words."
    ),
    is_public=True,
)


async def list_events(queries: Queries, viewer: Viewer, request: PageRequest) -> Page:
    """Return a page of the events that the viewer may see."""
    params = Params()
    return await fetch_page(queries, EVENTS, request, params=params, where=seen_by(viewer, params))


async def list_organized(queries: Queries, viewer: Viewer, organizer_id: int, request: PageRequest) -> Page:
    """Return a page of the events of one organizer that the viewer may see. Raises NotFound for no such user."""
    await check_user(queries, viewer, organizer_id)
    params = Params(organizer_id)
    where = ["e.organizer_id = $1", *seen_by(viewer, params)]
    return await fetch_page(queries, EVENTS, request, params=params, where=where)


_SESSION_KEYS = (
    "id title description start_time end_time speaker speaker_name room_or_link created_at updated_at".split()
)
_DETAIL_BEFORE_URL = """
e.id, e.title, e.description, e.category, e.organizer_id AS organizer, o.full_name AS organizer_name, e.location,
e.is_online
"""
_DETAIL_AFTER_URL = """
e.status, e.start_date, e.end_date, e.registration_deadline, e.max_attendees, e.seats_confirmed AS attendees_count,
e.max_attendees - e.seats_held AS available_spots,
e.status = 'published' AND e.is_selling AND e.is_standard_on_sale AND e.registration_deadline > now()
    AS is_registration_open,
e.price::text, e.cover_image, e.tags,
(SELECT array_agg(s ORDER BY s.start_time, s.id) FROM (
    SELECT s.id, s.title, s.description, s.start_time, s.end_time, s.speaker_id, p.full_name, {room},
           s.created_at, s.updated_at
    FROM sessions s LEFT JOIN users p ON p.id = s.speaker_id WHERE s.event_id = e.id) s) AS sessions,
e.created_at, e.updated_at, e.currency, e.timezone
"""
_STATISTICS = """
e.seats_confirmed AS total_attendees, e.max_attendees - e.seats_held AS available_spots,
e.waiting_count AS waitlist_count, e.reviews_count,
coalesce(e.rating_sum::float8 / nullif(e.reviews_count, 0), 0) AS average_rating, e.revenue::float8 AS total_revenue
"""
_ORGANIZER = "JOIN users o ON o.id = e.organizer_id"

# What readers ask for at the same moment is read together. Keys are hidden in a SELECT, as `gathered` wants them.
_FOR_ALL = f"WHERE e.id = ANY((SELECT $1::bigint[])::bigint[]) AND {IS_PUBLIC}"
_PUBLIC_DETAILS = f"""
SELECT e.id AS asked, {_DETAIL_BEFORE_URL}, '' AS online_url,
       {_DETAIL_AFTER_URL.replace("{room}", without_link_sql("s.room_or_link", unless="false"))}
FROM events e {_ORGANIZER} {_FOR_ALL}
"""
_PUBLIC_STATISTICS = f"SELECT e.id AS asked, {_STATISTICS} FROM events e {_FOR_ALL}"

_VIEWER = "a.viewer_id", "a.user_type"
_ASKED = """
events e
JOIN unnest((SELECT $1::bigint[]), (SELECT $2::bigint[]), (SELECT $3::text[]))
    WITH ORDINALITY AS a(event_id, viewer_id, user_type, number) ON e.id = a.event_id
"""
# Links are for organizers and people with a confirmed seat; a session's link is for its speaker too.
_TAKES_PART = f"""
{may_sql(Right.EDIT, *_VIEWER)}
OR EXISTS (SELECT FROM bookings b WHERE b.event_id = e.id AND b.user_id = a.viewer_id AND b.status = 'confirmed')
"""
_ROOM = without_link_sql("s.room_or_link", unless=f"s.speaker_id = a.viewer_id OR {_TAKES_PART}")
_DETAILS = f"""
SELECT a.number AS asked, {_DETAIL_BEFORE_URL}, CASE WHEN {_TAKES_PART} THEN e.online_url ELSE '' END AS online_url,
       {_DETAIL_AFTER_URL.replace("{room}", _ROOM)}
FROM {_ASKED} {_ORGANIZER} WHERE {sees_sql(*_VIEWER)}
"""
_STATISTICS_OF = f"SELECT a.number AS asked, {_STATISTICS} FROM {_ASKED} WHERE {sees_sql(*_VIEWER)}"

Asked = tuple[int, Viewer]


async def get(queries: Queries, viewer: Viewer, event_id: int) -> dict[str, Any]:
    """Return an event with its sessions. Raises NotFound, also for another organizer's draft."""
    if viewer.id:
        row = await queries.gathered(_find_details, (event_id, viewer))
    else:
        row = await queries.gathered(_find_public_details, event_id)
    return _with_sessions(_found(row))


async def get_many(queries: Queries, viewer: Viewer, event_ids: Sequence[int]) -> list[dict[str, Any]]:
    """Return those of these events that the viewer may see, as `get` does, in the order of their ids."""
    asked = [(event_id, viewer) for event_id in sorted(event_ids)]
    found = await _find_details(queries, asked)
    return [_with_sessions(_found(found[each])) for each in asked if each in found]


async def statistics(queries: Queries, viewer: Viewer, event_id: int) -> dict[str, Any]:
    """Return head counts, ratings and revenue (completed less refunded). Raises NotFound."""
    if viewer.id:
        row = await queries.gathered(_find_statistics, (event_id, viewer))
    else:
        row = await queries.gathered(_find_public_statistics, event_id)
    return _found(row)


async def _find_public_details(queries: Queries, event_ids: Sequence[int]) -> dict[int, Row]:
    return {row["asked"]: row for row in await queries.fetch(_PUBLIC_DETAILS, event_ids)}


async def _find_public_statistics(queries: Queries, event_ids: Sequence[int]) -> dict[int, Row]:
    return {row["asked"]: row for row in await queries.fetch(_PUBLIC_STATISTICS, event_ids)}


async def _find_details(queries: Queries, asked: Sequence[Asked]) -> dict[Asked, Row]:
    return await _find(queries, _DETAILS, asked)


async def _find_statistics(queries: Queries, asked: Sequence[Asked]) -> dict[Asked, Row]:
    return await _find(queries, _STATISTICS_OF, asked)


async def _find(queries: Queries, sql: str, asked: Sequence[Asked]) -> dict[Asked, Row]:
    rows = await queries.fetch(
        sql,
        [event_id for event_id, _ in asked],
        [viewer.id for _, viewer in asked],
        [viewer.user_type for _, viewer in asked],
    )
    return {asked[row["asked"] - 1]: row for row in rows}


def _found(row: Row | None) -> dict[str, Any]:
    if row is None:
        raise NotFound
    answer = dict(row)
    del answer["asked"]
    return answer


def _with_sessions(event: dict[str, Any]) -> dict[str, Any]:
    sessions = event["sessions"] or ()
    event["sessions"] = [dict(zip(_SESSION_KEYS, session, strict=True)) for session in sessions]
    return event


async def list_attendees(queries: Queries, viewer: Viewer, event_id: int, request: PageRequest) -> Page:
    """Return a page of an event's confirmed bookings; requirements and prices only to who manages it.

    A deactivated person is a "Former user" to everybody else.
    Raises NotFound for an event that the viewer may not see.
    """
    params = Params(event_id, viewer.id, viewer.user_type)
    of_event = ["b.event_id = $1", f"b.status = '{BookingStatus.CONFIRMED}'", *seen_by(viewer, params)]
    page = await fetch_page(queries, ATTENDEES, request, params=params, where=of_event)
    if not page.rows:
        check_sees(viewer, await find_event(queries, event_id))
    return page


_MAY_SEE_PEOPLE = may_sql(Right.PEOPLE, "$2", "$3")
# Not even read for others.
_REQUIREMENTS = f"CASE WHEN {_MAY_SEE_PEOPLE} THEN b.special_requirements END"
_PRICE = f"CASE WHEN {_MAY_SEE_PEOPLE} THEN b.total_price::text END"
# Who was deactivated is there still, and named to those alone who have to know.
_ATTENDEE_NAME = f"CASE WHEN u.is_active OR {_MAY_SEE_PEOPLE} THEN u.full_name ELSE 'Former user' END"
# No total_price among the orderings: an order by it would tell what the column does not.
ATTENDEES = replace(
    BOOKINGS,
    columns=BOOKINGS.columns.replace("b.special_requirements", f"{_REQUIREMENTS} AS special_requirements")
    .replace("b.total_price::text", f"{_PRICE} AS total_price")
    .replace("u.full_name", _ATTENDEE_NAME),
    orderings={name: BOOKINGS.orderings[name] for name in ("registered_at", "id")},
    filters={},
    is_public=True,
    text_bytes=f"coalesce(octet_length({_REQUIREMENTS}), 0)",
)
