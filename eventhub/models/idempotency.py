"""Answers that are given again to the same request with the same key."""

from typing import Any

from tortoise import Model, fields

from eventhub.models.base import SqlIndex


class IdempotentAnswer(Model):
    """What a request with an Idempotency-Key was answered, stored in the transaction of its effect."""

    id = fields.BigIntField(primary_key=True)
    user: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.User", related_name="answers")
    key = fields.CharField(max_length=255)
    fingerprint = fields.BinaryField()
    status = fields.SmallIntField()
    body = fields.BinaryField()
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "idempotent_answers"
        indexes = (
            SqlIndex("idempotent_answers_key", "(user_id, key)", unique=True),
            SqlIndex("idempotent_answers_age", "(created_at)"),
        )
