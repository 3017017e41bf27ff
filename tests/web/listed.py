"""A world in which every list has rows, many of them with equal values."""

from datetime import timedelta

from tests.api import Api, Person
from tests.rows import (
    NOW,
    insert,
    insert_code,
    insert_event,
    insert_notification,
    insert_review,
    insert_users,
)


class World:
    """An admin who sees five of everything, many with equal values; `more` adds one of each."""

    def __init__(self, api: Api, admin: Person) -> None:
        self.api = api
        self.admin = admin
        self.made = 0
        self.event_id = 0

    async def more(self, count: int = 1) -> None:
        database, admin_id = self.api.database, self.admin.id
        users = await insert_users_from(self, count)
        for user_id in users:
            self.made += 1
            some = self.made // 3
            event_id = await insert_event(
                database,
                admin_id,
                title=f"Title {some}",
                start_date=NOW + timedelta(days=some),
                end_date=NOW + timedelta(days=some + 1),
                registration_deadline=NOW,
                created_at=NOW + timedelta(seconds=some),
                price=some,
                description="Findable",
            )
            self.event_id = self.event_id or event_id
            await insert_review(
                database,
                self.event_id,
                user_id,
                rating=some % 5 + 1,
                created_at=NOW + timedelta(seconds=some),
            )
            await insert_review(database, event_id, admin_id, created_at=NOW + timedelta(seconds=some))
            await insert_notification(
                database, admin_id, f"key:{self.made}", created_at=NOW + timedelta(seconds=some)
            )
            session = {"start_time": NOW + timedelta(hours=some), "end_time": NOW + timedelta(hours=some + 1)}
            times = {"created_at": NOW, "updated_at": NOW}
            text = {"title": f"Talk {some}", "description": "", "room_or_link": ""}
            await insert(database, "sessions", {"event_id": self.event_id, **text, **session, **times})
            await insert_code(
                database,
                self.event_id,
                f"{'cC'[self.made % 2]}ode-{self.made}",
                uses=some,
                created_at=NOW + timedelta(seconds=some),
            )
            for booked, who in ((self.event_id, user_id), (event_id, admin_id)):
                booking_id = await insert(
                    database,
                    "bookings",
                    {
                        "event_id": booked,
                        "user_id": who,
                        "status": "confirmed"
                        if booked == self.event_id
                        else ("cancelled", "pending")[some % 2],
                        "number_of_tickets": 1,
                        "total_price": some,
                        "special_requirements": "",
                        "registered_at": NOW + timedelta(seconds=some),
                        "expires_at": NOW + timedelta(days=1),
                    },
                )
                await insert(
                    database,
                    "waitlist_entries",
                    {
                        "event_id": booked,
                        "user_id": who,
                        "status": ("waiting", "offered")[self.made % 4 == 3],
                        "line_number": self.made * 2 + (who == admin_id),
                        "joined_at": NOW + timedelta(seconds=some),
                    },
                )
            await self._more_papers(event_id, booking_id, some)

    async def _more_papers(self, event_id: int, booking_id: int, some: int) -> None:
        """Add what the admin's booking could have led to: a payment, its invoice, a certificate; and a sign-in."""
        database, admin_id, at = self.api.database, self.admin.id, NOW + timedelta(seconds=some)
        payment_id = await insert(
            database,
            "payments",
            {
                "booking_id": booking_id,
                "user_id": admin_id,
                "amount": some,
                "currency": "USD",
                "status": "completed",
                "method": "mock",
                "gateway": "mock",
                "transaction_id": f"EVH-{self.made}",
                "created_at": at,
                "checked_at": at,
            },
        )
        await insert(
            database,
            "invoices",
            {
                "kind": "invoice",
                "invoice_number": f"INV-2026-{self.made:06}",
                "payment_id": payment_id,
                "event_title": "Test Workshop",
                "user_name": "Person 1",
                "tickets": 1,
                "issued_at": at,
                "amount": some,
                "currency": "USD",
            },
        )
        await insert(
            database,
            "certificates",
            {
                "event_id": event_id,
                "user_id": admin_id,
                "certificate_number": f"CERT-{self.made}",
                "hours_completed": 1,
                "skill_tags": "",
                "issued_date": at,
            },
        )
        await insert(
            database,
            "sign_ins",
            {
                "user_id": admin_id,
                "created_at": at,
                "last_used_at": at,
                "expires_at": NOW + timedelta(days=30),
            },
        )


async def insert_users_from(world: World, count: int) -> list[int]:
    """Return the ids of so many more users, pairs of whom joined at the same time."""
    await world.api.database.execute(
        "UPDATE users SET username = 'old' || id, email = id || '@old.example' WHERE id <> $1", world.admin.id
    )
    return await insert_users(world.api.database, count)
