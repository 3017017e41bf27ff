"""A year of a busy installation, made in the database in seconds: the same rows every time, in two sizes."""

from dataclasses import dataclass

import asyncpg

CONTENDERS = 400
# Its organizer is user 1, who asks for the line.
EVENT_WITH_A_LINE = 20
PASSWORD = "a-good-password-1"


@dataclass(frozen=True)
class Size:
    """How many rows there are; each user has 500 bookings, 250 reviews and 250 notifications."""

    name: str
    users: int
    events: int

    @property
    def rows(self) -> str:
        return f"{self.events:,} events, {self.users * 500:,} bookings, {self.users * 250:,} reviews"


TINY, SMALL, LARGE = Size("tiny", 20, 1_000), Size("small", 200, 10_000), Size("large", 2_000, 100_000)
SIZES = {size.name: size for size in (TINY, SMALL, LARGE)}
# The ids of people who come to a sale begin here.
FIRST_BUYER = 1_000_001

# Every fifth event, from the second on, is roomy and has no booking: what the booking scenario books.
_EVENTS = """
INSERT INTO events (title, description, category, organizer_id, location, is_online, online_url, status, start_date,
                    end_date, registration_deadline, max_attendees, price, tags, published_at, created_at, updated_at)
SELECT (ARRAY['Python','Rust','Garden','Finance','Painting','Cloud','Design','Music','Writing','Cooking'])[1 + i % 10]
           || ' evening ' || i,
       (SELECT string_agg((ARRAY['practical','session','community','learn','build','explore','guide','team','city','market',
                                 'story','method','advanced','basic','project','modern','open','course','tools','people',
                                 'review','future','small','deep','design'])[1 + abs(hashint4(i * 61 + n)) % 25], ' ')
        FROM generate_series(1, 60) AS n) || CASE WHEN i % 3333 = 7 THEN ' quokka' ELSE '' END,
       (ARRAY['workshop','webinar','conference','masterclass','meetup','training'])[1 + (i * 7) % 6],
       1 + i % (:users / 10), 'Hall ' || i % 97, i % 3 = 0, CASE WHEN i % 3 = 0 THEN 'https://meet.example.com/x' ELSE '' END,
       status,
       start, start + interval '3 hours', start - interval '1 day', CASE WHEN i % 5 = 2 THEN 100000 ELSE 1000 END,
       CASE WHEN i % 5 = 2 THEN 0 ELSE (i * 37 % 20000) / 100.0 END, 'evening, tag' || i % 50,
       now(), now(), now()
FROM (SELECT i, now() + interval '60 days' + (i * 7919 % :events) * interval '7 minutes' AS start,
             CASE WHEN i % 5 IN (0, 1, 2) THEN 'published'
                  ELSE (ARRAY['ongoing','ongoing','completed','cancelled'])[1 + i % 4] END AS status
      FROM generate_series(1, :events) AS i) AS numbered
"""
_BOOKINGS = """
INSERT INTO bookings (event_id, user_id, status, number_of_tickets, total_price, special_requirements, registered_at,
                      expires_at, confirmed_at)
SELECT 1 + event * 5 % :events, u, 'confirmed', 1, 10, '', now() - n * interval '1 minute', now(), now()
FROM (SELECT u, n, (u * 31 + n * 3) % (:events / 5) AS event
      FROM generate_series(1, :users) AS u, generate_series(1, 500) AS n) AS pairs
ON CONFLICT DO NOTHING
"""
# A frequent, a middling and a rare word: great, venue, capybara.
_REVIEWS = """
INSERT INTO reviews (event_id, user_id, rating, title, review, attended, created_at, updated_at)
SELECT 1 + (u * 37 + n * 41) % :events, u, 1 + (u + n) % 5,
       CASE WHEN (u + n) % 2 = 0 THEN 'Great talks' ELSE 'Well done' END
           || CASE WHEN (u * 7 + n) % 40 = 0 THEN ', fine venue' ELSE '' END
           || CASE WHEN u % 100 = 7 AND n % 100 = 7 THEN ', capybara' ELSE '' END,
       repeat('I would come again. ', 10), false, now() - (u + n * 200) * interval '1 minute', now()
FROM generate_series(1, :users) AS u, generate_series(1, 250) AS n
ON CONFLICT DO NOTHING
"""
_NOTIFICATIONS = """
INSERT INTO notifications (user_id, notification_type, title, message, key, is_read, created_at)
SELECT u, 'system_announcement', 'News', 'What is new', 'news:' || n, n > 20, now() - n * interval '1 hour'
FROM generate_series(1, :users) AS u, generate_series(1, 250) AS n
"""
_LINE = (
    """
    INSERT INTO users (username, email, password_hash, first_name, last_name, user_type, bio, phone, website,
                       organization, is_verified, is_active, date_joined)
    SELECT 'waiter' || i, 'waiter' || i || '@example.com', '-', 'Waiter', i::text, 'attendee', '', '', '', '', false,
           true, now()
    FROM generate_series(1, :waiting) AS i
    """,
    """
    INSERT INTO waitlist_entries (event_id, user_id, status, line_number, joined_at)
    SELECT :line, id, 'waiting', n, now() - (:waiting - n) * interval '1 second'
    FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM users WHERE username LIKE 'waiter%') AS waiters
    """,
    """
    UPDATE events SET waiting_count = :waiting, last_line_number = :waiting WHERE id = :line
    """,
)
_STATEMENTS = (
    """
    INSERT INTO users (username, email, password_hash, first_name, last_name, user_type, bio, phone, website,
                       organization, is_verified, is_active, date_joined)
    SELECT 'user' || i, 'user' || i || '@example.com', $1, 'First' || i, 'Last' || i,
           CASE WHEN i <= :users / 10 THEN 'organizer' ELSE 'attendee' END, '', '', '', '', false, true, now()
    FROM generate_series(1, :people) AS i
    """,
    """
    INSERT INTO profiles (user_id, twitter, linkedin, github, facebook, newsletter_subscribed, notifications_enabled,
                          total_events_attended, total_spent)
    SELECT id, '', '', '', '', false, false, 0, 0 FROM users
    """,
    "INSERT INTO sign_ins (user_id, created_at, expires_at) SELECT id, now(), now() + interval '1 day' FROM users",
    _EVENTS,
    _BOOKINGS,
    """
    INSERT INTO sessions (event_id, title, description, start_time, end_time, speaker_id, room_or_link, created_at,
                          updated_at)
    SELECT e * 100, 'Session ' || n, 'A session', now() + n * interval '1 hour', now() + (n + 1) * interval '1 hour',
           1 + (e * n) % :users, 'Room ' || n, now(), now()
    FROM generate_series(1, :events / 100) AS e, generate_series(1, 20) AS n
    """,
    _REVIEWS,
    # In one go: each event is written anew, with all its indexes.
    """
    UPDATE events e SET seats_held = coalesce(booked, 0), seats_confirmed = coalesce(booked, 0),
                        reviews_count = coalesce(reviewed, 0), rating_sum = coalesce(rating, 0)
    FROM (SELECT event_id, count(*) AS booked FROM bookings GROUP BY 1) AS b
         FULL JOIN (SELECT event_id, count(*) AS reviewed, sum(rating) AS rating FROM reviews GROUP BY 1) AS r
         USING (event_id)
    WHERE event_id = e.id
    """,
    _NOTIFICATIONS,
    *_LINE,
)


