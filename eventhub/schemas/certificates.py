"""Certificates of attendance."""

from marshmallow import fields

from eventhub.schemas.base import Base, Moment


class CertificateListItem(Base):
    """A certificate in a list; `pdf_file` is where its owner can download it, once it is drawn."""

    id = fields.Integer(required=True)
    event = fields.Integer(required=True)
    event_title = fields.String(required=True)
    user = fields.Integer(required=True)
    user_name = fields.String(required=True)
    certificate_number = fields.String(required=True)
    hours_completed = fields.Float(required=True)
    skill_tags = fields.String(required=True)
    pdf_file = fields.String(required=True, allow_none=True)
    is_downloaded = fields.Boolean(required=True)
    issued_date = Moment(required=True)
    downloaded_at = Moment(required=True, allow_none=True)


class Certificate(CertificateListItem):
    """A certificate; `reissued_at` is when it was last issued with another name, null if it never was."""

    reissued_at = Moment(required=True, allow_none=True)


class Verification(Base):
    """What a certificate's number proves to anybody who has it.

    `reissued_at` is when it was last issued with another name, null if it never was.
    """

    certificate_number = fields.String(required=True)
    is_valid = fields.Boolean(required=True)
    user_name = fields.String(required=True)
    event_title = fields.String(required=True)
    hours_completed = fields.Float(required=True)
    skill_tags = fields.String(required=True)
    organizer_name = fields.String(required=True)
    issued_date = Moment(required=True)
    reissued_at = Moment(required=True, allow_none=True)
