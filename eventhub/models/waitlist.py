"""Waitlist entries: waiting -> offered -> accepted | expired | left | closed."""

from enum import StrEnum
from typing import Any

from tortoise import Model, fields

from eventhub.models.base import SqlIndex, one_of


class WaitlistStatus(StrEnum):
    """Where an entry stands; only waiting ones have a position."""

    WAITING = "waiting"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    EXPIRED = "expired"
    LEFT = "left"
    CLOSED = "closed"


WAITLIST_MOVES: dict[WaitlistStatus, frozenset[WaitlistStatus]] = {
    WaitlistStatus.WAITING: frozenset(
        {WaitlistStatus.OFFERED, WaitlistStatus.ACCEPTED, WaitlistStatus.LEFT, WaitlistStatus.CLOSED}
    ),
    WaitlistStatus.OFFERED: frozenset(
        {WaitlistStatus.ACCEPTED, WaitlistStatus.EXPIRED, WaitlistStatus.LEFT, WaitlistStatus.CLOSED}
    ),
    WaitlistStatus.ACCEPTED: frozenset(),
    WaitlistStatus.EXPIRED: frozenset(),
    WaitlistStatus.LEFT: frozenset(),
    WaitlistStatus.CLOSED: frozenset(),
}


class WaitlistEntry(Model):
    """A place in line. `line_number` is given out on the event's row at joining, so no clock decides the order."""

    id = fields.BigIntField(primary_key=True)
    event: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Event", related_name="waitlist", on_delete=fields.RESTRICT
    )
    user: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.User", related_name="waitlist", on_delete=fields.RESTRICT
    )
    booking: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Booking", related_name="waitlist_entries", null=True, on_delete=fields.RESTRICT
    )
    status = fields.CharField(max_length=20, default=WaitlistStatus.WAITING.value)
    line_number = fields.BigIntField()
    joined_at = fields.DatetimeField(auto_now_add=True)
    notified_at = fields.DatetimeField(null=True)
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "waitlist_entries"
        indexes = (
            SqlIndex(
                "waitlist_one_open", "(event_id, user_id) WHERE status IN ('waiting', 'offered')", unique=True
            ),
            SqlIndex("waitlist_line_number", "(event_id, line_number)", unique=True),
            SqlIndex("waitlist_line", "(event_id, line_number) WHERE status = 'waiting'"),
            SqlIndex("waitlist_of_user", "(user_id, joined_at DESC, id DESC)"),
            SqlIndex("waitlist_of_booking", "(booking_id) WHERE booking_id IS NOT NULL"),
        )
        constraints = (one_of("status", WaitlistStatus, "waitlist_status_known"),)