_BUYERS = (
    """
    INSERT INTO users (id, username, email, password_hash, first_name, last_name, user_type, bio, phone, website,
                       organization, is_verified, is_active, date_joined)
    SELECT i, 'buyer' || i, 'buyer' || i || '@example.com', '-', 'Buyer', i::text, 'attendee', '', '', '', '', true, true,
           now()
    FROM generate_series($1::bigint, $2::bigint) AS i
    """,
    """
    INSERT INTO profiles (user_id, twitter, linkedin, github, facebook, newsletter_subscribed, notifications_enabled,
                          total_events_attended, total_spent)
    SELECT i, '', '', '', '', false, false, 0, 0 FROM generate_series($1::bigint, $2::bigint) AS i
    """,
    """
    INSERT INTO sign_ins (id, user_id, created_at, expires_at)
    SELECT i, i, now(), now() + interval '7 days' FROM generate_series($1::bigint, $2::bigint) AS i
    """,
)


def _of(statement: str, size: Size) -> str:
    numbers = {
        "people": size.users + CONTENDERS,
        "users": size.users,
        "events": size.events,
        "waiting": size.users * 100,
        "line": EVENT_WITH_A_LINE,
    }
    for name, number in numbers.items():
        statement = statement.replace(f":{name}", str(number))
    return statement


async def seed(database_url: str, password_hash: str, size: Size, buyers: int) -> None:
    """Fill an empty, migrated database; `buyers` people more have signed in, and have done nothing yet."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(
            "SET session_replication_role = replica"
        )  # foreign keys hold as the rows are made
        for statement in _STATEMENTS:
            args = [password_hash] if "$1" in statement else []
            await connection.execute(_of(statement, size), *args)
        for statement in _BUYERS:
            await connection.execute(statement, FIRST_BUYER, FIRST_BUYER + buyers - 1)
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
