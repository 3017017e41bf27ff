"""The examples of the API document, as it prints them, and the comparison of an answer with them.

They are typed once, in `eventhub/schemas`, where the API's description takes them from. `PRINTED` holds that they are
still what the document prints: it has a digest of each, so that no example changes by accident together with the code.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from eventhub.schemas import (
    auth,
    bookings,
    certificates,
    events,
    invoices,
    notifications,
    payments,
    reviews,
    sessions,
    users,
    waitlist,
)
from eventhub.schemas.base import Base


def _without(schema: type[Base], *names: str) -> dict[str, Any]:
    """Return the schema's example without what came after the document."""
    return {name: value for name, value in schema.example.items() if name not in names}


TOKENS = dict(auth.TokenPair.example)
USER_LIST_ITEM = dict(users.UserListItem.example)
ME = {**_without(users.User, "date_joined"), "profile": {}}
REGISTRATION = dict(users.Registration.example)
REGISTERED = {
    "id": 2,
    "username": "newuser",
    "email": "newuser@example.com",
    "first_name": "John",
    "last_name": "Doe",
    "full_name": "John Doe",
    "user_type": "attendee",
}
ACCOUNT_CHANGES = dict(users.AccountChanges.example)
PROFILE_CHANGES = dict(users.ProfileChanges.example)
EVENT_LIST_ITEM = dict(events.EventListItem.example)
EVENT = _without(events.Event, "currency", "timezone")
NEW_EVENT = dict(events.EventDetails.example)
CURL_EVENT = {
    "title": "New Workshop",
    "description": "Workshop description",
    "category": "workshop",
    "location": "Virtual",
    "is_online": True,
    "online_url": "https://zoom.us/...",
    "start_date": "2025-12-27T14:00:00Z",
    "end_date": "2025-12-27T17:00:00Z",
    "registration_deadline": "2025-12-26T14:00:00Z",
    "max_attendees": 30,
    "price": "0.00",
}
STATISTICS = dict(events.Statistics.example)  # an average is printed as 0, and is a number
SESSION = dict(sessions.SessionListItem.example)
NEW_SESSION = dict(sessions.SessionDetails.example)
BOOKING = dict(bookings.BookingListItem.example)
NEW_BOOKING = dict(bookings.BookingRequest.example)
BOOKED = {
    **BOOKING,
    "status": "pending",
    "special_requirements": "Need vegetarian meals",
    "confirmed_at": None,
}
NEW_ENTRY = dict(waitlist.WaitlistRequest.example)
ENTRY = _without(waitlist.WaitlistEntry, "status")  # not printed; its keys are the contract's
NOTIFICATION = dict(notifications.Notification.example)
UNREAD_COUNT = dict(notifications.UnreadCount.example)
REVIEW = dict(reviews.Review.example)
NEW_REVIEW = dict(reviews.NewReview.example)
PAYMENT = dict(payments.PaymentListItem.example)
INVOICE = dict(invoices.InvoiceListItem.example)  # agreed, not printed
CERTIFICATE = dict(certificates.CertificateListItem.example)
NOT_FOUND = {"detail": "Not found.", "error": "The requested resource was not found."}

PRINTED = {
    "TOKENS": "39a00669087f",
    "USER_LIST_ITEM": "e5d30fe334f1",
    "ME": "ca3a1c6e67d1",
    "REGISTRATION": "0a222678dd48",
    "ACCOUNT_CHANGES": "22fa4fa3c5b5",
    "PROFILE_CHANGES": "ddb0a2c2c5ac",
    "EVENT_LIST_ITEM": "3f8861a3f280",
    "EVENT": "37897a729d9c",
    "NEW_EVENT": "c9c3dc037d68",
    "STATISTICS": "f28104658c27",
    "SESSION": "cee1135df729",
    "NEW_SESSION": "1b879380d520",
    "BOOKING": "c94002581bab",
    "NEW_BOOKING": "a2b29e95f574",
    "NEW_ENTRY": "db9d431fd703",
    "ENTRY": "8b13c8906fc0",
    "NOTIFICATION": "8247a3b65bfc",
    "UNREAD_COUNT": "6b1c880f053e",
    "REVIEW": "dc481f0fe9f2",
    "NEW_REVIEW": "ba8cdad2e0ad",
    "PAYMENT": "2514b6409bfa",
    "INVOICE": "ecd232c0e515",
    "CERTIFICATE": "4954ac161c53",
}


def digest(example: Mapping[str, Any]) -> str:
    """Return what stands for these keys in this order with these values."""
    return hashlib.sha256(json.dumps(example).encode()).hexdigest()[:12]


_MONEY = re.compile(r"\d+\.\d\d")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.(?!0+Z)\d{1,6})?Z")


def check_like(printed: dict[str, Any], data: Any, *, exactly: bool = False) -> None:
    """Assert that `data` has first (or `exactly`) the printed keys in the printed order, of the printed types."""
    assert isinstance(data, dict)
    keys = list(data)
    assert (keys if exactly else keys[: len(printed)]) == list(printed)
    for key, sample in printed.items():
        assert _is_like(sample, data[key]), f"{key}: {data[key]!r} is printed as {sample!r}"


def check_list_like(printed: dict[str, Any], data: Any, *, exactly: bool = False) -> None:
    """Assert that `data` is a bare array, not empty, of what was printed."""
    assert isinstance(data, list)
    assert data
    for item in data:
        check_like(printed, item, exactly=exactly)


def _is_like(sample: object, value: object) -> bool:  # noqa: PLR0911 - one return a type
    match sample:
        case None:
            return value is None or isinstance(value, str)
        case bool() | dict() | list():
            return type(value) is type(sample)
        case int():
            return type(value) is int
        case float():
            return type(value) in {int, float}
        case str() if _MONEY.fullmatch(sample):
            return isinstance(value, str) and _MONEY.fullmatch(value) is not None
        case str() if _TIME.fullmatch(sample):
            return isinstance(value, str) and _TIME.fullmatch(value) is not None
    return isinstance(value, str)
