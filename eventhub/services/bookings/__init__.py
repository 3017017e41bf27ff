"""Bookings: made (`create`), shown (`reads`), and what becomes of them, a file each.

Those without lines are made `together` with others of the same moment, and refused at the `doors`. One with lines is decided on in `orders`, lowered in `discounts` and made in `itemized`. They are confirmed (`confirm`),
cancelled (`cancel`), let go when their hold runs out (`expire`), and their owners come or do not (`attendance`). What they need of payments stands below them, in `ledger` and `voids`; `payments` stands above.
"""

from eventhub.services.bookings.attendance import mark_attended, mark_no_show
from eventhub.services.bookings.cancel import RefundOutcome, cancel, cancel_and_refund
from eventhub.services.bookings.confirm import confirm, confirm_free, confirm_paid
from eventhub.services.bookings.create import book, book_at_once, change_requirements
from eventhub.services.bookings.doors import Doors
from eventhub.services.bookings.expire import PERIODIC, expire, expire_overdue, let_go
from eventhub.services.bookings.itemized import quote
from eventhub.services.bookings.reads import BOOKINGS, get, list_bookings
from eventhub.services.bookings.refusals import MAX_UNPAID_TICKETS, already_booked, registration_closed

__all__ = [
    "BOOKINGS",
    "MAX_UNPAID_TICKETS",
    "PERIODIC",
    "Doors",
    "RefundOutcome",
    "already_booked",
    "book",
    "book_at_once",
    "cancel",
    "cancel_and_refund",
    "change_requirements",
    "confirm",
    "confirm_free",
    "confirm_paid",
    "expire",
    "expire_overdue",
    "get",
    "let_go",
    "list_bookings",
    "mark_attended",
    "mark_no_show",
    "quote",
    "registration_closed",
]
