"""Events: what others see of them (`reads`), and what their organizers do with them (`commands`)."""

from eventhub.services.events.commands import (
    cancel,
    cancel_bookings,
    check_managed,
    check_may_create,
    complete,
    create,
    delete,
    move_on_time,
    notify_updated,
    publish,
    remind,
    remind_due,
    survey,
    update,
)
from eventhub.services.events.reads import (
    EVENTS,
    get,
    list_attendees,
    list_events,
    list_organized,
    statistics,
)

__all__ = [
    "EVENTS",
    "cancel",
    "cancel_bookings",
    "check_managed",
    "check_may_create",
    "complete",
    "create",
    "delete",
    "get",
    "list_attendees",
    "list_events",
    "list_organized",
    "move_on_time",
    "notify_updated",
    "publish",
    "remind",
    "remind_due",
    "statistics",
    "survey",
    "update",
]
