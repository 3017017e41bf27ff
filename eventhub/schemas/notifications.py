"""What a user was told."""

from marshmallow import fields, validate

from eventhub.models.notifications import NotificationType
from eventhub.schemas.base import Base, Moment


class Notification(Base):
    """One message to one user."""

    id = fields.Integer(required=True)
    user = fields.Integer(required=True)
    user_name = fields.String(required=True)
    event = fields.Integer(required=True, allow_none=True)
    event_title = fields.String(required=True, allow_none=True)
    notification_type = fields.String(
        required=True, validate=validate.OneOf([kind.value for kind in NotificationType])
    )
    title = fields.String(required=True)
    message = fields.String(required=True)
    is_read = fields.Boolean(required=True)
    created_at = Moment(required=True)
    read_at = Moment(required=True, allow_none=True)

    example = {
        "id": 1,
        "user": 2,
        "user_name": "John Doe",
        "event": 1,
        "event_title": "Test Workshop",
        "notification_type": "booking_confirmation",
        "title": "Booking Confirmation",
        "message": "Your booking has been confirmed",
        "is_read": False,
        "created_at": "2025-12-20T12:00:00Z",
        "read_at": None,
    }


class UnreadCount(Base):
    """How many notifications are unread."""

    unread_count = fields.Integer(required=True)

    example = {"unread_count": 5}


class Marked(Base):
    """How many notifications were marked."""

    marked = fields.Integer(required=True)

    example = {"marked": 5}
