"""What the database plans for lists and the clock when tables are large: it finds rows by indexes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

import asyncpg
import orjson
import pytest

from eventhub import embedded
from eventhub.database import Database, Queries, Row, Transaction
from eventhub.models.facts import FactType
from eventhub.services import (
    auth,
    bookings,
    events,
    facts,
    jobs,
    notifications,
    promo_codes,
    reviews,
    sessions,
    ticket_types,
    users,
    waitlist,
)
from eventhub.services.access import ANONYMOUS, Viewer
from eventhub.services.bookings import BOOKINGS
from eventhub.services.events import reads as events_reads
from eventhub.services.events.reads import ATTENDEES, EVENTS, list_attendees, list_events, list_organized
from eventhub.services.facts import Scope
from eventhub.services.listing import Listing, Page, PageRequest, Words, parse_request
from eventhub.services.notifications import NOTIFICATIONS
from eventhub.services.operations import open_jobs, search, stats, story
from eventhub.services.periodic import PeriodicTask
from eventhub.services.reviews import REVIEWS
from eventhub.services.sessions import SESSIONS
from eventhub.services.users import USERS
from eventhub.services.waitlist import WAITLIST
from eventhub.settings import read_settings
from eventhub.workers.clock import TASKS, purges
from tests.conftest import fresh_database
from tests.test_env_example import REQUIRED

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("plans")]

LARGE = set(
    (
        "users events sessions ticket_types promo_codes bookings waitlist_entries payments reviews notifications jobs "
        "job_log facts"
    ).split()
)
ATTENDEE, ORGANIZER, ADMIN = Viewer(2, "attendee"), Viewer(1, "organizer"), Viewer(3, "admin")

SEED = """
INSERT INTO users (username, email, password_hash, first_name, last_name, user_type, bio, phone, website, organization,
                   is_verified, is_active, date_joined)
SELECT 'user' || n, 'user' || n || '@example.com', '-', 'User', n::text,
       CASE WHEN n % 100 = 1 THEN 'organizer' ELSE 'attendee' END, '', '', '', '', true, true,
       now() - n * interval '1 minute'
FROM generate_series(1, 20000) n;
INSERT INTO events (title, description, category, organizer_id, location, is_online, online_url, status, start_date,
                    end_date, registration_deadline, max_attendees, price, tags, waiting_count, published_at,
                    created_at, updated_at)
SELECT (ARRAY['Python', 'Rust', 'Garden', 'Music', 'Cooking'])[1 + n % 5] || ' evening ' || n, 'About it',
       (ARRAY['workshop', 'webinar', 'conference', 'masterclass', 'meetup', 'training'])[1 + n % 6],
       1 + n % 100 * 100, 'Hall', n % 3 = 0, '',
       CASE WHEN n % 50 = 3 THEN 'draft' WHEN n % 50 = 1 THEN 'ongoing' WHEN n % 50 = 2 THEN 'cancelled'
            WHEN n % 2 = 0 THEN 'published' ELSE 'completed' END,
       moment, moment + interval '2 hours', moment, 100000, n * 37 % 10000 / 100.0, '',
       CASE WHEN n = 100 THEN 5000 ELSE 0 END, CASE WHEN n % 50 <> 3 THEN now() END,
       now() - n * interval '1 minute', now()
FROM (SELECT n, now() + (CASE n % 2 WHEN 0 THEN 1 ELSE -1 END) * (n + 100) * interval '7 minutes' AS moment
      FROM generate_series(1, 20000) n) AS numbered;
INSERT INTO sessions (event_id, title, description, start_time, end_time, speaker_id, created_at, updated_at,
                      room_or_link)
SELECT n, 'Talk ' || n, '', now() + n * interval '1 minute', now() + n * interval '2 minutes', 1 + n * 7 % 20000,
       now(), now(), ''
FROM generate_series(1, 20000) n;
INSERT INTO ticket_types (event_id, name, price, position, created_at, updated_at)
SELECT 1 + n % 20000, 'Type ' || n, 5, n / 20000, now(), now() FROM generate_series(0, 59999) n;
INSERT INTO bookings (event_id, user_id, status, number_of_tickets, total_price, special_requirements, registered_at,
                      expires_at, confirmed_at)
SELECT 1 + n * 7919 % 20000, 1 + n % 500, CASE WHEN n % 10 = 0 THEN 'pending' ELSE 'confirmed' END, 1, 10, '',
       now() - n * interval '1 minute', now() + n * interval '1 minute', now()
