"""One of each mail, filled as a job would fill it, and filled by someone who means harm."""

from datetime import UTC, datetime
from decimal import Decimal

from eventhub.gateways.mail.render import Site
from eventhub.services.ports.mail_contents import (
    BookingConfirmation,
    Content,
    EmailVerification,
    EventCancelled,
    EventFacts,
    EventReminder,
    EventUpdated,
    Invoice,
    Money,
    PasswordReset,
    PaymentReceived,
    SystemAnnouncement,
    UnverifiedNotice,
    WaitlistAvailable,
)

BASE = "https://events.example.com"
SITE = Site(name="Event Hub", url=BASE, sender_address="no-reply@events.example.com")
START, END = datetime(2026, 6, 15, 18, 0, tzinfo=UTC), datetime(2026, 6, 15, 21, 0, tzinfo=UTC)
EVENT = EventFacts(
    title="Python Web Development Workshop",
    start_at=START,
    end_at=END,
    location="Tech Hub, 123 Main Street, San Francisco",
    online_url="https://meet.example.com/python",
    organizer_name="Jane Smith",
)


def contents(event: EventFacts = EVENT, text: str = "John Doe", url: str = f"{BASE}/x/1/") -> list[Content]:
    """Return one content per template; `text` stands wherever a user's words may stand."""
    price = Money(amount=Decimal("59.98"))
    title = "A title" if text == "John Doe" else text
    message = "One line.\nAnother line.\n\nA second paragraph." if text == "John Doe" else text
    common = {"recipient_name": text, "title": title, "message": message, "about_event": event.title}
    return [
        EventReminder(**common, event=event, tickets=2, booking_url=url),
        BookingConfirmation(
            **common,
            event=event,
            tickets=2,
            total=price,
            booking_number="1042",
            special_requirements=text,
            booking_url=url,
        ),
        PaymentReceived(
            **common,
            event_title=event.title,
            amount=price,
            transaction_id="EVH-AB12CD34EF56",
            paid_at=START,
            method="Credit card",
            receipt_url=url,
        ),
        EventCancelled(
            **common,
            event=event,
            refund=price,
            refund_note="USD 59.98 is on its way back to you.",
            events_url=url,
        ),
        EventUpdated(
            **common,
            event=event,
            event_url=url,
        ),
        WaitlistAvailable(**common, event=event, tickets=1, total=price, expires_at=START, booking_url=url),
        SystemAnnouncement(**common, action_label=text, action_url=url),
        UnverifiedNotice(title="There is news in your account", app_url=url),
        Invoice(
            **common,
            invoice_number="INV-2026-000001",
            issued_at=START,
            event_title=event.title,
            amount=price,
            invoice_url=url,
        ),
        PasswordReset(recipient_name=text, valid_seconds=3600, reset_url=url, token="t0ken"),
        EmailVerification(valid_seconds=172_800, verify_url=url, token="t0ken"),
    ]
