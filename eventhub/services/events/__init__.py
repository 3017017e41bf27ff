"""Events: what others see of them (`reads`), and what their organizers do (`commands`).

What follows from that is for jobs: people are told of changes (`changes`) and reminded (`reminders`), and a cancelled event
pays them back (`cancellation`). Whose an event is (`hand_over`) decides whether it sells (`selling`).
"""

from eventhub.services.events import changes, commands, reminders, selling
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
from eventhub.services.events.reminders import remind, remind_due, survey
from eventhub.services.events.selling import follow_organizer

PERIODIC = (*commands.PERIODIC, *reminders.PERIODIC, *changes.PERIODIC, *selling.PERIODIC)

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
