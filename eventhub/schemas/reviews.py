"""What people say about events."""

from marshmallow import fields

from eventhub.schemas.base import MAX_TITLE, Base, Flag, Id, Moment, Name, Text, Whole


class ReviewChanges(Base):
    """What a user says about an event; `attended` is true only if a confirmed booking confirms it."""

    rating = Whole(1, 5, required=True)
    title = Name(required=True, min_length=1, max_length=MAX_TITLE)
    review = Text(required=True, min_length=1)
    attended = Flag()

    example = {
        "rating": 5,
        "title": "Excellent workshop!",
        "review": "Very informative and well organized",
        "attended": True,
    }


class NewReview(ReviewChanges):
    """A review of one event, one per user."""

    event = Id(required=True)
    attended = Flag(load_default=False)

    example = {"event": 1, **ReviewChanges.example}


class Review(Base):
    """A review; `helpful_percentage` is from 0 to 100 with one decimal place, and 0 without votes."""

    id = fields.Integer(required=True)
    event = fields.Integer(required=True)
    event_title = fields.String(required=True)
    user = fields.Integer(required=True)
    user_name = fields.String(required=True)
    rating = fields.Integer(required=True)
    title = fields.String(required=True)
    review = fields.String(required=True)
    attended = fields.Boolean(required=True)
    helpful_count = fields.Integer(required=True)
    unhelpful_count = fields.Integer(required=True)
    helpful_percentage = fields.Float(required=True)
    created_at = Moment(required=True)
    updated_at = Moment(required=True)

    example = {
        "id": 1,
        "event": 1,
        "event_title": "Test Workshop",
        "user": 2,
        "user_name": "John Doe",
        "rating": 5,
        "title": "Excellent workshop!",
        "review": "Very informative and well organized",
        "attended": True,
        "helpful_count": 5,
        "unhelpful_count": 0,
        "helpful_percentage": 100.0,
        "created_at": "2025-12-20T12:00:00Z",
        "updated_at": "2025-12-20T12:00:00Z",
    }
