"""The tables. Tortoise finds every model through this module."""

from eventhub.models.bookings import Booking, BookingItem
from eventhub.models.certificates import Certificate
from eventhub.models.events import Event, Session
from eventhub.models.facts import DueNews, Fact, FactCursor
from eventhub.models.idempotency import IdempotentAnswer
from eventhub.models.invoices import Invoice, InvoiceCounter
from eventhub.models.jobs import Job, JobLog
from eventhub.models.mail import MailedNotice, MailSuppression
from eventhub.models.notifications import Notification
from eventhub.models.operations import AdminAction, Process
from eventhub.models.payments import Payment, WebhookEvent
from eventhub.models.promo_codes import PromoCode
from eventhub.models.reviews import Review, ReviewVote
from eventhub.models.ticket_types import TicketType
from eventhub.models.users import MailedToken, Profile, SignIn, User
from eventhub.models.waitlist import WaitlistEntry

__all__ = [
    "AdminAction",
    "Booking",
    "BookingItem",
    "Certificate",
    "DueNews",
    "Event",
    "Fact",
    "FactCursor",
    "IdempotentAnswer",
    "Invoice",
    "InvoiceCounter",
    "Job",
    "JobLog",
    "MailSuppression",
    "MailedNotice",
    "MailedToken",
    "Notification",
    "Payment",
    "Process",
    "Profile",
    "PromoCode",
    "Review",
    "ReviewVote",
    "Session",
    "SignIn",
    "TicketType",
    "User",
    "WaitlistEntry",
    "WebhookEvent",
]
