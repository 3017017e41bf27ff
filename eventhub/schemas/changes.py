"""What has happened, as programs follow it."""

from marshmallow import fields, validate

from eventhub.models.facts import FactType
from eventhub.schemas.base import Base, Moment


class Change(Base):
    """Something that has happened: `data` has the ids of what it happened to, under their resources' names, states and amounts."""

    seq = fields.Integer(
        required=True, metadata={"description": "Its place in the feed; numbers have no gaps."}
    )
    id = fields.String(required=True)
    type = fields.String(required=True, validate=validate.OneOf([kind.value for kind in FactType]))
    timestamp = Moment(required=True)
    event = fields.Integer(required=True, allow_none=True)
    actor = fields.Integer(
        required=True,
        allow_none=True,
        metadata={
            "description": "The id of the user who did it; null where nobody's request did, or nobody signed in."
        },
    )
    data = fields.Dict(keys=fields.String(), required=True)

    example = {
        "seq": 4711,
        "id": "fact_4713",
        "type": "booking.created",
        "timestamp": "2025-12-20T12:00:00Z",
        "event": 1,
        "actor": 2,
        "data": {"booking": 33, "status": "pending", "number_of_tickets": 2, "total_price": "59.98"},
    }
