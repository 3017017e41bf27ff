"""What load balancers are told."""

from marshmallow import fields, validate

from eventhub.schemas.base import Base


class Health(Base):
    """The sign that this process lives."""

    status = fields.String(required=True)

    example = {"status": "ok"}


class Ready(Base):
    """Whether this process can serve; operators are told of each part."""

    status = fields.String(required=True, validate=validate.OneOf(["ok", "degraded"]))

    example = {"status": "ok"}
