"""What a ticket type has left, and whether it is sold, as its row, its event's and the clock say."""

from datetime import timedelta
from typing import Any

import pytest

from eventhub.database import Database
from eventhub.services import ticket_types
from eventhub.services.access import ANONYMOUS, Viewer
from tests.rows import NOW, insert_event, insert_type, insert_users

HOUR = timedelta(hours=1)
PAST = {"start_date": NOW - HOUR, "registration_deadline": NOW - HOUR}


async def seen(database: Database, event: dict[str, Any], kind: dict[str, Any]) -> tuple[str, int]:
    """Return status and number of tickets left of a ticket type, as who may edit its event sees it."""
    (organizer,) = await insert_users(database, 1, "organizer")
    event_id = await insert_event(database, organizer, **event)
    type_id = await insert_type(database, event_id, "Student", **kind)
    found = await ticket_types.get(database, Viewer(organizer, "organizer"), type_id)
    return found["status"], found["available"]


@pytest.mark.parametrize(
    ("event", "kind", "status"),
    [
        ({}, {}, "on_sale"),
        ({}, {"sales_start": NOW - HOUR, "sales_end": NOW + HOUR}, "on_sale"),
        ({}, {"sales_start": NOW + HOUR}, "not_yet"),
        ({}, {"sales_end": NOW - HOUR}, "ended"),
        ({}, {"is_active": False}, "inactive"),
        ({}, {"is_hidden": True}, "on_sale"),
        ({}, {"capacity": 5, "seats_held": 5}, "sold_out"),
        ({}, {"capacity": 5, "seats_held": 3, "min_per_booking": 3}, "sold_out"),
        ({}, {"capacity": 5, "seats_held": 2, "min_per_booking": 3}, "on_sale"),
        ({"seats_held": 50}, {}, "sold_out"),
        ({"seats_held": 50}, {"is_reserved": True, "capacity": 5}, "on_sale"),
        ({"status": "draft"}, {}, "not_yet"),
        ({"status": "draft"}, {"is_active": False}, "inactive"),
        ({"registration_deadline": NOW - HOUR}, {}, "ended"),
        # The deadline always ends sales.
        ({"registration_deadline": NOW - HOUR}, {"sales_end": NOW + HOUR}, "ended"),
        ({"registration_deadline": NOW - HOUR}, {"sales_start": NOW + HOUR}, "ended"),
        ({"status": "ongoing", **PAST}, {}, "ended"),
        ({"status": "completed", **PAST}, {}, "ended"),
        ({"status": "cancelled"}, {}, "ended"),
        # Until an admin hands the event over.
        ({"is_selling": False}, {}, "inactive"),
        # Why nobody can buy comes before how many there would be.
        ({"seats_held": 50}, {"sales_start": NOW + HOUR}, "not_yet"),
        ({"seats_held": 50}, {"sales_end": NOW - HOUR}, "ended"),
    ],
)
async def test_whether_it_is_sold(
    database: Database, event: dict[str, Any], kind: dict[str, Any], status: str
) -> None:
    assert (await seen(database, event, kind))[0] == status


@pytest.mark.parametrize(
    ("event", "kind", "available"),
    [
        ({}, {}, 50),
        ({"seats_held": 20}, {}, 30),
        ({"seats_held": 20, "waiting_count": 7}, {}, 23),
        ({"seats_held": 45, "waiting_count": 7}, {}, 0),
        ({"seats_held": 20}, {"capacity": 25, "seats_held": 5}, 20),
        ({"seats_held": 45}, {"capacity": 25, "seats_held": 5}, 5),
        ({"seats_held": 45, "waiting_count": 7}, {"is_reserved": True, "capacity": 25, "seats_held": 5}, 20),
        ({"seats_held": 50}, {"is_reserved": True, "capacity": 25, "seats_held": 25}, 0),
    ],
)
async def test_what_is_left(
    database: Database, event: dict[str, Any], kind: dict[str, Any], available: int
) -> None:
    assert (await seen(database, event, kind))[1] == available


async def test_only_who_may_edit_the_event_is_told_what_is_held(database: Database) -> None:
    organizer, rival = await insert_users(database, 2, "organizer")
    event = await insert_event(database, organizer)
    type_id = await insert_type(database, event, "Student", seats_held=3)
    for viewer, held in (
        (Viewer(organizer, "organizer"), 3),
        (Viewer(rival, "admin"), 3),
        (Viewer(rival, "organizer"), None),
        (Viewer(organizer, "attendee"), None),
        (ANONYMOUS, None),
    ):
        found = await ticket_types.get(database, viewer, type_id)
        assert ("seats_held" in found, found.get("seats_held")) == (held is not None, held)
