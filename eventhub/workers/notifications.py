"""Jobs of notifications: each as a mail, once, to those who want mail."""

from collections.abc import Callable
from functools import partial
from typing import Any

from eventhub.database import Row
from eventhub.models.jobs import REMIND_ATTENDEES, SEND_NOTIFICATION, SURVEY_ATTENDEES
from eventhub.models.notifications import NotificationType
from eventhub.services import events, notifications
from eventhub.services.ports import mail_contents as contents
from eventhub.services.ports.mail import Attachment
from eventhub.workers.context import JobContext
from eventhub.workers.kinds import handles
from eventhub.workers.outgoing import admit_notice, send, unsubscribe_url

_WITH_CALENDAR = {
    NotificationType.BOOKING_CONFIRMATION,
    NotificationType.EVENT_REMINDER,
    NotificationType.EVENT_UPDATED,
}


@handles(SEND_NOTIFICATION)
async def send_notification(context: JobContext, notification_id: int) -> None:
    """Mail a notification, with a Message-ID that is the same in every try."""
    context.settles(partial(notifications.mailed, notification_id=notification_id))
    found = await notifications.find_for_mail(context.database, notification_id)
    if found is None:
        return
    key, address, is_verified = f"notification-{notification_id}", found["email"], found["is_verified"]
    await admit_notice(context, address, key, is_verified=is_verified)
    content, attachments = _mail_of(context, found) if is_verified else (_unverified(context, found), ())
    await send(
        context,
        content,
        key=key,
        to_address=address,
        unsubscribe_url=unsubscribe_url(context, found["user_id"] if is_verified else address),
        attachments=attachments,
    )


# All that somebody learns who never asked: the rest may be the words of whoever gave their address.
_UNVERIFIED_TITLES = {
    NotificationType.EVENT_REMINDER: "An event that you booked starts soon",
    NotificationType.BOOKING_CONFIRMATION: "A booking of yours is confirmed",
    NotificationType.PAYMENT_RECEIVED: "A payment of yours has arrived",
    NotificationType.EVENT_CANCELLED: "An event was cancelled",
    NotificationType.EVENT_UPDATED: "An event has changed",
    NotificationType.WAITLIST_AVAILABLE: "A seat came free for you",
    NotificationType.SYSTEM_ANNOUNCEMENT: "There is news in your account",
}


def _unverified(context: JobContext, row: Row) -> contents.Content:
    title = _UNVERIFIED_TITLES[NotificationType(row["notification_type"])]
    return contents.UnverifiedNotice(title=title, app_url=context.settings.links_base)


def _mail_of(context: JobContext, found: Row) -> tuple[contents.Content, tuple[Attachment, ...]]:
    row = {
        **found,
        # Pages of a front end: the API's own want a token, which a browser does not bring.
        "booking_url": context.settings.booking_url(found["booking_id"]),
        "payment_url": context.settings.payment_url(found["payment_id"]),
    }
    kind = NotificationType(row["notification_type"])
    return _CONTENTS[kind](row, context.settings.links_base), _attachments(context, row, kind)


def _attachments(context: JobContext, row: Row, kind: NotificationType) -> tuple[Attachment, ...]:
    """Return the calendar file of a confirmed seat, or the one that takes its entry out again, if the mail bears one."""
    if row["tells_of_end"] and row["confirmed_at"]:  # who was never confirmed has no entry to take out
        return (_calendar(context, row, is_cancelled=True),)
    if kind in _WITH_CALENDAR and row["booking_status"] == "confirmed":
        return (_calendar(context, row),)
    return ()


def _calendar(context: JobContext, row: Row, *, is_cancelled: bool = False) -> Attachment:
    entry = contents.CalendarEntry(
        event=_event(row),
        booking_id=row["booking_id"],
        # The end is one more change: no file of a booking follows it.
        sequence=row["revision"] + is_cancelled,
        stamped_at=row["created_at"],
        attendee_name=row["full_name"],
        attendee_address=row["email"],
        url=f"{context.settings.links_base}/api/events/{row['event_id']}/",
        is_cancelled=is_cancelled,
    )
    return context.resources.composer.calendar_file(entry)


