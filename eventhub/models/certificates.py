"""Certificates of attendance."""

from typing import Any

from tortoise import Model, fields

from eventhub.models.base import SqlIndex


class Certificate(Model):
    """One per confirmed attendee of a completed event.

    `user_name` is whom it names, as it was at completion or at `reissued_at`; `pdf_name` is the file in the storage, once
    rendered.
    """

    id = fields.BigIntField(primary_key=True)
    event: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Event", related_name="certificates", on_delete=fields.RESTRICT
    )
    user: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.User", related_name="certificates", on_delete=fields.RESTRICT
    )
    user_name = fields.CharField(max_length=400, default="", db_default="")
    certificate_number = fields.CharField(max_length=60)
    hours_completed = fields.DecimalField(max_digits=12, decimal_places=2)
    skill_tags = fields.CharField(max_length=500)
    pdf_name = fields.CharField(max_length=200, null=True)
    is_downloaded = fields.BooleanField(default=False, db_default=False)
    issued_date = fields.DatetimeField(auto_now_add=True)
    downloaded_at = fields.DatetimeField(null=True)
    reissued_at = fields.DatetimeField(null=True)

    class Meta:
        table = "certificates"
        indexes = (
            SqlIndex("certificates_one_each", "(event_id, user_id)", unique=True),
            SqlIndex("certificates_number", "(certificate_number)", unique=True),
            SqlIndex("certificates_of_user", "(user_id, issued_date DESC, id DESC)"),
            SqlIndex("certificates_to_render", "(id) WHERE pdf_name IS NULL"),
        )
