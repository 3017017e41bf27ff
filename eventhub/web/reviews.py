"""What people say about events."""

from aiohttp import web

from eventhub.schemas import reviews as schemas
from eventhub.services import reviews
from eventhub.web.call import Call, Route, tagged


async def index(call: Call) -> web.Response:
    """Public, except for reviews of drafts."""
    return call.reply_page(await reviews.list_reviews(call.queries, call.viewer, call.page_request()))


async def detail(call: Call) -> web.Response:
    """Public, except for reviews of drafts. `helpful_percentage` is from 0 to 100 with one decimal place, and 0
    without votes.
    """
    return call.reply(await reviews.get(call.queries, call.viewer, call.id()))


async def create(call: Call) -> web.Response:
    """Everybody who is signed in can do this, except the event's organizer, once per event. `attended` is true only if
    the author claims it and a confirmed booking bears it out.
    """
    async with call.transaction() as tx:
        review = await reviews.write(tx, call.viewer, **call.body)
    return call.reply(review)


async def update(call: Call) -> web.Response:
    """Only its author can edit a review."""
    async with call.transaction() as tx:
        review = await reviews.edit(tx, call.viewer, call.id(), call.body)
    return call.reply(review)


async def delete(call: Call) -> web.Response:
    """Only its author and admins can delete a review."""
    async with call.transaction() as tx:
        await reviews.delete(tx, call.viewer, call.id())
    return call.no_content()


async def mark_helpful(call: Call) -> web.Response:
    """Each user has one vote, and the last one counts. Nobody can vote on their own review."""
    async with call.transaction() as tx:
        review = await reviews.vote(tx, call.viewer, call.id(), is_helpful=True)
    return call.reply(review)


async def mark_unhelpful(call: Call) -> web.Response:
    """Each user has one vote, and the last one counts. Nobody can vote on their own review."""
    async with call.transaction() as tx:
        review = await reviews.vote(tx, call.viewer, call.id(), is_helpful=False)
    return call.reply(review)


ROUTES = tagged(
    "Reviews",
    Route(
        "GET",
        "/api/reviews/",
        index,
        "List event reviews",
        is_public=True,
        listing=reviews.REVIEWS,
        returns=schemas.Review,
    ),
    Route(
        "POST",
        "/api/reviews/",
        create,
        "Create review",
        body=schemas.NewReview,
        returns=schemas.Review,
        status=201,
        locks="event",
        refuses={403: [], 409: ["already_reviewed"]},
    ),
    Route("GET", "/api/reviews/{id}/", detail, "Get review", is_public=True, returns=schemas.Review),
    Route(
        "PUT",
        "/api/reviews/{id}/",
        update,
        "Update review",
        body=schemas.ReviewChanges,
        returns=schemas.Review,
        locks="review",
        refuses={403: []},
    ),
    Route(
        "PATCH",
        "/api/reviews/{id}/",
        update,
        "Update review",
        body=schemas.ReviewChanges,
        is_partial=True,
        returns=schemas.Review,
        locks="review",
        refuses={403: []},
    ),
    Route(
        "DELETE", "/api/reviews/{id}/", delete, "Delete review", status=204, locks="review", refuses={403: []}
    ),
    Route(
        "POST",
        "/api/reviews/{id}/mark_helpful/",
        mark_helpful,
        "Mark review as helpful",
        returns=schemas.Review,
        refuses={403: []},
    ),
    Route(
        "POST",
        "/api/reviews/{id}/mark_unhelpful/",
        mark_unhelpful,
        "Mark review as unhelpful",
        returns=schemas.Review,
        refuses={403: []},
    ),
)
