"""What people say about events, and what others think of it.

Lock order: the event's row, then the review's. A vote locks the review alone.
"""

from collections.abc import Mapping
from typing import Any

from eventhub.database import Queries, Row, Transaction
from eventhub.errors import Conflict, NotFound
from eventhub.models.facts import FactType
from eventhub.services import locking
from eventhub.services.access import Viewer, check_sees, check_user, no_such_event, require, sees_sql
from eventhub.services.listing import (
    Filter,
    Listing,
    Order,
    Page,
    PageRequest,
    Params,
    Words,
    fetch_page,
    identifier,
    whole_number,
)

_WITH_WORD = """
SELECT r.id FROM reviews r WHERE {0}
UNION ALL SELECT r.id FROM events e JOIN reviews r ON r.event_id = e.id WHERE {1}
"""

REVIEWS = Listing(
    columns=(
        'r.id, r.event_id AS event, e.title AS event_title, r.user_id AS "user", u.full_name AS user_name, '
        "r.rating, r.title, r.review, r.attended, r.helpful_count, r.unhelpful_count, "
        "coalesce(round(100.0 * r.helpful_count / nullif(r.helpful_count + r.unhelpful_count, 0), 1), 0)::float8 "
        "AS helpful_percentage, r.created_at, r.updated_at"
    ),
    source="reviews r JOIN events e ON e.id = r.event_id JOIN users u ON u.id = r.user_id",
    id="r.id",
    orderings={
        "created_at": Order("r.created_at", "timestamptz", "created_at"),
        "rating": Order("r.rating", "integer", "rating"),
        "helpful_count": Order("r.helpful_count", "integer", "helpful_count"),
        "id": Order("r.id", "bigint", "id"),
    },
    default_ordering="-created_at",
    filters={
        "event": Filter(identifier, "r.event_id = {}", "Only reviews of the event with this id."),
        "rating": Filter(whole_number(1, 5), "r.rating = {}", "Only reviews with this rating."),
    },
    search=Words(
        source="reviews r JOIN events e ON e.id = r.event_id",
        vectors={"r.search": "r.title", "e.title_search": "e.title"},
        hits=_WITH_WORD,
    ),
    search_doc=(
        "Every word must begin a word in the event's title or the review's; case and accents do not matter. "
        "In Chinese, Japanese, Korean, Thai, Lao, Khmer and Burmese, each character begins one. At most 12 words."
    ),
    is_public=True,
    text_bytes="octet_length(r.review)",
)
# Reviews of a draft (an event that was never published) are for those who see the draft.
_VISIBLE = sees_sql("$1", "$2")


async def list_reviews(queries: Queries, viewer: Viewer, request: PageRequest) -> Page:
    """Return a page of reviews."""
    return await fetch_page(
        queries, REVIEWS, request, params=Params(viewer.id, viewer.user_type), where=[_VISIBLE]
    )


async def list_of_user(queries: Queries, viewer: Viewer, user_id: int, request: PageRequest) -> Page:
    """Return a page of one user's reviews. Raises NotFound for no such user."""
    await check_user(queries, viewer, user_id)
    params = Params(viewer.id, viewer.user_type, user_id)
    return await fetch_page(queries, REVIEWS, request, params=params, where=[_VISIBLE, "r.user_id = $3"])


async def get(queries: Queries, viewer: Viewer, review_id: int) -> dict[str, Any]:
    """Return a review. Raises NotFound."""
    row = await queries.fetch_one(
        f"SELECT {REVIEWS.columns} FROM {REVIEWS.source} WHERE {_VISIBLE} AND r.id = $3",
        viewer.id,
        viewer.user_type,
        review_id,
    )
    if row is None:
        raise NotFound
    return dict(row)


async def write(
    tx: Transaction, viewer: Viewer, *, event: int, rating: int, title: str, review: str, attended: bool
) -> dict[str, Any]:
    """Return the viewer's new review; `attended` is stored as claimed only where a confirmed booking bears it out.

    Raises Invalid for an event that the viewer may not see, Forbidden for its organizer, Conflict for a second one.
    """
    row = check_sees(viewer, await locking.lock_event(tx, event), no_such_event)
    require(row["organizer_id"] != viewer.id, "Organizers cannot review their own events.")
    review_id = await tx.fetch_value(_WRITE, event, viewer.id, rating, title, review, attended)
    if review_id is None:
        raise Conflict(f"You have already reviewed event {event}: edit that review.", code="already_reviewed")
    await _count(tx, event, reviews=1, rating=rating)
    tx.record(FactType.REVIEW_CREATED, event, viewer.id, review=review_id, rating=rating)
    return await get(tx, viewer, review_id)


_HAS_SEAT = """
EXISTS (SELECT FROM bookings b WHERE b.event_id = {event} AND b.user_id = {user} AND b.status = 'confirmed')
"""
_WRITE = f"""
INSERT INTO reviews (event_id, user_id, rating, title, review, attended, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6::boolean AND {_HAS_SEAT.format(event="$1", user="$2")}, now(), now())
ON CONFLICT (event_id, user_id) DO NOTHING
RETURNING id
"""


