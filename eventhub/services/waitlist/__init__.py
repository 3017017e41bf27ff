"""Waitlists: first come, first served, by numbers given out on the event's row.

People join and leave (`join`), are shown (`reads`), are offered seats that come free (`promotion`), or are sent away when
their event takes nobody any more (`closing`).
"""

from eventhub.services.waitlist import closing, promotion
from eventhub.services.waitlist.closing import close, close_after_deadline
from eventhub.services.waitlist.join import join, leave
from eventhub.services.waitlist.promotion import promote, promote_stalled, shorten_offers
from eventhub.services.waitlist.reads import WAITLIST, get, list_entries

PERIODIC = (*promotion.PERIODIC, *closing.PERIODIC)

__all__ = [
    "PERIODIC",
    "WAITLIST",
    "close",
    "close_after_deadline",
    "get",
    "join",
    "leave",
    "list_entries",
    "promote",
    "promote_stalled",
    "shorten_offers",
]
