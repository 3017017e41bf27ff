"""Bookings: taken (`door`), shown (`reads`), and what becomes of them (`commands`)."""

from eventhub.services.bookings.commands import (
    PERIODIC,
    RefundOutcome,
    cancel,
    change_requirements,
    confirm,
    confirm_free,
    expire,
    expire_overdue,
    let_go,
    mark_attended,
    mark_no_show,
    release,
    take_money,
)
from eventhub.services.bookings.create import book, no_such_event, registration_closed
from eventhub.services.bookings.reads import BOOKINGS, get, list_bookings

__all__ = [
    "BOOKINGS",
    "PERIODIC",
    "RefundOutcome",
    "book",
    "cancel",
    "change_requirements",
    "confirm",
    "confirm_free",
    "expire",
    "expire_overdue",
    "get",
    "let_go",
    "list_bookings",
    "mark_attended",
    "mark_no_show",
    "no_such_event",
    "registration_closed",
    "release",
    "take_money",
]