async def edit(tx: Transaction, viewer: Viewer, review_id: int, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Change the viewer's own review and return it. Raises Forbidden for somebody else's."""
    row = await _lock(tx, viewer, review_id)
    require(row["user_id"] == viewer.id, "Only its author can change a review.")
    if changes:
        rating = changes.get("rating", row["rating"])
        has_changed = await tx.fetch_value(
            _EDIT, review_id, *(changes.get(name) for name in ("rating", "title", "review", "attended"))
        )
        await _count(tx, row["event_id"], rating=rating - row["rating"])
        if has_changed:
            tx.record(FactType.REVIEW_UPDATED, row["event_id"], viewer.id, review=review_id, rating=rating)
    return await get(tx, viewer, review_id)


_EDIT = f"""
UPDATE reviews r SET rating = coalesce($2, r.rating), title = coalesce($3, r.title), review = coalesce($4, r.review),
                     attended = CASE WHEN $5::boolean IS NULL THEN r.attended
                                     ELSE $5 AND {_HAS_SEAT.format(event="r.event_id", user="r.user_id")} END,
                     updated_at = now()
FROM reviews old WHERE r.id = $1 AND old.id = r.id
RETURNING (r.rating, r.title, r.review, r.attended) IS DISTINCT FROM (old.rating, old.title, old.review, old.attended)
"""


async def delete(tx: Transaction, viewer: Viewer, review_id: int) -> None:
    """Delete a review for its author or an admin; the votes on it go with it. Raises Forbidden for others."""
    row = await _lock(tx, viewer, review_id)
    require(
        viewer.is_admin or row["user_id"] == viewer.id, "Only its author or an admin can delete a review."
    )
    await tx.execute("DELETE FROM reviews WHERE id = $1", review_id)
    await _count(tx, row["event_id"], reviews=-1, rating=-row["rating"])
    tx.record(FactType.REVIEW_DELETED, row["event_id"], row["user_id"], review=review_id)


async def _lock(tx: Transaction, viewer: Viewer, review_id: int) -> Row:
    """Return a review whose event is locked, so that the review and the event's counters stand still."""
    event = await tx.fetch_one(
        "SELECT id FROM events WHERE id = (SELECT event_id FROM reviews WHERE id = $1) FOR NO KEY UPDATE",
        review_id,
    )
    # A review written since would be locked without its event, against the order.
    if event is None:
        raise NotFound
    return await _visible_row(tx, viewer, review_id)


async def _visible_row(tx: Transaction, viewer: Viewer, review_id: int) -> Row:
    """Return a locked review. Raises NotFound where the viewer may not see it."""
    row = await tx.fetch_one(
        "SELECT r.user_id, r.event_id, r.rating FROM reviews r JOIN events e ON e.id = r.event_id "
        f"WHERE {_VISIBLE} AND r.id = $3 FOR NO KEY UPDATE OF r",
        viewer.id,
        viewer.user_type,
        review_id,
    )
    if row is None:
        raise NotFound
    return row


async def _count(tx: Transaction, event_id: int, *, reviews: int = 0, rating: int = 0) -> None:
    """Keep the counters on the event, which its statistics read, equal to its reviews."""
    if reviews or rating:
        await tx.execute(
            "UPDATE events SET reviews_count = reviews_count + $2, rating_sum = rating_sum + $3 WHERE id = $1",
            event_id,
            reviews,
            rating,
        )


async def recount(tx: Transaction, event_id: int) -> Row | None:
    """Set the counters of a locked event to what its reviews say; return them before and after."""
    return await tx.fetch_one(_RECOUNT, event_id)


_RECOUNT = """
WITH was AS (SELECT reviews_count, rating_sum FROM events WHERE id = $1), written AS (
    SELECT count(*) AS reviews, coalesce(sum(rating), 0) AS rating FROM reviews WHERE event_id = $1
)
UPDATE events e SET reviews_count = written.reviews, rating_sum = written.rating FROM was, written WHERE e.id = $1
RETURNING was.reviews_count AS was_reviews_count, e.reviews_count, was.rating_sum AS was_rating_sum, e.rating_sum
"""


async def recount_votes(tx: Transaction, review_id: int) -> Row | None:
    """Set the counts of a locked review to what its votes say; return them before and after."""
    return await tx.fetch_one(_RECOUNT_VOTES, review_id)


_RECOUNT_VOTES = """
WITH was AS (SELECT helpful_count, unhelpful_count FROM reviews WHERE id = $1), votes AS (
    SELECT count(*) FILTER (WHERE is_helpful) AS helpful, count(*) FILTER (WHERE NOT is_helpful) AS unhelpful
    FROM review_votes WHERE review_id = $1
)
UPDATE reviews r SET helpful_count = votes.helpful, unhelpful_count = votes.unhelpful FROM was, votes WHERE r.id = $1
RETURNING was.helpful_count AS was_helpful_count, r.helpful_count, was.unhelpful_count AS was_unhelpful_count, r.unhelpful_count
"""


async def vote(tx: Transaction, viewer: Viewer, review_id: int, *, is_helpful: bool) -> dict[str, Any]:
    """Count the viewer's vote, the last one they gave, and return the review. Raises Forbidden for its author."""
    row = await _visible_row(tx, viewer, review_id)
    require(row["user_id"] != viewer.id, "You cannot vote on your own review.")
    await tx.execute(_VOTE, review_id, viewer.id, is_helpful)
    return await get(tx, viewer, review_id)


# The review's row is locked, so this statement sees the vote before it; the same vote again changes no row.
_VOTE = """
WITH before AS (
    SELECT is_helpful FROM review_votes WHERE review_id = $1 AND user_id = $2
), voted AS (
    INSERT INTO review_votes (review_id, user_id, is_helpful) VALUES ($1, $2, $3)
    ON CONFLICT (review_id, user_id) DO UPDATE SET is_helpful = excluded.is_helpful
    WHERE review_votes.is_helpful <> excluded.is_helpful
    RETURNING is_helpful
)
UPDATE reviews SET
    helpful_count = helpful_count + CASE WHEN $3 THEN 1 ELSE -(SELECT count(*) FROM before) END,
    unhelpful_count = unhelpful_count + CASE WHEN $3 THEN -(SELECT count(*) FROM before) ELSE 1 END
WHERE id = $1 AND EXISTS (SELECT FROM voted)
"""
