"""What runs now, and what people did by hand to keep it running."""

from enum import StrEnum
from typing import Any

from tortoise import Model, fields

from eventhub.models.base import SqlIndex, one_of


class ProcessKind(StrEnum):
    """Which command a process belongs to."""

    WEB = "web"
    WORKER = "worker"
    CLOCK = "clock"


class Process(Model):
    """A process that runs, or ran until its heartbeat stopped.

    It says so itself, every two seconds, and takes its row away when it ends. `queues` is what a worker does.
    """

    id = fields.UUIDField(primary_key=True)
    kind = fields.CharField(max_length=10)
    host = fields.CharField(max_length=255)
    pid = fields.IntField()
    version = fields.CharField(max_length=100)
    queues = fields.JSONField[list[str]](default=list)
    started_at = fields.DatetimeField(auto_now_add=True)
    seen_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "processes"
        constraints = (one_of("kind", ProcessKind, "processes_kind_known"),)


class AdminAction(Model):
    """Something that a person did by hand to jobs or rows, on the ops page or by a command; never changed or deleted.

    `actor` is who: the name of an account, or of the user of the machine. `subject` is what it was done to, as in
    `job 4711`.
    """

    id = fields.BigIntField(primary_key=True)
    user: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.User", related_name="admin_actions", null=True, on_delete=fields.RESTRICT
    )
    actor = fields.CharField(max_length=300)
    action = fields.CharField(max_length=40)
    subject = fields.CharField(max_length=200)
    details = fields.JSONField[dict[str, object]](default=dict)
    request_id = fields.CharField(max_length=64, default="-", db_default="-")
    acted_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "admin_actions"
        indexes = (SqlIndex("admin_actions_newest", "(acted_at DESC, id DESC)"),)
