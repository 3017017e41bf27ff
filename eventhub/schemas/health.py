"""What load balancers are told."""

from marshmallow import fields

from eventhub.schemas.base import Base


class Health(Base):
    """The sign that this process can serve."""

    status = fields.String(required=True)

    example = {"status": "ok"}
