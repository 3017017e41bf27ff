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

    example = {
        "id": 1,
        "event": 1,
        "event_title": "Test Workshop",
        "user": 2,
        "user_name": "John Doe",
        "certificate_number": "CERT-1-2-ABC123",
        "hours_completed": 2.0,
        "skill_tags": "python, programming",
        "pdf_file": None,
        "is_downloaded": False,
        "issued_date": "2025-12-20T12:00:00Z",
        "downloaded_at": None,
    }


class Certificate(CertificateListItem):
    """A certificate; `reissued_at` is when it was last issued with another name, null if it never was."""

    reissued_at = Moment(required=True, allow_none=True)

    example = {**CertificateListItem.example, "reissued_at": None}


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

    example = {
        "certificate_number": "CERT-1-2-ABC123",
        "is_valid": True,
        "user_name": "John Doe",
        "event_title": "Test Workshop",
        "hours_completed": 2.0,
        "skill_tags": "python, programming",
        "organizer_name": "Admin User",
        "issued_date": "2025-12-20T12:00:00Z",
        "reissued_at": None,
    }
