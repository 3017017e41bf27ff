"""The statements of the ceiling, one for each scenario."""

_LISTED = """
e.id, e.title, e.category, o.full_name AS organizer_name, e.location, e.is_online, e.status, e.start_date, e.end_date,
e.max_attendees, e.seats_confirmed AS attendees_count, e.price::text, e.cover_image
"""
_EVENTS = f"SELECT {_LISTED} FROM events e JOIN users o ON o.id = e.organizer_id"
_NEWEST = "ORDER BY e.start_date DESC, e.id DESC LIMIT 20"


def _search(condition: str) -> str:
    """Return the search for a word that may be frequent or rare, which nobody knows before: first the next rows in order."""
    return f"""
        WITH near AS MATERIALIZED (
            SELECT e.id, e.words @@ to_tsquery('simple', $1) AS is_hit FROM events e WHERE true {condition}
            ORDER BY e.start_date DESC, e.id DESC LIMIT 400
        ), near_hits AS MATERIALIZED (
            SELECT id FROM near WHERE is_hit
        ), far AS MATERIALIZED (
            SELECT id FROM events WHERE words @@ to_tsquery('simple', $1) AND (SELECT count(*) FROM near_hits) < 20
        )
        {_EVENTS} WHERE e.id = ANY(ARRAY(SELECT id FROM near_hits UNION SELECT id FROM far)) {condition} {_NEWEST}
    """


_BOOKED = """
b.id, b.event_id AS event, e.title AS event_title, b.user_id AS "user", u.full_name AS user_name, b.status,
b.number_of_tickets, b.total_price::text, b.special_requirements, b.registered_at, b.confirmed_at, b.cancelled_at
"""

STATEMENTS = {
    "events": f"{_EVENTS} {_NEWEST}",
    "filtered": _search("AND e.category = $2 AND e.status = $3"),
    "found": _search(""),
    "event": """
        SELECT e.id, e.title, e.description, e.category, e.organizer_id AS organizer, o.full_name AS organizer_name,
               e.location, e.is_online, '' AS online_url, e.status, e.start_date, e.end_date, e.registration_deadline,
               e.max_attendees, e.seats_confirmed AS attendees_count, e.max_attendees - e.seats_held AS available_spots,
               e.status = 'published' AND e.registration_deadline > now() AS is_registration_open, e.price::text,
               e.cover_image, e.tags,
               (SELECT array_agg(s ORDER BY s.start_time, s.id) FROM (
                   SELECT s.id, s.title, s.description, s.start_time, s.end_time, s.speaker_id, p.full_name,
                          s.room_or_link, s.created_at, s.updated_at
                   FROM sessions s LEFT JOIN users p ON p.id = s.speaker_id WHERE s.event_id = e.id) s) AS sessions,
               e.created_at, e.updated_at, e.currency, e.timezone
        FROM events e JOIN users o ON o.id = e.organizer_id WHERE e.id = $1
    """,
    "statistics": """
        SELECT seats_confirmed AS total_attendees, max_attendees - seats_held AS available_spots,
               waiting_count AS waitlist_count, reviews_count,
               coalesce(rating_sum::float8 / nullif(reviews_count, 0), 0) AS average_rating,
               revenue::float8 AS total_revenue
        FROM events WHERE id = $1
    """,
    "bookings": f"""
        SELECT {_BOOKED} FROM bookings b JOIN events e ON e.id = b.event_id JOIN users u ON u.id = b.user_id
        WHERE b.user_id = $1 ORDER BY b.registered_at DESC LIMIT 20
    """,
    "book": f"""
        WITH e AS (
            UPDATE events SET seats_held = seats_held + 1
            WHERE id = $1 AND status = 'published' AND registration_deadline > now() AND seats_held < max_attendees
            RETURNING id, title, price
        ), b AS (
            INSERT INTO bookings (event_id, user_id, status, number_of_tickets, total_price, special_requirements,
                                  registered_at)
            SELECT id, $2, 'pending', 1, price, '', now() FROM e RETURNING *
        )
        SELECT {_BOOKED} FROM b JOIN e ON e.id = b.event_id JOIN users u ON u.id = b.user_id
    """,
    "user": "SELECT id, password_hash FROM users WHERE username = $1",
}
