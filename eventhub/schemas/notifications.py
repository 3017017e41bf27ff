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


class UnreadCount(Base):
    """How many notifications are unread."""

    unread_count = fields.Integer(required=True)


class Marked(Base):
    """How many notifications were marked."""

    marked = fields.Integer(required=True)
