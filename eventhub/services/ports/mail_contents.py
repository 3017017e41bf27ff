"""What each mail says, as typed facts; the template of the same name says how.

The job fills these from rows it has read. Text may be anything a user wrote: the templates make it safe. Times
are aware; they are shown in the `timezone` (IANA) of the event, in UTC where there is none. An empty link leaves its button out.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import ClassVar


@dataclass(frozen=True, kw_only=True)
class Money:
    amount: Decimal
    currency: str = "USD"


@dataclass(frozen=True, kw_only=True)
class EventFacts:
    """The event as its people should read it; `online_url` only for those who may know it."""

    title: str
    start_at: datetime
    end_at: datetime
    timezone: str = "UTC"
    location: str = ""
    online_url: str = ""
    organizer_name: str = ""


@dataclass(frozen=True, kw_only=True)
class CalendarEntry:
    """A booked event in its attendee's calendar; one that `is_cancelled` is taken out.

    A calendar takes the file for newer than the one it has when `sequence` is higher, or with the same when `stamped_at`
    is later. `url` is the event's page.
    """

    event: EventFacts
    booking_id: int
    sequence: int
    stamped_at: datetime
    attendee_name: str
    attendee_address: str
    url: str = ""
    is_cancelled: bool = False


@dataclass(frozen=True, kw_only=True)
class Content:
    """Common to all: the notification's `title` is the heading, `message` its paragraphs.

    The subject is the title with `about_event`, an event's title, and `about_booking`, a booking's number.
    """

    template: ClassVar[str]
    recipient_name: str
    title: str
    message: str = ""
    about_event: str = ""
    about_booking: str = ""


@dataclass(frozen=True, kw_only=True)
class EventReminder(Content):
    template = "event_reminder"
    event: EventFacts
    tickets: int
    booking_url: str = ""


@dataclass(frozen=True, kw_only=True)
class BookingConfirmation(Content):
    template = "booking_confirmation"
    event: EventFacts
    tickets: int
    total: Money
    booking_number: str = ""
    special_requirements: str = ""
    booking_url: str = ""


@dataclass(frozen=True, kw_only=True)
class PaymentReceived(Content):
    template = "payment_received"
    event_title: str
    amount: Money
    transaction_id: str
    paid_at: datetime
    timezone: str = "UTC"
    method: str = ""
    receipt_url: str = ""


@dataclass(frozen=True, kw_only=True)
class EventCancelled(Content):
    """`refund_note` says how the refund goes back."""

    template = "event_cancelled"
    event: EventFacts
    refund: Money | None = None
    refund_note: str = ""
    events_url: str = ""


@dataclass(frozen=True, kw_only=True)
class EventUpdated(Content):
    template = "event_updated"
    event: EventFacts
    event_url: str = ""


@dataclass(frozen=True, kw_only=True)
class WaitlistAvailable(Content):
    """`expires_at` is when an offer goes to the next person on the waitlist; None where the booking is confirmed already."""

    template = "waitlist_available"
    event: EventFacts
    tickets: int
    total: Money
    expires_at: datetime | None = None
    booking_url: str = ""


@dataclass(frozen=True, kw_only=True)
class SystemAnnouncement(Content):
    template = "system_announcement"
    action_label: str = ""
    action_url: str = ""


@dataclass(frozen=True, kw_only=True)
class UnverifiedNotice(Content):
    """To an address that nobody has verified: `title` says that there is news, nothing what it is or whom it is for."""

    template = "unverified_notice"
    recipient_name: str = field(default="", init=False)
    message: str = field(default="", init=False)
    about_event: str = field(default="", init=False)
    about_booking: str = field(default="", init=False)
    app_url: str = ""


@dataclass(frozen=True, kw_only=True)
class Invoice(Content):
    """Goes with the PDF (`mail.pdf_attachment`); `document_name` is Invoice or Credit note. Its time is in UTC, as its day is there."""

    template = "invoice"
    document_name: str = "Invoice"
    invoice_number: str
    issued_at: datetime
    event_title: str
    amount: Money
    invoice_url: str = ""


@dataclass(frozen=True, kw_only=True)
class PasswordReset(Content):
    """`reset_url` opens a page that asks for the new password; `token` is for those who have no such page."""

    template = "password_reset"
    title: str = "Reset your password"
    valid_seconds: int
    reset_url: str = ""
    token: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class EmailVerification(Content):
    """Goes to whoever reads the address, which may be somebody who has no account: it names nobody."""

    template = "email_verification"
    recipient_name: str = field(default="", init=False)
    title: str = "Confirm your email address"
    valid_seconds: int
    verify_url: str = ""
    token: str = field(default="", repr=False)
