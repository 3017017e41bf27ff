"""What users are told, and what they have read."""

import base64
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eventhub.database import Origin, Queries, Row, Transaction
from eventhub.errors import NotFound
from eventhub.models.jobs import SEND_NOTIFICATION
from eventhub.models.notifications import NotificationType
from eventhub.services import recipients
from eventhub.services.access import Viewer
from eventhub.services.keys import Purpose, checking_keys, signing_key
from eventhub.services.listing import (
    MAX_ID,
    Filter,
    Listing,
    Order,
    Page,
    PageRequest,
    Params,
    boolean,
    choice,
    fetch_page,
)
from eventhub.services.listing import identifier as an_id
from eventhub.services.periodic import PeriodicTask
from eventhub.services.promises import Promise, take_up

NOTIFICATIONS = Listing(
    columns=(
        'n.id, n.user_id AS "user", u.full_name AS user_name, n.event_id AS event, e.title AS event_title, '
        "n.notification_type, n.title, n.message, n.is_read, n.created_at, n.read_at"
    ),
    source="notifications n JOIN users u ON u.id = n.user_id LEFT JOIN events e ON e.id = n.event_id",
    id="n.id",
    orderings={
        "created_at": Order("n.created_at", "timestamptz", "created_at"),
        "id": Order("n.id", "bigint", "id"),
    },
    default_ordering="-created_at",
    filters={
        "notification_type": Filter(
            choice(NotificationType), "n.notification_type = {}", "Only notifications of this type."
        ),
        "is_read": Filter(
            boolean, "n.is_read = {}", "Only notifications that are read, or only those that are not."
        ),
        "event": Filter(an_id, "n.event_id = {}", "Only notifications about the event with this id."),
    },
)


@dataclass(frozen=True)
class News:
    """What one user is told, and what it is about; its mail comes of `origin`, if that is not the running request or job."""

    user_id: int
    key: str
    message: str
    event_id: int | None = None
    booking_id: int | None = None
    origin: Origin | None = None


async def notify(
    tx: Transaction,
    user_id: int,
    kind: NotificationType,
    *,
    key: str,
    title: str,
    message: str,
    event_id: int | None = None,
    booking_id: int | None = None,
) -> None:
    """Tell one user; a `key` that they were told of before tells them nothing again."""
    await notify_each(tx, kind, title, [News(user_id, key, message, event_id, booking_id)])


async def notify_organizer(
    tx: Transaction,
    organizer_id: int,
    *,
    key: str,
    title: str,
    message: str,
    event_id: int,
) -> None:
    """Tell an event's organizer what is to be done for it; if they are no organizer any more, tell the admins, who then do it."""
    rows = await tx.fetch(_MANAGERS, organizer_id)
    await notify_many(
        tx,
        {row["id"]: None for row in rows},
        NotificationType.SYSTEM_ANNOUNCEMENT,
        key=key,
        title=title,
        message=message,
        event_id=event_id,
    )


_MANAGERS = """
WITH organizer AS (
    SELECT id FROM users WHERE id = $1 AND is_active AND user_type IN ('organizer', 'admin')
)
SELECT id FROM organizer
UNION ALL
SELECT id FROM users WHERE user_type = 'admin' AND is_active AND NOT EXISTS (SELECT FROM organizer)
"""


async def notify_many(
    tx: Transaction,
    bookings: Mapping[int, int | None],
    kind: NotificationType,
    *,
    key: str,
    title: str,
    message: str,
    event_id: int | None = None,
) -> None:
    """Tell each user in `bookings` (with theirs that it is about, if any) the same, each once per `key`.

    A user who wants mail gets it by a job.
    """
    news = [News(user_id, key, message, event_id, booking_id) for user_id, booking_id in bookings.items()]
    await notify_each(tx, kind, title, news)


async def notify_each(tx: Transaction, kind: NotificationType, title: str, news: Sequence[News]) -> None:
    """Tell each user news of one `kind` of their own, in one statement."""
    about = ([getattr(each, name) for each in news] for name in _ABOUT)
    rows = await tx.fetch(_INSERT, kind.value, title, *about)
    origins = {(each.user_id, each.key): each.origin for each in news}
    for row in rows:
        with tx.caused_by(origins[row["user_id"], row["key"]]):
            tx.enqueue(SEND_NOTIFICATION, notification_id=row["id"])


_ABOUT = ("user_id", "key", "message", "event_id", "booking_id")


_INSERT = """
WITH told AS (
    INSERT INTO notifications (user_id, event_id, notification_type, title, message, key, booking_id, is_read,
                               created_at, mail_owed)
    SELECT user_id, event_id, $1, left($2, 300), message, key, booking_id, false, now(),
           coalesce(p.notifications_enabled, false)
    FROM unnest($3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::bigint[])
         AS news (user_id, key, message, event_id, booking_id) LEFT JOIN profiles p USING (user_id)
    ON CONFLICT (user_id, key) DO NOTHING
    RETURNING id, user_id, key, mail_owed
)
SELECT id, user_id, key FROM told WHERE mail_owed
"""

