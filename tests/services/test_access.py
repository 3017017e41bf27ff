"""Rights over events: one table, which Python and SQL read alike."""

import contextlib
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from eventhub.database import Database, Row
from eventhub.errors import EventHubError, Forbidden, Invalid, NotFound
from eventhub.models.users import UserType
from eventhub.services import access, bookings, locking
from eventhub.services.access import ANONYMOUS, Right, Role, Viewer
from eventhub.services.bookings import reads
from eventhub.services.listing import PageRequest, Params, parse_request
from tests.rows import NOW, insert, insert_event, insert_users

RUNS_IT = frozenset(Right) - {Right.HAND_OVER}
# What each kind of viewer may do with an event of the organizer's.
RIGHTS: dict[str, frozenset[Right]] = {
    "anonymous": frozenset(),
    "attendee": frozenset(),
    "organizer": RUNS_IT,
    "rival": frozenset(),
    "organizer demoted to attendee": frozenset(),
    "admin": frozenset(Right),
    "organizer promoted to admin": frozenset(Right),
}
EVENTS: dict[str, dict[str, Any]] = {
    "draft": {"status": "draft"},
    "published": {},
    "ongoing": {"status": "ongoing"},
    "completed": {"status": "completed"},
    "cancelled": {"status": "cancelled"},
    "cancelled draft": {"status": "cancelled", "published_at": None},
    "published, its organizer deactivated": {"is_selling": False},
}


class World:
    """People of each kind, and an event of each kind that one of them organizes."""

    async def build(self, database: Database) -> None:
        self.organizer, rival, admin, attendee = await insert_users(database, 4)
        self.viewers = {
            "anonymous": ANONYMOUS,
            "attendee": Viewer(attendee, "attendee"),
            "organizer": Viewer(self.organizer, "organizer"),
            "rival": Viewer(rival, "organizer"),
            "organizer demoted to attendee": Viewer(self.organizer, "attendee"),
            "admin": Viewer(admin, "admin"),
            "organizer promoted to admin": Viewer(self.organizer, "admin"),
        }
        self.events = {
            kind: await insert_event(database, self.organizer, **changes) for kind, changes in EVENTS.items()
        }


@pytest.fixture
async def world(database: Database) -> World:
    made = World()
    await made.build(database)
    return made


async def decided(database: Database, viewer: Viewer, event_id: int) -> tuple[Row, set[Right], bool, bool]:
    """Return the event's row for Python, the rights that SQL finds, and whether it is seen, in both kinds of SQL."""
    params = Params(event_id, viewer.id, viewer.user_type)
    columns = [f"{access.may_sql(right, '$2', '$3')} AS {right.name}" for right in Right]
    seen = " AND ".join(access.seen_by(viewer, params)) or "true"
    row = await database.fetch_one(
        f"SELECT {access.event_columns()}, {', '.join(columns)}, {access.sees_sql('$2', '$3')} AS sees, "
        f"{seen} AS is_seen FROM events e WHERE e.id = $1 AND $2 >= 0 AND $3::text <> 'unused'",
        *params.values,
    )
    assert row is not None
    return row, {right for right in Right if row[right.name.lower()]}, row["sees"], row["is_seen"]


@pytest.mark.parametrize("kind", RIGHTS)
async def test_python_and_sql_decide_alike_who_may_what(database: Database, world: World, kind: str) -> None:
    viewer = world.viewers[kind]
    for event, event_id in world.events.items():
        row, rights, sees, is_seen = await decided(database, viewer, event_id)
        assert {right for right in Right if viewer.may(row, right)} == rights == RIGHTS[kind], event
        sees_it = "draft" not in event or bool(rights)
        assert (viewer.sees(row), sees, is_seen) == (sees_it, sees_it, sees_it), event


@pytest.mark.parametrize("kind", RIGHTS)
async def test_the_locked_event_and_the_one_that_is_looked_at_hold_what_rights_are_decided_by(
    database: Database, world: World, kind: str
) -> None:
    viewer, event_id = world.viewers[kind], world.events["draft"]
    found = await access.find_event(database, event_id)
    async with database.transaction() as tx:
        locked = await locking.lock_event(tx, event_id)
    for row in (found, locked):
        assert row is not None
        assert {right for right in Right if viewer.may(row, right)} == RIGHTS[kind]


GATEKEEPER = Role(
    frozenset({Right.GATE}),
    frozenset(UserType),
    key="speakers",
    ids="ARRAY(SELECT s.speaker_id FROM sessions s WHERE s.event_id = e.id)",
    is_list=True,
)


async def test_people_with_a_right_of_their_own_are_one_more_row(
    database: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "ROLES", (*access.ROLES, GATEKEEPER))
    attendee = world.viewers["attendee"]
    for event_id in world.events.values():
        await _insert_session(database, event_id, attendee.id)
    other = await insert_event(database, world.organizer, status="draft")
    for kind, viewer in world.viewers.items():
        more = frozenset({Right.GATE}) if kind == "attendee" else frozenset()
        for event_id in world.events.values():
            row, rights, sees, is_seen = await decided(database, viewer, event_id)
            assert {right for right in Right if viewer.may(row, right)} == rights == RIGHTS[kind] | more
            assert viewer.sees(row) == sees == is_seen == (row["published_at"] is not None or bool(rights))
    row, rights, sees, is_seen = await decided(database, attendee, other)
    assert (rights, sees, is_seen, attendee.sees(row)) == (set(), False, False, False)