FROM generate_series(1, 50000) n ON CONFLICT DO NOTHING;
INSERT INTO promo_codes (event_id, code, kind, comment, uses, created_at, updated_at)
SELECT CASE WHEN n <= 10000 THEN 101 ELSE 1 + n % 20000 END, 'CODE-' || n, CASE WHEN n % 20 = 0 THEN 'unlock' ELSE 'free' END, '',
       n % 100, now() - n * interval '1 minute', now()
FROM generate_series(1, 100000) n;
INSERT INTO waitlist_entries (event_id, user_id, status, line_number, joined_at)
SELECT CASE WHEN n <= 5000 THEN 100 ELSE n END, n, 'waiting', n, now() FROM generate_series(1, 20000) n;
INSERT INTO payments (booking_id, user_id, amount, currency, status, method, gateway, transaction_id, created_at,
                      checked_at)
SELECT id, user_id, 10, 'USD', CASE WHEN id % 100 = 0 THEN 'pending' ELSE 'completed' END, 'mock', 'mock', 'EVH-' || id,
       now() - id * interval '1 minute', now()
FROM bookings WHERE id <= 20000;
INSERT INTO reviews (event_id, user_id, rating, title, review, attended, helpful_count, created_at, updated_at)
SELECT 1 + n * 31 % 20000, 1 + n % 997, 1 + n % 5,
       CASE WHEN n % 2 = 0 THEN 'Great ' ELSE 'Fine ' END || CASE WHEN n % 5000 = 7 THEN 'capybara' ELSE '' END,
       'Good', false, n % 50, now() - n * interval '1 minute', now()
FROM generate_series(1, 50000) n ON CONFLICT DO NOTHING;
INSERT INTO notifications (user_id, notification_type, title, message, key, is_read, created_at)
SELECT 1 + n % 500, 'system_announcement', 'News', '', 'news:' || n, n % 10 > 0, now() - n * interval '1 minute'
FROM generate_series(1, 50000) n;
INSERT INTO sign_ins (user_id, created_at, expires_at, ended_at, network, user_agent)
SELECT 1 + n % 10000, now() - n * interval '1 second', now() + interval '1 day', CASE WHEN n % 3 = 0 THEN now() END,
       '192.0.2.0/24', 'Mozilla/5.0'
FROM generate_series(1, 50000) n;
INSERT INTO jobs (kind, version, queue, payload, run_at, max_attempts, request_id, created_at, state, lease_until,
                  lease_token)
SELECT 'confirm_booking', 1, 'bookings', '{}', now() + n * interval '1 minute', 8, '', now(),
       CASE WHEN n % 1000 = 0 THEN 'running' WHEN n % 100 = 0 THEN 'failed' ELSE 'queued' END,
       CASE WHEN n % 1000 = 0 THEN now() + interval '1 hour' END, CASE WHEN n % 1000 = 0 THEN gen_random_uuid() END
FROM generate_series(1, 20000) n;
INSERT INTO facts (seq, type, event_id, organizer_id, user_id, via, occurred_at)
SELECT CASE WHEN n <= 50000 THEN n END, (ARRAY['booking.created', 'booking.confirmed', 'event.updated'])[1 + n % 3],
       1 + n % 20000, CASE WHEN n <= 50000 THEN 1 + n % 100 * 100 END, 1 + n % 500, 'user', now() - n * interval '1 second'
