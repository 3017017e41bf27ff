"""What a user was told."""

from enum import StrEnum
from typing import Any

from tortoise import Model, fields

from eventhub.models.base import SqlIndex, one_of


class NotificationType(StrEnum):
    """What a notification is about."""

    EVENT_REMINDER = "event_reminder"
    BOOKING_CONFIRMATION = "booking_confirmation"
    PAYMENT_RECEIVED = "payment_received"
    EVENT_CANCELLED = "event_cancelled"
    EVENT_UPDATED = "event_updated"
    WAITLIST_AVAILABLE = "waitlist_available"
    SYSTEM_ANNOUNCEMENT = "system_announcement"


class Notification(Model):
    """One message to one user. `key` names its cause, as in booking_confirmation:12: a cause tells a user once.

    `mail_owed` is whether it is still to be mailed.
    """

    id = fields.BigIntField(primary_key=True)
    user: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.User", related_name="notifications")
    event: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Event", related_name="notifications", null=True, on_delete=fields.SET_NULL
    )
    booking: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Booking", related_name="notifications", null=True, on_delete=fields.SET_NULL
    )
    notification_type = fields.CharField(max_length=30)
    title = fields.CharField(max_length=300)
    message = fields.TextField()
    key = fields.CharField(max_length=100)
    is_read = fields.BooleanField(default=False)
    created_at = fields.DatetimeField(auto_now_add=True)
    read_at = fields.DatetimeField(null=True)
    mail_owed = fields.BooleanField(default=False, db_default=False)

    class Meta:
        table = "notifications"
        indexes = (
            SqlIndex("notifications_once", "(user_id, key)", unique=True),
            SqlIndex("notifications_of_user", "(user_id, created_at DESC, id DESC)"),
            SqlIndex("notifications_unread", "(user_id) WHERE NOT is_read"),
            SqlIndex("notifications_to_mail", "(id) WHERE mail_owed"),
            SqlIndex("notifications_of_booking", "(booking_id) WHERE booking_id IS NOT NULL"),
            SqlIndex("notifications_of_event", "(event_id) WHERE event_id IS NOT NULL"),
        )
        constraints = (one_of("notification_type", NotificationType, "notifications_type_known"),)
