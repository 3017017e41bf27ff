"""The waitlist of an event."""

from marshmallow import fields, validate

from eventhub.models.waitlist import WaitlistStatus
from eventhub.schemas.base import Base, Id, Moment


class WaitlistRequest(Base):
    """The event whose waitlist to join."""

    event = Id(required=True)

    example = {"event": 1}


class WaitlistEntry(Base):
    """A place on a waitlist; `position` 1 is next, and null for an entry that no longer waits."""

    id = fields.Integer(required=True)
    event = fields.Integer(required=True)
    event_title = fields.String(required=True)
    user = fields.Integer(required=True)
    user_name = fields.String(required=True)
    position = fields.Integer(required=True, allow_none=True)
    joined_at = Moment(required=True)
    notified_at = Moment(required=True, allow_none=True)
    is_notified = fields.Boolean(required=True)
    status = fields.String(
        required=True, validate=validate.OneOf([status.value for status in WaitlistStatus])
    )

    example = {
        "id": 1,
        "event": 1,
        "event_title": "Test Workshop",
        "user": 2,
        "user_name": "John Doe",
        "position": 1,
        "joined_at": "2025-12-20T12:00:00Z",
        "notified_at": None,
        "is_notified": False,
        "status": "waiting",
    }
