"""The examples of the API document, as printed; `EXAMPLES` says which schema each shows."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema

from eventhub.schemas import (
    auth,
    bookings,
    certificates,
    events,
    invoices,
    notifications,
    ops,
    payments,
    reviews,
    sessions,
    users,
    waitlist,
)

LOG_IN = {"username": "admin", "password": "admin123"}
TOKENS = {"access": "eyJ0eXAiOiJKV1QiLCJhbGc...", "refresh": "eyJ0eXAiOiJKV1QiLCJhbGc..."}
USER_LIST_ITEM = {
    "id": 1,
    "username": "admin",
    "email": "admin@example.com",
    "full_name": "Admin User",
    "user_type": "admin",
    "avatar": None,
    "organization": "",
}
ME: dict[str, Any] = {
    "id": 1,
    "username": "admin",
    "email": "admin@example.com",
    "first_name": "Admin",
    "last_name": "User",
    "full_name": "Admin User",
    "user_type": "admin",
    "bio": "",
    "phone": "",
    "avatar": None,
    "website": "",
    "organization": "",
    "is_verified": False,
    "is_active": True,
    "is_organizer": True,
    "profile": {},
}
REGISTRATION = {
    "username": "newuser",
    "email": "newuser@example.com",
    "password": "secure_password",
    "password_confirm": "secure_password",
    "first_name": "John",
    "last_name": "Doe",
    "user_type": "attendee",
}
REGISTERED = {
    "id": 2,
    "username": "newuser",
    "email": "newuser@example.com",
    "first_name": "John",
    "last_name": "Doe",
    "full_name": "John Doe",
    "user_type": "attendee",
}
ACCOUNT_CHANGES = {
    "first_name": "John",
    "last_name": "Doe",
    "bio": "Software developer",
    "phone": "+1234567890",
    "website": "https://johndoe.com",
    "organization": "Tech Company",
}
PROFILE_CHANGES = {
    "twitter": "https://twitter.com/johndoe",
    "linkedin": "https://linkedin.com/in/johndoe",
    "github": "https://github.com/johndoe",
    "facebook": "https://facebook.com/johndoe",
    "newsletter_subscribed": True,
    "notifications_enabled": True,
}
PROFILE = {
    **PROFILE_CHANGES,
    "total_events_attended": 0,
    "total_spent": "0.00",
}
EVENT_LIST_ITEM = {
    "id": 1,
    "title": "Test Workshop",
    "category": "workshop",
    "organizer_name": "Admin User",
    "location": "Test Location",
    "is_online": False,
    "status": "published",
    "start_date": "2025-12-27T12:00:00Z",
    "end_date": "2025-12-27T14:00:00Z",
    "max_attendees": 50,
    "attendees_count": 0,
    "price": "0.00",
    "cover_image": None,
}
EVENT: dict[str, Any] = {
    "id": 1,
    "title": "Test Workshop",
    "description": "A test workshop",
    "category": "workshop",
    "organizer": 1,
    "organizer_name": "Admin User",
    "location": "Test Location",
    "is_online": False,
    "online_url": "",
    "status": "published",
    "start_date": "2025-12-27T12:00:00Z",
    "end_date": "2025-12-27T14:00:00Z",
    "registration_deadline": "2025-12-25T12:00:00Z",
    "max_attendees": 50,
    "attendees_count": 0,
    "available_spots": 50,
    "is_registration_open": True,
    "price": "0.00",
    "cover_image": None,
    "tags": "",
    "sessions": [],
    "created_at": "2025-12-20T12:00:00Z",
    "updated_at": "2025-12-20T12:00:00Z",
}
NEW_EVENT = {
    "title": "Advanced Python Workshop",
    "description": "Learn advanced Python concepts",
    "category": "workshop",
    "location": "Virtual",
    "is_online": True,
    "online_url": "https://zoom.us/...",
    "start_date": "2025-12-27T14:00:00Z",
    "end_date": "2025-12-27T17:00:00Z",
    "registration_deadline": "2025-12-26T14:00:00Z",
    "max_attendees": 30,
    "price": "29.99",
    "tags": "python, programming, advanced",
}
STATISTICS = {
    "total_attendees": 0,
    "available_spots": 50,
    "waitlist_count": 0,
    "reviews_count": 0,
    "average_rating": 0.0,
    "total_revenue": 0.0,
}
SESSION = {
    "id": 1,
    "title": "Session Title",
    "description": "Session description",
    "start_time": "2025-12-27T14:00:00Z",
    "end_time": "2025-12-27T15:00:00Z",
    "speaker": 1,
    "speaker_name": "Speaker Name",
    "room_or_link": "Room A",
    "created_at": "2025-12-20T12:00:00Z",
    "updated_at": "2025-12-20T12:00:00Z",
}
NEW_SESSION = {
    "event": 1,
    "title": "Opening Keynote",
    "description": "Opening keynote speech",
    "start_time": "2025-12-27T14:00:00Z",
    "end_time": "2025-12-27T15:00:00Z",
    "speaker": 1,
    "room_or_link": "Main Hall",
}
BOOKING = {
    "id": 1,
    "event": 1,
    "event_title": "Test Workshop",
    "user": 2,
    "user_name": "John Doe",
    "status": "confirmed",
    "number_of_tickets": 1,
    "total_price": "0.00",
    "special_requirements": "",
    "registered_at": "2025-12-20T12:00:00Z",
    "confirmed_at": "2025-12-20T12:00:01Z",
    "cancelled_at": None,
}
CURRENCY = {"currency": "USD"}  # beside what the document prints
NEW_BOOKING = {"event": 1, "number_of_tickets": 1, "special_requirements": "Need vegetarian meals"}
BOOKED = {
    **BOOKING,
    "status": "pending",
    "special_requirements": "Need vegetarian meals",
    "confirmed_at": None,
}
NEW_ENTRY = {"event": 1}
# The document prints no entry; its keys are the contract's.
ENTRY = {
    "id": 1,
    "event": 1,
    "event_title": "Test Workshop",
    "user": 2,
    "user_name": "John Doe",
    "position": 1,
    "joined_at": "2025-12-20T12:00:00Z",
    "notified_at": None,
    "is_notified": False,
}
NOTIFICATION = {
    "id": 1,
    "user": 2,
    "user_name": "John Doe",
    "event": 1,
    "event_title": "Test Workshop",
    "notification_type": "booking_confirmation",
    "title": "Booking Confirmation",
    "message": "Your booking has been confirmed",
    "is_read": False,
    "created_at": "2025-12-20T12:00:00Z",
    "read_at": None,
}
UNREAD_COUNT = {"unread_count": 5}
REVIEW = {
    "id": 1,
    "event": 1,
    "event_title": "Test Workshop",
    "user": 2,
    "user_name": "John Doe",
    "rating": 5,
    "title": "Excellent workshop!",
    "review": "Very informative and well organized",
    "attended": True,
    "helpful_count": 5,
    "unhelpful_count": 0,
    "helpful_percentage": 100.0,
    "created_at": "2025-12-20T12:00:00Z",
    "updated_at": "2025-12-20T12:00:00Z",
}
PAYMENT = {
    "id": 1,
    "booking": 1,
    "booking_event": "Test Workshop",
    "user": 2,
    "user_name": "John Doe",
    "amount": "0.00",
    "currency": "USD",
    "status": "pending",
    "method": "mock",
    "transaction_id": "EVH-ABCD1234EFGH",
    "reference_number": "",
    "created_at": "2025-12-20T12:00:00Z",
    "processed_at": None,
    "refunded_at": None,
}
INVOICE = {  # agreed, not printed
    "id": 1,
    "invoice_number": "INV-2026-000001",
    "payment_id": 1,
    "transaction_id": "EVH-ABCD1234EFGH",
    "event_title": "Test Workshop",
    "user_name": "John Doe",
    "billing_address": "",
    "notes": "",
    "is_sent": False,
    "issued_at": "2025-12-20T12:00:00Z",
    "sent_at": None,
    "amount": "29.99",
    "currency": "USD",
}
NEW_REVIEW = {
    "event": 1,
    "rating": 5,
    "title": "Excellent workshop!",
    "review": "Very informative and well organized",
    "attended": True,
}
CERTIFICATE = {
    "id": 1,
    "event": 1,
    "event_title": "Test Workshop",
    "user": 2,
    "user_name": "John Doe",
    "certificate_number": "CERT-1-2-ABC123",
    "hours_completed": 2.0,
    "skill_tags": "python, programming",
    "pdf_file": None,
    "is_downloaded": False,
    "issued_date": "2025-12-20T12:00:00Z",
    "downloaded_at": None,
}
NOT_FOUND = {"detail": "Not found.", "error": "The requested resource was not found."}


NEW_PAYMENT = {"booking": 1, "amount": "29.99", "method": "mock"}

MAILED_TOKEN = "12-6f0c1e7a9d35b2480b6a7fd1c4e83952760dcb1e5fa94837d2c6b0518e9f43a7"  # noqa: S105 - shows its form

EXAMPLES: Mapping[type[Schema], Mapping[str, Any]] = {
    auth.TokenRequest: LOG_IN,
    auth.TokenPair: TOKENS,
    auth.RefreshRequest: {"refresh": TOKENS["refresh"]},
    auth.AccessToken: {"access": TOKENS["access"]},
    users.UserListItem: USER_LIST_ITEM,
    users.User: {**ME, "profile": PROFILE, "date_joined": "2025-12-20T12:00:00Z"},
    users.Registration: REGISTRATION,
    users.AccountChanges: ACCOUNT_CHANGES,
    users.ProfileChanges: PROFILE_CHANGES,
    users.Profile: PROFILE,
    events.EventListItem: EVENT_LIST_ITEM,
    events.Event: {**EVENT, **CURRENCY},
    events.EventDetails: NEW_EVENT,
    events.HandOver: {"organizer": 2},
    events.Statistics: STATISTICS,
    sessions.SessionListItem: SESSION,
    sessions.Session: {**SESSION, "event": 1},
    sessions.SessionDetails: NEW_SESSION,
    sessions.SessionChanges: {name: value for name, value in NEW_SESSION.items() if name != "event"},
    bookings.BookingListItem: BOOKING,
    bookings.Booking: {**BOOKING, **CURRENCY},
    bookings.Attendee: {**BOOKING, "total_price": None, "special_requirements": None},
    bookings.BookingRequest: NEW_BOOKING,
    bookings.BookingChanges: {"special_requirements": NEW_BOOKING["special_requirements"]},
    waitlist.WaitlistEntry: {**ENTRY, "status": "waiting"},
    waitlist.WaitlistRequest: NEW_ENTRY,
    payments.PaymentListItem: PAYMENT,
    payments.Payment: {
        **PAYMENT,
        "checkout_url": None,
        "failure_reason": "",
        "refund_state": "none",
        "dispute": "none",
    },
    payments.PaymentRequest: NEW_PAYMENT,
    invoices.Invoice: INVOICE,
    notifications.Notification: NOTIFICATION,
    notifications.UnreadCount: UNREAD_COUNT,
    reviews.Review: REVIEW,
    reviews.NewReview: NEW_REVIEW,
    reviews.ReviewChanges: {name: value for name, value in NEW_REVIEW.items() if name != "event"},
    certificates.CertificateListItem: CERTIFICATE,
    certificates.Certificate: {**CERTIFICATE, "reissued_at": None},
    # Neither printed nor agreed.
    auth.PasswordChange: {"old_password": "secure_password", "new_password": "a better password"},
    auth.SignIn: {
        "id": 1,
        "created_at": "2025-12-20T12:00:00Z",
        "last_used_at": None,
        "network": "192.0.2.0/24",
        "user_agent": "Mozilla/5.0",
        "is_current": True,
    },
    auth.PasswordResetRequest: {"email": "newuser@example.com"},
    auth.PasswordReset: {"token": MAILED_TOKEN, "new_password": "a better password"},
    auth.MailedToken: {"token": MAILED_TOKEN},
    auth.Message: {"detail": "The email address is verified."},
    users.Administration: {"user_type": "organizer", "is_verified": True},
    bookings.CancelledBooking: {
        **BOOKING,
        **CURRENCY,
        "status": "cancelled",
        "cancelled_at": "2025-12-21T12:00:00Z",
        "refund_status": "nothing_paid",
        "detail": "Nothing was paid, so there is nothing to refund.",
    },
    notifications.Marked: {"marked": 5},
    payments.Received: {"received": True},
    certificates.Verification: {
        "certificate_number": "CERT-1-2-ABC123",
        "is_valid": True,
        "user_name": "John Doe",
        "event_title": "Test Workshop",
        "hours_completed": 2.0,
        "skill_tags": "python, programming",
        "organizer_name": "Admin User",
        "issued_date": "2025-12-20T12:00:00Z",
        "reissued_at": None,
    },
    ops.Health: {"status": "ok"},
}
# What a 201 shows where it differs from what is read later.
CREATED: Mapping[type[Schema], Mapping[str, Any]] = {
    users.User: {
        **EXAMPLES[users.User],
        **REGISTERED,
        "is_organizer": False,
        "profile": {**PROFILE, **dict.fromkeys(("twitter", "linkedin", "github", "facebook"), "")},
    },
    bookings.Booking: {**BOOKED, **CURRENCY},
}
