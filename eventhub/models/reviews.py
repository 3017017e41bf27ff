"""Reviews of events and the votes on them."""

from typing import Any

from tortoise import Model, fields

from eventhub.models.base import CheckConstraint, SqlIndex
from eventhub.models.words import words_of


class Review(Model):
    """What a user says of an event, one per user and event; `attended` is the claim, borne out by a booking."""

    id = fields.BigIntField(primary_key=True)
    event: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Event", related_name="reviews", on_delete=fields.RESTRICT
    )
    user: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.User", related_name="reviews", on_delete=fields.RESTRICT
    )
    rating = fields.IntField()
    title = fields.CharField(max_length=200)
    review = fields.TextField()
    attended = fields.BooleanField(default=False)
    helpful_count = fields.IntField(default=0, db_default=0)
    unhelpful_count = fields.IntField(default=0, db_default=0)
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now_add=True)
    search = words_of("title")

    class Meta:
        table = "reviews"
        indexes = (
            SqlIndex("reviews_one_per_user", "(event_id, user_id)", unique=True),
            SqlIndex("reviews_newest", "(created_at DESC, id DESC)"),
            SqlIndex("reviews_of_event", "(event_id, created_at DESC, id DESC)"),
            SqlIndex("reviews_of_user", "(user_id, created_at DESC, id DESC)"),
            SqlIndex("reviews_best", "(rating DESC, id DESC)"),
            SqlIndex("reviews_most_helpful", "(helpful_count DESC, id DESC)"),
            SqlIndex("reviews_search", "USING gin (search) WITH (fastupdate = off)"),
        )
        constraints = (
            CheckConstraint(check="rating BETWEEN 1 AND 5", name="reviews_rating"),
            CheckConstraint(check="helpful_count >= 0 AND unhelpful_count >= 0", name="reviews_votes"),
        )


class ReviewVote(Model):
    """Whether a user finds a review helpful, one vote a user; the last one counts."""

    id = fields.BigIntField(primary_key=True)
    review: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Review", related_name="votes")
    user: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.User", related_name="votes")
    is_helpful = fields.BooleanField()

    class Meta:
        table = "review_votes"
        indexes = (SqlIndex("review_votes_one_each", "(review_id, user_id)", unique=True),)