def _event(row: Row) -> contents.EventFacts:
    # The link is for those with a confirmed seat alone, as in the API.
    return contents.EventFacts(
        title=row["event_title"],
        start_at=row["start_date"],
        end_at=row["end_date"],
        timezone=row["timezone"],
        location=row["location"],
        online_url=row["online_url"] if row["booking_status"] == "confirmed" else "",
        organizer_name=row["organizer_name"],
    )


def _total(row: Row) -> contents.Money:
    return contents.Money(amount=row["total_price"], currency=row["price_currency"])


def _booking_url(row: Row) -> str:
    return row["booking_url"] if row["booking_id"] is not None else ""


def _confirmation(row: Row, _url: str) -> contents.Content:
    return contents.BookingConfirmation(
        **_base(row),
        event=_event(row),
        tickets=row["number_of_tickets"],
        total=_total(row),
        booking_number=str(row["booking_id"]),
        special_requirements=row["special_requirements"],
        booking_url=_booking_url(row),
    )


def _reminder(row: Row, _url: str) -> contents.Content:
    return contents.EventReminder(
        **_base(row),
        event=_event(row),
        tickets=row["number_of_tickets"],
        booking_url=_booking_url(row),
    )


def _payment(row: Row, url: str) -> contents.Content:
    if row["transaction_id"] is None:
        return _announcement(row, url)
    return contents.PaymentReceived(
        **_base(row),
        event_title=row["event_title"],
        amount=contents.Money(amount=row["amount"], currency=row["currency"]),
        transaction_id=row["transaction_id"],
        paid_at=row["processed_at"],
        timezone=row["timezone"],
        method=row["method"].replace("_", " "),
        receipt_url=row["payment_url"],
    )


def _cancelled(row: Row, url: str) -> contents.Content:
    is_refunded = row["payment_status"] == "refunded" and row["amount"]
    refund = contents.Money(amount=row["amount"], currency=row["currency"]) if is_refunded else None
    return contents.EventCancelled(
        **_base(row),
        event=_event(row),
        refund=refund,
        refund_note=row["refund_message"] or "",
        events_url=f"{url}/api/events/",
    )


def _updated(row: Row, url: str) -> contents.Content:
    return contents.EventUpdated(
        **_base(row), event=_event(row), event_url=f"{url}/api/events/{row['event_id']}/"
    )


def _available(row: Row, _url: str) -> contents.Content:
    return contents.WaitlistAvailable(
        **_base(row),
        event=_event(row),
        tickets=row["number_of_tickets"],
        total=_total(row),
        expires_at=row["expires_at"] if row["booking_status"] == "pending" and row["total_price"] else None,
        booking_url=_booking_url(row),
    )


def _announcement(row: Row, url: str) -> contents.Content:
    if row["event_id"] is None:
        return contents.SystemAnnouncement(**_base(row))
    return contents.SystemAnnouncement(
        **_base(row), action_label="See the event", action_url=f"{url}/api/events/{row['event_id']}/"
    )


def _base(row: Row) -> dict[str, Any]:
    return {
        "recipient_name": row["full_name"],
        "title": row["title"],
        "message": row["message"],
        "about_event": row["event_title"] or "",
        "about_booking": str(row["booking_id"] or ""),
    }


_CONTENTS: dict[NotificationType, Callable[[Row, str], contents.Content]] = {
    NotificationType.EVENT_REMINDER: _reminder,
    NotificationType.BOOKING_CONFIRMATION: _confirmation,
    NotificationType.PAYMENT_RECEIVED: _payment,
    NotificationType.EVENT_CANCELLED: _cancelled,
    NotificationType.EVENT_UPDATED: _updated,
    NotificationType.WAITLIST_AVAILABLE: _available,
    NotificationType.SYSTEM_ANNOUNCEMENT: _announcement,
}


@handles(REMIND_ATTENDEES)
async def remind_attendees(
    context: JobContext, event_id: int, after_booking: int = 0, **_of_before: object
) -> None:
    """Remind of the start that the event's row tells; jobs of version 1 named one, which may have moved since."""
    async with context.transaction() as tx:
        await events.remind(tx, event_id, after_booking)


@handles(SURVEY_ATTENDEES)
async def survey_attendees(context: JobContext, event_id: int, after_booking: int = 0) -> None:
    async with context.transaction() as tx:
        await events.survey(tx, event_id, after_booking)
