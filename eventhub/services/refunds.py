"""Until when people who booked can get their money back without the organizer: by cancelling, or refunding the payment."""

from eventhub.database import Row
from eventhub.models.bookings import BookingStatus

_ACTIVE = frozenset({BookingStatus.PENDING, BookingStatus.CONFIRMED})


def is_owners_right(event: Row, booking: Row) -> bool:
    """Whether the owner of a booking may have their money back; event and booking are locked.

    They may until the registration deadline; then for a while after the event has become another than the one that they
    booked (`terms_changed_at`), unless they had given up the booking before.
    """
    if event["is_before_deadline"]:
        return True
    is_open = event["refunds_until"] is not None and booking["status"] in _ACTIVE
    return is_open and booking["registered_at"] < event["terms_changed_at"]
