"""Events: what others see of them (`reads`), what their organizers do (`commands`), what a cancelled one
owes (`cancellation`), and who is told of changes (`changes`).

Whose they are (`hand_over`), and whether that lets them sell (`selling`).
"""

from eventhub.services.events import changes, commands, selling
from eventhub.services.events.cancellation import cancel_bookings, cancel_next
from eventhub.services.events.changes import tell, tell_as_before, tell_stalled
from eventhub.services.events.commands import (
    cancel,
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
from eventhub.services.events.hand_over import check_may_hand_over, hand_over
from eventhub.services.events.reads import (
    EVENTS,
    get,
    list_attendees,
    list_events,
    list_organized,
    statistics,
)
from eventhub.services.events.selling import follow_organizer

PERIODIC = (*commands.PERIODIC, *changes.PERIODIC, *selling.PERIODIC)

__all__ = [
    "EVENTS",
    "PERIODIC",
    "cancel",
    "cancel_bookings",
    "cancel_next",
    "check_managed",
    "check_may_create",
    "check_may_hand_over",
    "complete",
    "create",
    "delete",
    "follow_organizer",
    "get",
    "hand_over",
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