_TO_MAIL = Promise(
    SEND_NOTIFICATION,
    "SELECT id AS notification_id FROM notifications WHERE mail_owed ORDER BY id",
)


async def mail_stalled(tx: Transaction, limit: int = 500) -> int:
    """Let jobs mail what is still to be mailed and no job is about to; return how many."""
    return len(await take_up(tx, _TO_MAIL, limit))


PERIODIC = (PeriodicTask("mail notifications", mail_stalled, promises=(_TO_MAIL,)),)


async def mailed(tx: Transaction, notification_id: int) -> None:
    """Record that a notification has not to be mailed any more."""
    await tx.execute(
        "UPDATE notifications SET mail_owed = false WHERE id = $1 AND mail_owed", notification_id
    )


async def purge(queries: Queries, limit: int = 5000, *, kept_days: int) -> int:
    """Drop up to `limit` notifications older than `kept_days` whose mail is not owed, read or not; return how many.

    They were written in the order of their ids, so the oldest are found without an index of their age.
    """
    return await queries.execute(
        "DELETE FROM notifications WHERE id = ANY(ARRAY(SELECT id FROM ("
        "SELECT id, created_at FROM notifications WHERE NOT mail_owed ORDER BY id LIMIT $2) AS oldest "
        "WHERE created_at < now() - make_interval(days => $1)))",
        kept_days,
        limit,
    )


async def list_notifications(queries: Queries, viewer: Viewer, request: PageRequest) -> Page:
    """Return a page of the viewer's notifications."""
    return await fetch_page(
        queries, NOTIFICATIONS, request, params=Params(viewer.id), where=["n.user_id = $1"]
    )


async def get(queries: Queries, viewer: Viewer, notification_id: int) -> dict[str, Any]:
    """Return one of the viewer's notifications. Raises NotFound."""
    row = await queries.fetch_one(
        f"SELECT {NOTIFICATIONS.columns} FROM {NOTIFICATIONS.source} WHERE n.user_id = $1 AND n.id = $2",
        viewer.id,
        notification_id,
    )
    if row is None:
        raise NotFound
    return dict(row)


async def count_unread(queries: Queries, viewer: Viewer) -> int:
    count: int = await queries.fetch_value(
        "SELECT count(*) FROM notifications WHERE user_id = $1 AND NOT is_read", viewer.id
    )
    return count


async def mark_as_read(tx: Transaction, viewer: Viewer, notification_id: int) -> dict[str, Any]:
    """Mark one as read and return it; the time of the first reading stays. Raises NotFound."""
    await tx.execute(
        "UPDATE notifications SET is_read = true, read_at = now() WHERE id = $1 AND user_id = $2 AND NOT is_read",
        notification_id,
        viewer.id,
    )
    return await get(tx, viewer, notification_id)


async def mark_all_as_read(tx: Transaction, viewer: Viewer) -> int:
    """Mark all of the viewer's as read and return how many were not."""
    return await tx.execute(
        "UPDATE notifications SET is_read = true, read_at = now() WHERE user_id = $1 AND NOT is_read",
        viewer.id,
    )


async def find_for_mail(queries: Queries, notification_id: int) -> Row | None:
    """Return what a notification's mail is made of; None where its user wants no mail, or the news is no longer true.

    A mail server may have been away for hours: nobody is told of a seat that is gone, or of a start that has passed.
    Nor is a refund told by itself where the same click ended the booking: the mail about that says it.
    """
    return await queries.fetch_one(_FOR_MAIL, notification_id)


