"""Puts the demo into an empty database: through the services, as if its people had done it, then moved in time."""

import asyncio
import logging
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from eventhub import localized
from eventhub.database import Database, Queries, Transaction
from eventhub.demo.events import EVENTS
from eventhub.demo.people import PEOPLE
from eventhub.demo.shapes import STANDARD, Happening, Opinion, Order, Person
from eventhub.demo.times import SPREAD_OVER_TIME
from eventhub.models.events import EventStatus
from eventhub.models.facts import FactType
from eventhub.models.jobs import RENDER_CERTIFICATE
from eventhub.models.notifications import NotificationType
from eventhub.models.payments import PaymentMethod
from eventhub.schemas.promo_codes import PromoCodeDetails
from eventhub.schemas.ticket_types import TicketTypeDetails
from eventhub.services import (
    bookings,
    certificates,
    events,
    facts,
    invoices,
    news,
    notifications,
    passwords,
    payments,
    promo_codes,
    reviews,
    sessions,
    ticket_types,
    users,
    waitlist,
)
from eventhub.services.access import Viewer
from eventhub.settings import Settings

FILL_LOCK = 0x44454D4F  # "DEMO": any number that nobody else locks on this database

log = logging.getLogger("eventhub.demo")


def logins() -> list[tuple[str, str, str]]:
    """Return (username, password, user type) of those who can sign in."""
    return [(person.username, person.password, person.user_type) for person in PEOPLE if person.password]


async def fill(settings: Settings) -> bool:
    """Put the demo into a database in which there is nobody; return whether it was put in.

    All of it or nothing, and once: of several that try at the same time, the others find it done.
    """
    # Nobody is woken: the jobs that are left for the workers are found by the clock.
    database = await Database.open(
        settings.database_url, deliver=lambda _: None, pool_size=2, pooler=settings.database_pooler
    )
    try:
        if await _has_people(database):
            return False
        hashes = await _hash_passwords()
        async with database.transaction() as tx:
            await tx.execute("SELECT pg_advisory_xact_lock($1)", FILL_LOCK)
            if await _has_people(tx):
                return False
            await _Filler(settings, tx, hashes).run()
    finally:
        await database.close()
    for username, password, _ in logins():
        for problem in await passwords.warnings(password, username):
            log.warning(
                "the demo's user %s has a weak password, for this machine only: %s", username, problem
            )
    return True


async def has_documented_logins(settings: Settings) -> bool:
    """Whether the demo's users are here and their passwords are still the printed ones."""
    database = await Database.open(
        settings.database_url, deliver=lambda _: None, pool_size=2, pooler=settings.database_pooler
    )
    try:
        rows = await database.fetch(
            "SELECT username, password_hash FROM users WHERE is_active AND username = ANY($1::text[])",
            [username for username, _, _ in logins()],
        )
    finally:
        await database.close()
    hashes = {row["username"]: row["password_hash"] for row in rows}
    return all(
        await asyncio.gather(*(passwords.verify(hashes.get(name), text) for name, text, _ in logins()))
    )


async def has_known_admin(queries: Queries) -> bool:
    """Whether an admin has the name and the password that the demo has, and the documents."""
    username, password, _ = logins()[0]
    stored = await queries.fetch_value(
        "SELECT password_hash FROM users WHERE is_active AND user_type = 'admin' AND username = $1", username
    )
    return stored is not None and await passwords.verify(stored, password)


async def _has_people(queries: Queries) -> bool:
    found: bool = await queries.fetch_value("SELECT EXISTS (SELECT FROM users)")
    return found


async def _hash_passwords() -> dict[str, str]:
    """Return a hash for each person; those without a password share one that nobody knows."""
    known = [person for person in PEOPLE if person.password]
    texts = [person.password or "" for person in known]
    unknown, *made = await asyncio.gather(
        *(passwords.hash_password(text) for text in [secrets.token_urlsafe(), *texts])
    )
    return dict.fromkeys((person.username for person in PEOPLE), unknown) | dict(
        zip((person.username for person in known), made, strict=True)
    )