FROM generate_series(1, 50300) n;
UPDATE fact_cursors SET seq = 50000 WHERE name = 'numbered';
INSERT INTO job_log (job_id, kind, payload, outcome, attempts, request_id, created_at, finished_at)
SELECT n, 'confirm_booking', '{}', 'done', 1, '', now(), now() - n * interval '1 minute'
FROM generate_series(1, 20000) n;
"""


@pytest.fixture(scope="module")
def full_url(servers: embedded.Services, worker_id: str) -> str:
    """The URL of a database in which tables are large."""
    return asyncio.run(_fill(servers.database_url, f"plans_{worker_id}"))


async def _fill(admin_url: str, name: str) -> str:
    url = await fresh_database(admin_url, name)
    connection = await asyncpg.connect(url)
    await connection.execute(SEED)
    # Until all rows are known to be visible to all: a snapshot of autovacuum's, which is then looking at the new tables,
    # keeps VACUUM from marking them so, and scans of an index alone look costlier than a walk.
    await connection.execute("VACUUM ANALYZE")
    while await connection.fetchval(_UNSEEN, list(LARGE)):
        await asyncio.sleep(0.1)
        await connection.execute("VACUUM ANALYZE")
    await connection.close()
    return url


_UNSEEN = (
    "SELECT count(*) FROM pg_class WHERE relname = ANY($1) AND relkind = 'r' AND relallvisible < relpages"
)


@pytest.fixture
async def full(full_url: str) -> AsyncIterator[Database]:
    opened = await Database.open(full_url, deliver=lambda _: None)
    yield opened
    await opened.close()


class Planner(Transaction):
    """A transaction that has each statement planned before it runs, and keeps what reads a large table to its end."""

    def __init__(self, tx: Transaction) -> None:
        super().__init__(tx.client)
        self.walks: list[str] = []
        self.indexes: set[str] = set()

    async def fetch(self, sql: str, *args: object) -> list[Row]:
        await self._plan(sql, *args)
        return await super().fetch(sql, *args)

    async def fetch_one(self, sql: str, *args: object) -> Row | None:
        await self._plan(sql, *args)
        return await super().fetch_one(sql, *args)

    async def fetch_value(self, sql: str, *args: object) -> Any:
        await self._plan(sql, *args)
        return await super().fetch_value(sql, *args)

    async def execute(self, sql: str, *args: object) -> int:
        await self._plan(sql, *args)
        return await super().execute(sql, *args)

    async def _plan(self, sql: str, *args: object) -> None:
        plan = orjson.loads(await super().fetch_value(f"EXPLAIN (FORMAT JSON) {sql}", *args))[0]["Plan"]
        self.walks += [f"{table}: {sql}" for table in _walked(plan)]
        self.indexes |= set(_indexes(plan))


def _walked(plan: Mapping[str, Any]) -> Iterator[str]:
    if plan["Node Type"] == "Seq Scan" and plan["Relation Name"] in LARGE:
        yield plan["Relation Name"]
    for part in plan.get("Plans", ()):
        yield from _walked(part)


def _indexes(plan: Mapping[str, Any]) -> Iterator[str]:
    if "Index Name" in plan:
        yield plan["Index Name"]
    for part in plan.get("Plans", ()):
        yield from _indexes(part)


@contextlib.asynccontextmanager
async def planning(database: Database, mode: str) -> AsyncIterator[Planner]:
    """Yield a planner whose effects are undone."""
    with contextlib.suppress(_Undo):
        async with database.transaction() as tx:
            await tx.execute(f"SET LOCAL plan_cache_mode = {mode}")
            yield Planner(tx)
            raise _Undo


class _Undo(Exception):
    pass


# A statement that ran a few times may be planned once for all values of its parameters.
MODES = pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])

List = Callable[[Queries, Viewer, PageRequest], Awaitable[Page]]
LISTS: list[tuple[List, Listing, Viewer, list[str]]] = [
    (list_events, EVENTS, viewer, [
        "category=meetup", "status=published", "category=meetup&status=published", "organizer=101", "is_online=true",
        "start_after=2026-12-01", "start_before=2026-12-01", "price_min=50", "price_max=50", "search=unused",
        "search=evening 77", "search=unused&category=meetup", "search=unused&count=true",
    ])
    for viewer in (ANONYMOUS, ATTENDEE, ORGANIZER)
] + [
    (reviews.list_reviews, REVIEWS, ANONYMOUS, [
        "event=100", "rating=4", "search=capybara", "search=unused", "search=capybara great", "search=unused&rating=4",
        "search=unused&count=true",
    ]),
    (sessions.list_sessions, SESSIONS, ANONYMOUS, ["event=100", "speaker=50"]),
    (users.list_users, USERS, ANONYMOUS, ["username=user7", "email=user7@example.com"]),
    (bookings.list_bookings, BOOKINGS, ATTENDEE, ["status=pending", "event=100", "count=true"]),
    (bookings.list_bookings, BOOKINGS, ORGANIZER, ["event=100", "event=100&status=confirmed"]),
    (notifications.list_notifications, NOTIFICATIONS, ATTENDEE, [
        "is_read=false", "event=100", "notification_type=event_updated", "count=true",
    ]),
    (auth.list_sign_ins, auth.SIGN_INS, ATTENDEE, []),
    (waitlist.list_entries, WAITLIST, ATTENDEE, ["event=100", "status=waiting"]),
    (waitlist.list_entries, WAITLIST, ORGANIZER, ["event=100", "event=100&status=waiting"]),
    (lambda queries, viewer, request: list_attendees(queries, viewer, 100, request), ATTENDEES, ANONYMOUS, []),
    (lambda queries, viewer, request: promo_codes.list_codes(queries, viewer, 101, request), promo_codes.PROMO_CODES, ADMIN, [
        "kind=unlock", "is_active=true", "search=CODE-77", "count=true",
    ]),
    (lambda queries, viewer, request: list_organized(queries, viewer, 101, request), EVENTS, ATTENDEE, ["search=unused"]),
    (lambda queries, viewer, request: reviews.list_of_user(queries, viewer, 50, request), REVIEWS, ATTENDEE, ["search=unused"]),
]  # fmt: skip


@MODES
@pytest.mark.parametrize(("read", "listing", "viewer", "queries"), LISTS)
async def test_lists_read_no_large_table_to_its_end(
    full: Database, mode: str, read: List, listing: Listing, viewer: Viewer, queries: list[str]
) -> None:
    orderings = [f"ordering={sign}{name}" for name in listing.orderings for sign in ("", "-")]
    searches = [f"{text}&search=unused" for text in orderings if isinstance(listing.search, Words)]
    wrong = []
    async with planning(full, mode) as planner:
        for query in [*orderings, *searches, *queries]:
            await read(planner, viewer, parse_request(listing, dict(parse_qsl(query))))
            wrong += [f"{query}: {walk}" for walk in planner.walks]
            planner.walks.clear()
    assert wrong == []


@MODES
@pytest.mark.parametrize("viewer", [ANONYMOUS, ATTENDEE, ORGANIZER])
async def test_ticket_types_are_found_without_reading_a_large_table_to_its_end(
    full: Database, mode: str, viewer: Viewer
) -> None:
    async with planning(full, mode) as planner:
        first, *others = await ticket_types.list_of_event(planner, viewer, 100)
        assert len(others) == 2
        await ticket_types.get(planner, viewer, first["id"])
        assert planner.walks == []


EACH: dict[str, Callable[[Queries], Awaitable[object]]] = {
    **{
        f"{read.__name__} {viewer.user_type}": partial(
            lambda read, viewer, queries: read(queries, viewer, 100), read, viewer
        )
        for read in (events.get, events.statistics)
        for viewer in (ANONYMOUS, ATTENDEE, ORGANIZER, ADMIN)
    },
    "sign-ins": lambda queries: auth.find_open_sign_ins(queries, [100, 101]),
}


@MODES
@pytest.mark.parametrize("read", EACH)
async def test_what_is_read_by_key_is_looked_up_by_its_key(full: Database, mode: str, read: str) -> None:
    async with planning(full, mode) as planner:
        assert await EACH[read](planner)
        assert planner.walks == []


# As the main connections are set, and as they are behind a pooler.
@pytest.mark.parametrize(
    ("mode", "custom_plans", "generic_plans"), [("force_generic_plan", 0, 10), ("auto", 5, 5)]
)
async def test_a_read_by_keys_is_planned_once_however_many_there_are(
    full: Database, mode: str, custom_plans: int, generic_plans: int
) -> None:
    assert await full.fetch_value("SELECT current_setting('plan_cache_mode')") == "force_generic_plan"
    async with full.transaction() as tx:
        await tx.execute(f"SET LOCAL plan_cache_mode = {mode}")
        for keys in (1, 2, 1, 10, 1, 1, 50, 1, 3, 1):
            await events_reads._find_public_details(tx, range(1, 1 + keys))
            await events_reads._find_details(tx, [(key, ATTENDEE) for key in range(1, 1 + keys)])
            await auth.find_open_sign_ins(tx, range(1, 1 + keys))
        for statement in (events_reads._PUBLIC_DETAILS, events_reads._DETAILS, auth._ARE_OPEN):
            planned = await tx.fetch_one(
                "SELECT custom_plans, generic_plans FROM pg_prepared_statements WHERE statement = $1",
                statement,
            )
            assert planned is not None
            assert dict(planned) == {"custom_plans": custom_plans, "generic_plans": generic_plans}


# Disputes are few, and no index leads to them: all payments are read, seldom.
_WALKS = {"follow disputes"}


_PURGES = purges(read_settings({**REQUIRED, "EVENTHUB_NOTIFICATIONS_KEPT_DAYS": "30"}))


async def _do(task: PeriodicTask, tx: Planner) -> object:
    return await task.step(tx, task.at_once)


STEPS: dict[str, Callable[[Planner], Awaitable[object]]] = {
    "send again": lambda tx: jobs.due_to_send(tx, {}),
    "number facts": facts.number,
    "end leases": lambda tx: jobs.end_leases_of_the_dead(tx, uuid4()),
    **{task.name: partial(_do, task) for task in (*TASKS, *_PURGES) if task.name not in _WALKS},
}


@MODES
@pytest.mark.parametrize("step", STEPS)
async def test_the_clock_reads_no_large_table_to_its_end(full: Database, mode: str, step: str) -> None:
    async with planning(full, mode) as planner:
        await STEPS[step](planner)
        assert planner.walks == []


async def _search(text: str, tx: Planner) -> object:
    return await search.find(tx, text)


# Open jobs are all that is in `jobs`, and events are few beside bookings; payments are told apart by one look at them.
LOOKS: dict[str, tuple[Callable[[Planner], Awaitable[object]], set[str]]] = {
    "processes": (stats.processes, set()),
    "backlogs": (stats.backlogs, {"jobs"}),
    "rates": (stats.rates, set()),
    "sales": (stats.sales, {"events"}),
    "money": (stats.money, {"payments"}),
    "waiting for people": (stats.waiting_for_people, set()),
    "owed": (stats.owed, set()),
    "unnumbered": (facts.unnumbered, set()),
    "store": (stats.store, set()),
    "story": (lambda tx: story.tell(tx, 100), {"jobs"}),
    "failed jobs": (open_jobs.list_jobs, {"jobs"}),
    "job": (lambda tx: open_jobs.show(tx, 100), set()),
    **{
        f"search {text}": (partial(_search, text), {"jobs"})
        for text in ("100", "user7@example.com", "EVH-100", "INV-2026-000001", "a-request")
    },
}


@MODES
@pytest.mark.parametrize("look", LOOKS)
async def test_what_operators_look_at_reads_no_large_table_to_its_end(
    full: Database, mode: str, look: str
) -> None:
    read, may_walk = LOOKS[look]
    async with planning(full, mode) as planner:
        await read(planner)
        assert [walk for walk in planner.walks if walk.partition(":")[0] not in may_walk] == []


@MODES
@pytest.mark.parametrize("items", [None, [{"ticket_type": None, "quantity": 1}]], ids=["plain", "items"])
async def test_booking_looks_at_what_its_account_holds_unpaid_and_at_nobody_elses(
    full: Database, mode: str, items: list[dict[str, Any]] | None
) -> None:
    event_id = await full.fetch_value(
        "SELECT id FROM events WHERE status = 'published' AND price > 0 AND seats_held + waiting_count < max_attendees "
        "AND registration_deadline > now() ORDER BY id LIMIT 1"
    )
    async with planning(full, mode) as planner:
        await bookings.book(
            planner,
            Viewer(19_999, "attendee"),
            event=event_id,
            number_of_tickets=1,
            special_requirements="",
            ttl_seconds=60,
            items=items,
        )
        assert planner.walks == []
        assert "bookings_unpaid" in planner.indexes
        assert "bookings_to_expire" not in planner.indexes


# An organizer has a hundredth of all, and 500 events.
FEEDS = {
    "own": (Scope("user_id", 2), "facts_of_user"),
    "event": (Scope("event_id", 100), "facts_of_event"),
    "organized": (Scope("organizer_id", 101), "facts_of_organizer"),
    "all": (Scope(), "facts_seq"),
}


@MODES
@pytest.mark.parametrize("feed", FEEDS)
async def test_a_feed_is_a_range_of_an_index(full: Database, mode: str, feed: str) -> None:
    scope, index = FEEDS[feed]
    for types in (None, [FactType.EVENT_UPDATED], [FactType.REVIEW_CREATED]):
        for after in (None, 0, 25_000, 49_990, 50_000):
            for limit in (1, 50, 500):
                async with planning(full, mode) as planner:
                    await facts.read(planner, scope, after=after, limit=limit, types=types)
                    assert planner.walks == []
                    assert planner.indexes <= {index, "facts_seq"}
                    assert index in planner.indexes
    async with planning(full, mode) as planner:
        await facts.read_numbered(planner, after=49_000, limit=1000)
        assert (planner.walks, planner.indexes) == ([], {"facts_seq"})


async def test_seats_are_counted_without_touching_the_indexes(full: Database) -> None:
    """Whose new version has no room on its page has to be entered in every index of the table again."""
    updated = in_place = 0
    with contextlib.suppress(_Undo):
        async with full.transaction() as tx:
            await tx.execute("UPDATE events SET seats_held = seats_held + 1 WHERE id % 7 = 0")
            updated = await tx.fetch_value("SELECT pg_stat_get_xact_tuples_updated('events'::regclass)")
            in_place = await tx.fetch_value("SELECT pg_stat_get_xact_tuples_hot_updated('events'::regclass)")
            raise _Undo
    assert in_place > 0.9 * updated > 0