# What is told to all of an event names no booking: it is each one's that stands, or that ended with the event.
_BOOKING = """
coalesce(n.booking_id, (
    SELECT max(id) FROM bookings WHERE event_id = n.event_id AND user_id = n.user_id
    AND (n.notification_type = 'event_updated' AND status IN ('pending', 'confirmed')
         OR n.notification_type = 'event_cancelled' AND cancel_reason = 'event_cancelled')))
"""
_STILL_TRUE = """
CASE n.notification_type
    WHEN 'booking_confirmation' THEN b.status = 'confirmed' AND e.status <> 'cancelled'
    WHEN 'waitlist_available' THEN e.status <> 'cancelled'
        AND (b.status = 'confirmed' OR b.status = 'pending' AND b.expires_at > now())
    WHEN 'event_reminder' THEN b.status = 'confirmed' AND e.status <> 'cancelled' AND e.start_date > now()
        AND n.key LIKE '%:' || to_char(e.start_date AT TIME ZONE 'UTC', 'YYYYMMDD"T"HH24MISS')
    WHEN 'event_updated' THEN e.status <> 'cancelled' AND e.end_date > now() AND (b.status IN ('pending', 'confirmed') OR EXISTS (
        SELECT FROM waitlist_entries w WHERE w.event_id = e.id AND w.user_id = n.user_id
        AND w.status IN ('waiting', 'offered')))
    ELSE NOT (n.key LIKE 'payment_refunded:%' AND EXISTS (
        SELECT FROM notifications told WHERE told.booking_id = n.booking_id AND told.user_id = n.user_id
        AND told.created_at = n.created_at
        AND (told.notification_type = 'event_cancelled' OR told.key LIKE 'booking_cancelled:%')))
END
"""
# What one transaction did has one time: whatever it told is the news of what it ended.
_TELLS_OF_END = """
b.status = 'cancelled' AND (n.notification_type = 'event_cancelled' OR n.created_at = b.cancelled_at)
"""
_FOR_MAIL = f"""
SELECT n.id, n.user_id, n.notification_type, n.key, n.title, n.message, n.created_at, u.email, u.is_verified, u.full_name,
       e.id AS event_id, e.title AS event_title, e.start_date, e.end_date, e.timezone, e.location, e.online_url, e.revision,
       o.full_name AS organizer_name,
       b.id AS booking_id, b.status AS booking_status, b.number_of_tickets, b.total_price, b.currency AS price_currency,
       b.special_requirements, b.expires_at, b.confirmed_at, {_TELLS_OF_END} AS tells_of_end, r.message AS refund_message,
       p.id AS payment_id, p.status AS payment_status, p.amount, p.currency, p.transaction_id, p.processed_at, p.method
FROM notifications n JOIN users u ON u.id = n.user_id JOIN profiles f ON f.user_id = u.id
LEFT JOIN events e ON e.id = n.event_id LEFT JOIN users o ON o.id = e.organizer_id
LEFT JOIN bookings b ON b.id = {_BOOKING}
LEFT JOIN LATERAL (
    SELECT * FROM payments WHERE booking_id = b.id AND status IN ('completed', 'refunded') ORDER BY id DESC LIMIT 1
) p ON true
LEFT JOIN notifications r ON r.user_id = n.user_id AND r.key = 'payment_refunded:' || p.id
WHERE n.id = $1 AND u.is_active AND f.notifications_enabled AND {_STILL_TRUE}
"""


def unsubscribe_url(who: int | str, *, base_url: str, secret_keys: Sequence[str]) -> str:
    """Return where one click ends the mails of a user (the id), or those to an address that nobody has verified.

    The link bears its own proof and never expires.
    """
    name = (
        who
        if isinstance(who, int)
        else _ADDRESS + base64.urlsafe_b64encode(who.encode()).decode().rstrip("=")
    )
    proof = _proof(signing_key(secret_keys, Purpose.UNSUBSCRIBE_LINK), who)
    return f"{base_url}/api/notifications/unsubscribe/{name}.{proof}/"


_ADDRESS = "a-"  # no token of a user begins so


def _proof(key: bytes, who: int | str) -> str:
    return hmac.new(key, f"unsubscribe:{who}".encode(), "sha256").hexdigest()[:32]


def find_unsubscribed(token: str, *, secret_keys: Sequence[str]) -> int | str:
    """Return whose mails a link ends: a user's (the id), or those to an address. Raises NotFound for a forged one."""
    name, _, proof = token.partition(".")
    who = _address_named(name.removeprefix(_ADDRESS)) if name.startswith(_ADDRESS) else _user_named(name)
    if not any(
        hmac.compare_digest(_proof(key, who).encode(), proof.encode())
        for key in checking_keys(secret_keys, Purpose.UNSUBSCRIBE_LINK)
    ):
        raise NotFound
    return who


def _user_named(number: str) -> int:
    if not (number.isascii() and number.isdigit() and len(number) <= 19 and 0 < int(number) <= MAX_ID):
        raise NotFound
    return int(number)


def _address_named(name: str) -> str:
    try:
        return base64.b64decode(f"{name}{'=' * (-len(name) % 4)}", b"-_", validate=True).decode()
    except ValueError:
        raise NotFound from None


async def unsubscribe(tx: Transaction, who: int | str) -> bool:
    """End the mails of a user, or to an address; ending them again is no error.

    Return whether that is a setting of a user whose address is verified, who can change it back. Other mails are
    ended for the address, whatever the account is set to, until it is verified: the account may be a stranger's.
    """
    user = await tx.fetch_one(_OF_USER if isinstance(who, int) else _OF_ADDRESS, who)
    if user is not None and (user["is_verified"] or isinstance(who, int)):
        await tx.execute("UPDATE profiles SET notifications_enabled = false WHERE user_id = $1", user["id"])
    if user is not None and user["is_verified"]:
        return True
    address = user["email"] if user is not None else who
    if isinstance(address, str):
        await recipients.end_mails(tx, address)
    return False


_OF_USER = "SELECT id, email, is_verified FROM users WHERE id = $1"
_OF_ADDRESS = "SELECT id, email, is_verified FROM users WHERE lower(email) = lower($1)"