class _Filler:
    """One filling, in one transaction."""

    def __init__(self, settings: Settings, tx: Transaction, hashes: dict[str, str]) -> None:
        self.settings = settings
        self.tx = tx
        self.hashes = hashes
        self.today = datetime.combine(datetime.now(UTC).date(), time(), UTC)
        self.viewers: dict[str, Viewer] = {}

    async def run(self) -> None:
        for person in PEOPLE:
            await self._register(person)
        made = [(happening, await self._create(happening)) for happening in EVENTS]
        for happening, event_id in made:
            await self._bring_about(happening, event_id)
        await self._drop_jobs()
        await self.tx.run_last_statements()
        for statement in SPREAD_OVER_TIME:
            await self.tx.execute(statement)
        while await facts.number(self.tx):
            pass
        await news.skip(self.tx)
        await self._tell_and_read()

    async def _register(self, person: Person) -> None:
        user = await users.register(
            self.tx,
            self.hashes[person.username],
            username=person.username,
            email=f"{person.username}@example.com",
            first_name=person.first_name,
            last_name=person.last_name,
            user_type=person.user_type,
            organization=person.organization,
            is_verified=True,  # so that their mails say all, and they may pay by a transfer
            bio=person.bio,
        )
        self.viewers[person.username] = Viewer(user["id"], person.user_type)
        # Only people who can sign in get mail: the demo may be put in where mail really leaves.
        await users.update_profile(
            self.tx, self.viewers[person.username], {"notifications_enabled": person.password is not None}
        )

    async def _create(self, happening: Happening) -> int:
        """Make the event and let its people come; one that has begun by now lies ahead until `_bring_about`."""
        organizer = self.viewers[happening.organizer]
        start, currency = self._start(happening), self.settings.currency
        offset = (
            max(timedelta(), self.today + timedelta(days=9) - start) if happening.day < 1 else timedelta()
        )
        event = await events.create(
            self.tx,
            organizer,
            {
                "title": happening.title,
                "description": happening.description,
                "category": happening.category.value,
                "location": happening.location,
                "is_online": bool(happening.online_url),
                "online_url": happening.online_url,
                "start_date": start + offset,
                "end_date": start + offset + happening.lasts,
                "registration_deadline": start + offset - timedelta(days=happening.closes_days_before),
                "max_attendees": happening.seats,
                "price": localized.rounded(Decimal(happening.price), currency),
                "tags": happening.tags,
            },
            currency=currency,
            timezone=happening.timezone,
        )
        event_id: int = event["id"]
        for part in happening.sessions:
            await sessions.create(
                self.tx,
                organizer,
                {
                    "event": event_id,
                    "title": part.title,
                    "description": part.description,
                    "start_time": start + part.begins,
                    "end_time": start + part.begins + part.lasts,
                    "speaker": self.viewers[part.speaker].id if part.speaker else None,
                    "room_or_link": part.room,
                },
            )
        types = await self._price(happening, event_id)
        if happening.status != EventStatus.DRAFT:
            await events.publish(self.tx, organizer, event_id)
            await self._let_people_come(happening, event_id, types)
        return event_id

    async def _price(self, happening: Happening, event_id: int) -> dict[str, int | None]:
        """Make the event's ticket types and promo codes; return the ids of all tickets by their names."""
        organizer = self.viewers[happening.organizer]
        types: dict[str, int | None] = {STANDARD: None}
        for body in happening.ticket_types:
            made = await ticket_types.create(self.tx, organizer, event_id, TicketTypeDetails().load(body))
            types[made["name"]] = made["id"]
        for promo in happening.promo_codes:
            details = PromoCodeDetails().load(
                {**promo.terms, "ticket_types": [types[name] for name in promo.tickets]}
            )
            await promo_codes.create(self.tx, organizer, event_id, details)
        return types

    async def _let_people_come(
        self, happening: Happening, event_id: int, types: Mapping[str, int | None]
    ) -> None:
        for text in happening.bookings.split():
            await self._pay(happening, await self._book(happening, event_id, text))
        for order in happening.orders:
            await self._pay(happening, await self._order(happening, event_id, order, types))
        for text in happening.unpaid.split():
            await self._book(happening, event_id, text)
        for text in happening.cancelled.split():
            booking = await self._book(happening, event_id, text)
            await self._pay(happening, booking)
            await bookings.cancel(self.tx, self.viewers[text], booking["id"])
        for name in happening.waiting.split():
            await waitlist.join(
                self.tx,
                self.viewers[name],
                event_id,
                hold_seconds=self.settings.pending_booking_ttl_seconds,
            )

    async def _pay(self, happening: Happening, booking: dict[str, Any]) -> None:
        """Pay by bank transfer, whose arrival the organizer confirms: no gateway is needed for that."""
        if not float(booking["total_price"]):
            await bookings.confirm_free(self.tx, booking["id"])
            return
        await payments.create(
            self.tx,
            Viewer(booking["user"]),
            booking=booking["id"],
            amount=None,
            method=PaymentMethod.BANK_TRANSFER.value,
            gateway="offline",
            wait_seconds=self.settings.offline_payment_wait_seconds,
        )
        await bookings.confirm(
            self.tx,
            self.viewers[happening.organizer],
            booking["id"],
            invoices.Terms(self.settings.seller, self.settings.tax_rate),
        )

    async def _book(self, happening: Happening, event_id: int, text: str) -> dict[str, Any]:
        name, _, tickets = text.partition(":")
        return await bookings.book(
            self.tx,
            self.viewers[name],
            event=event_id,
            number_of_tickets=int(tickets or 1),
            special_requirements=happening.needs.get(name, ""),
            ttl_seconds=self.settings.pending_booking_ttl_seconds,
        )

    async def _order(
        self, happening: Happening, event_id: int, order: Order, types: Mapping[str, int | None]
    ) -> dict[str, Any]:
        return await bookings.book(
            self.tx,
            self.viewers[order.name],
            event=event_id,
            number_of_tickets=sum(order.tickets.values()),
            special_requirements=happening.needs.get(order.name, ""),
            ttl_seconds=self.settings.pending_booking_ttl_seconds,
            items=[
                {
                    "ticket_type": types[name],
                    "quantity": number,
                    "attendees": [{"name": each, "email": None} for each in order.attendees.get(name, ())],
                }
                for name, number in order.tickets.items()
            ],
            promo_code=order.promo_code,
        )

    async def _bring_about(self, happening: Happening, event_id: int) -> None:
        """Let the event be where it stands today: cancelled, begun, or over, with what followed from it."""
        organizer = self.viewers[happening.organizer]
        if happening.status == EventStatus.CANCELLED:
            await events.cancel(self.tx, organizer, event_id)
            while await events.cancel_next(self.tx, event_id):
                pass
            await waitlist.close(self.tx, event_id)
        if happening.status in {EventStatus.ONGOING, EventStatus.COMPLETED}:
            start = self._start(happening)
            await self.tx.execute(
                "UPDATE events SET status = 'ongoing', start_date = $2, end_date = $3, registration_deadline = $4 "
                "WHERE id = $1",
                event_id,
                start,
                start + happening.lasts,
                start - timedelta(days=happening.closes_days_before),
            )
            self.tx.record(FactType.EVENT_STARTED, event_id)
        for name in happening.absent.split():
            booking_id = await self.tx.fetch_value(
                "SELECT id FROM bookings WHERE event_id = $1 AND user_id = $2",
                event_id,
                self.viewers[name].id,
            )
            await bookings.mark_no_show(self.tx, organizer, booking_id)
        if happening.status == EventStatus.COMPLETED:
            await events.complete(self.tx, organizer, event_id)
            await certificates.issue(self.tx, event_id)
            await events.survey(self.tx, event_id)
        for days, opinion in enumerate(happening.reviews, start=1):
            await self._review(event_id, opinion, self._start(happening) + happening.lasts, days)

    async def _review(self, event_id: int, opinion: Opinion, end: datetime, days: int) -> None:
        author = self.viewers[opinion.author]
        review = await reviews.write(
            self.tx,
            author,
            event=event_id,
            rating=opinion.rating,
            title=opinion.title,
            review=opinion.review,
            attended=True,
        )
        voters = [viewer for viewer in self.viewers.values() if viewer != author]
        for place, voter in enumerate(voters[: opinion.helpful + opinion.unhelpful]):
            await reviews.vote(self.tx, voter, review["id"], is_helpful=place < opinion.helpful)
        written_at = min(end + timedelta(days=days, hours=days), datetime.now(UTC))
        await self.tx.execute(
            "UPDATE reviews SET created_at = $2, updated_at = $2 WHERE id = $1", review["id"], written_at
        )

    async def _tell_and_read(self) -> None:
        """Welcome everybody who can sign in; what is older than a week they have read."""
        await notifications.notify_many(
            self.tx,
            dict.fromkeys(self.viewers[name].id for name, _, _ in logins()),
            NotificationType.SYSTEM_ANNOUNCEMENT,
            key="demo_welcome",
            title="Welcome to Event Hub",
            message="This is demo data: book, cancel and review as you like.",
        )
        await self.tx.execute(
            "UPDATE notifications SET is_read = true, read_at = created_at + interval '3 hours' "
            "WHERE created_at < now() - interval '7 days'"
        )

    async def _drop_jobs(self) -> None:
        """Leave drawing to the workers: all else is done above, in this very transaction, or is long past.

        So nobody sees the demo half done, is mailed about what was weeks ago, or asks a gateway about transfers.
        """
        await self.tx.flush_jobs()
        await self.tx.execute("DELETE FROM jobs WHERE kind <> $1", RENDER_CERTIFICATE.name)

    def _start(self, happening: Happening) -> datetime:
        day = self.today + timedelta(days=happening.day)
        return datetime.combine(day, time(happening.hour), ZoneInfo(happening.timezone))
