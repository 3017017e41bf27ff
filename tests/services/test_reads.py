"""Hot reads are one statement each."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from eventhub.database import Database, PooledQueries, Queries
from eventhub.errors import NotFound
from eventhub.services import bookings, notifications, reviews
from eventhub.services.access import ANONYMOUS, Viewer
from eventhub.services.events import reads
from eventhub.services.listing import Listing, PageRequest, parse_request
from tests.rows import NOW, insert, insert_event, insert_notification, insert_review, insert_users


class Counting(PooledQueries):
    """Queries that count the statements that they run."""

    count = 0

    def _connection(self) -> Any:
        self.count += 1
        return super()._connection()


def first_page(listing: Listing) -> PageRequest:
    return parse_request(listing, {})


READS: dict[str, Callable[[Queries, Viewer, int], Awaitable[Any]]] = {
    "events": lambda q, viewer, _: reads.list_events(q, viewer, first_page(reads.EVENTS)),
    "event": reads.get,
    "statistics": reads.statistics,
    "attendees": lambda q, viewer, event: reads.list_attendees(q, viewer, event, first_page(reads.ATTENDEES)),
    "bookings": lambda q, viewer, _: bookings.list_bookings(q, viewer, first_page(bookings.BOOKINGS)),
    "reviews": lambda q, viewer, _: reviews.list_reviews(q, viewer, first_page(reviews.REVIEWS)),
    "notifications": lambda q, viewer, _: notifications.list_notifications(
        q, viewer, first_page(notifications.NOTIFICATIONS)
    ),
}


@pytest.mark.parametrize("read", READS)
async def test_hot_reads_are_one_statement(database: Database, read: str) -> None:
    organizer, attendee = await insert_users(database, 2)
    event = await insert_event(database, organizer)
    await _book(database, event, attendee)
    await insert_review(database, event, attendee)
    await insert_notification(database, attendee, "hello")
    queries = Counting(database.connections)
    found = await READS[read](queries, Viewer(attendee, "attendee"), event)
    assert queries.count == 1
    assert getattr(found, "rows", found)


async def test_attendees_of_an_event_without_any_and_of_one_that_is_not_to_be_seen(
    database: Database,
) -> None:
    (organizer,) = await insert_users(database, 1)
    empty = await insert_event(database, organizer)
    draft = await insert_event(database, organizer, status="draft")
    await _book(database, draft, organizer)
    request = first_page(reads.ATTENDEES)
    assert (await reads.list_attendees(database, ANONYMOUS, empty, request)).rows == []
    assert (
        len((await reads.list_attendees(database, Viewer(organizer, "organizer"), draft, request)).rows) == 1
    )
    for event in (draft, draft + 1):
        with pytest.raises(NotFound):
            await reads.list_attendees(database, ANONYMOUS, event, request)


async def _book(database: Database, event: int, user: int) -> None:
    values = {
        "event_id": event,
        "user_id": user,
        "status": "confirmed",
        "number_of_tickets": 1,
        "total_price": 5,
        "special_requirements": "",
        "registered_at": NOW,
        "expires_at": NOW,
    }
    await insert(database, "bookings", values)
