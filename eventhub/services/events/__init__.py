"""Events: what others see of them (`reads`), what their organizers do (`commands`), and who is told (`changes`)."""

from eventhub.services.events.changes import tell, tell_as_before, tell_stalled
from eventhub.services.events.commands import (
    cancel,
    cancel_bookings,
    check_managed,
    check_may_create,
    complete,
    create,
    delete,
    move_on_time,
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
    "publish",
    "remind",
    "remind_due",
    "statistics",
    "survey",
    "tell",
    "tell_as_before",
    "tell_stalled",
    "update",
]