async def _insert_session(database: Database, event_id: int, speaker_id: int) -> None:
    values = {"event_id": event_id, "title": "Talk", "description": "", "speaker_id": speaker_id}
    times = {
        **dict.fromkeys(("start_time", "created_at", "updated_at"), NOW),
        "end_time": NOW + timedelta(hours=1),
    }
    await insert(database, "sessions", {**values, **times, "room_or_link": ""})


@pytest.mark.parametrize(
    ("kind", "event", "refusal"),
    [
        ("rival", "draft", NotFound),
        ("rival", "cancelled draft", NotFound),
        ("rival", "published", Forbidden),
        ("anonymous", "draft", NotFound),
        ("organizer demoted to attendee", "draft", NotFound),
        ("organizer demoted to attendee", "published", Forbidden),
    ],
)
async def test_what_one_may_not_see_is_not_found_and_what_one_may_not_do_is_forbidden(
    database: Database, world: World, kind: str, event: str, refusal: type[EventHubError]
) -> None:
    row = await access.find_event(database, world.events[event])
    with pytest.raises(refusal):
        access.check_may(world.viewers[kind], row, Right.EDIT, "No.")
    assert access.check_may(world.viewers["organizer"], row, Right.EDIT, "No.") is row


async def test_a_body_with_an_event_that_is_not_to_be_seen_is_answered_as_if_there_were_none(
    database: Database, world: World
) -> None:
    draft = await access.find_event(database, world.events["draft"])
    for row in (draft, await access.find_event(database, 999_999)):
        with pytest.raises(Invalid) as refused:
            access.check_may(world.viewers["rival"], row, Right.EDIT, "No.", absent=access.no_such_event)
        assert refused.value.errors == {"event": ["No event with this id exists."]}


async def test_seeing_a_booking_and_recording_who_came_are_not_yet_the_right_to_cancel_it(
    database: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Role(frozenset({Right.PEOPLE, Right.GATE}), frozenset({UserType.ATTENDEE}))
    monkeypatch.setattr(access, "ROLES", (*access.ROLES, gate))
    event_id = await insert_event(
        database, world.organizer, start_date=NOW, registration_deadline=NOW, seats_held=1, seats_confirmed=1
    )
    booking_id = await _insert_booking(database, event_id, world.viewers["rival"].id)
    viewer = world.viewers["attendee"]
    async with database.transaction() as tx:
        with pytest.raises(Forbidden):
            await bookings.cancel(tx, viewer, booking_id)
        assert (await bookings.get(tx, viewer, booking_id))["status"] == "confirmed"
        assert (await bookings.mark_no_show(tx, viewer, booking_id))["status"] == "no_show"


async def _insert_booking(database: Database, event_id: int, user_id: int) -> int:
    values = {"event_id": event_id, "user_id": user_id, "status": "confirmed", "number_of_tickets": 1}
    times = dict.fromkeys(("registered_at", "expires_at", "confirmed_at"), NOW)
    return await insert(
        database, "bookings", {**values, **times, "total_price": 5, "special_requirements": ""}
    )


@pytest.mark.parametrize("owner", ["attendee", "rival"])
@pytest.mark.parametrize("kind", RIGHTS)
async def test_python_and_sql_decide_alike_who_sees_what_belongs_to_somebody(
    database: Database, world: World, kind: str, owner: str
) -> None:
    viewer, owner_id = world.viewers[kind], world.viewers[owner].id
    event = await access.find_event(database, world.events["published"])
    booking_id = await _insert_booking(database, world.events["published"], owner_id)
    assert event is not None
    is_seen = reads.OWNED.is_seen_by(viewer, owner_id, event)
    assert is_seen == (kind == owner or Right.PEOPLE in RIGHTS[kind])
    page = await bookings.list_bookings(database, viewer, _of_event(world.events["published"]))
    assert [row["id"] for row in page.rows] == ([booking_id] if is_seen else [])
    with contextlib.nullcontext() if is_seen else pytest.raises(NotFound):
        assert (await bookings.get(database, viewer, booking_id))["id"] == booking_id


def _of_event(event_id: int) -> PageRequest:
    return parse_request(bookings.BOOKINGS, {"event": str(event_id)})


_RIGHTS_BY_HAND = re.compile(
    r"organizer_id.*[=!]= viewer\.|viewer\.id [=!]= .*organizer_id|organizer_id = .* OR |published_at IS |published_at\"\] "
)
# An organizer who reviews their own event is partial, whatever their rights.
_NO_RIGHT = 'require(row["organizer_id"] != viewer.id, "Organizers cannot review their own events.")'


def test_rights_over_events_are_decided_in_one_place() -> None:
    table = Path(access.__file__)
    lines = [
        f"{path.name}: {line.strip()}"
        for path in table.parent.rglob("*.py")
        for line in path.read_text().splitlines()
        if path != table and _RIGHTS_BY_HAND.search(line)
    ]
    assert lines == [f"reviews.py: {_NO_RIGHT}"]
