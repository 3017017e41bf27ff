"""Until when those who booked get their money back by themselves: cancelling, or refunding their payment."""

from eventhub.database import Row


def is_owners_right(event: Row, booking: Row) -> bool:
    """Whether the owner of a booking of a locked event may still have their money back."""
    return bool(event["is_before_deadline"]) or is_by_new_terms(event, booking)


def is_by_new_terms(event: Row, booking: Row) -> bool:
    """Whether they may because the event is no longer the one that they booked (`terms_changed_at`)."""
    return bool(event["refunds_until"]) and booking["registered_at"] < event["terms_changed_at"]
