"""Payments that nobody waits for any longer: a job makes sure that no money can come for them any more.

`void_since` stands on a payment's row from then until its gateway has said so. Bookings and payments end in this way
alike, so this module knows neither.
"""

from eventhub.database import Transaction
from eventhub.models.facts import FactType
from eventhub.models.jobs import PROCESS_PAYMENT, VOID_PAYMENT
from eventhub.services.promises import Promise

VOID_AGAIN_SECONDS = 600.0
# After which a gateway that neither voids a payment nor tells of money keeps no seats any more.
GIVE_UP_SECONDS = 86_400.0

TO_VOID = Promise(
    VOID_PAYMENT,
    "SELECT id AS payment_id FROM payments WHERE void_since IS NOT NULL ORDER BY void_since",
)
# A pending booking's payment ends with the booking's hold.
OVERDUE = Promise(
    VOID_PAYMENT,
    """
    SELECT p.id AS payment_id FROM payments p JOIN bookings b ON b.id = p.booking_id
    WHERE p.status = 'pending' AND p.wait_until <= now() AND b.status <> 'pending'
    ORDER BY p.id
    """,
)


async def void(tx: Transaction, payment_id: int) -> None:
    """Let a job void a payment at its gateway, and look for money that came; a pending payment stays so until then."""
    await tx.execute("UPDATE payments SET void_since = coalesce(void_since, now()) WHERE id = $1", payment_id)
    tx.enqueue(VOID_PAYMENT, payment_id=payment_id)


async def end(tx: Transaction, payment_id: int) -> None:
    """End a pending payment at once; a job voids it at its gateway, and money that comes all the same is seen to."""
    await give_up(tx, payment_id)
    tx.enqueue(VOID_PAYMENT, payment_id=payment_id)


async def give_up(tx: Transaction, payment_id: int) -> None:
    """End a pending payment that its gateway has not voided in time; the job that is voiding it goes on."""
    payment = await tx.fetch_one(_GIVE_UP, payment_id)
    if payment is not None:
        about = {name: payment[name] for name in ("payment", "booking", "amount", "currency")}
        tx.record(FactType.PAYMENT_CANCELLED, payment["event_id"], payment["user_id"], **about)


_GIVE_UP = """
UPDATE payments p SET status = 'cancelled', processed_at = now(), checkout_url = NULL,
                      void_since = coalesce(p.void_since, now())
FROM bookings b WHERE p.id = $1 AND p.status = 'pending' AND b.id = p.booking_id
RETURNING p.id AS payment, p.booking_id AS booking, p.amount, p.currency, p.user_id, b.event_id
"""


async def void_overdue(tx: Transaction, booking_id: int) -> bool:
    """Whether a payment under way keeps a booking (locked) whose own hold is over.

    A payment that has had its time is voided by a job, and the outcome decides: the booking is kept until then, for a
    day at most. A payment that no job has taken to its gateway yet has as long: it is not the payer who is late.
    """
    payment = await tx.fetch_one(_UNDER_WAY, booking_id, GIVE_UP_SECONDS)
    if payment is None:
        return False
    if payment["is_given_up"]:
        await give_up(tx, payment["id"])
        return False
    if not payment["has_time"]:
        # Else the clock would pull the job forward that backs off while the gateway is away.
        await tx.execute(
            "UPDATE payments SET wait_until = now() + make_interval(secs => $2) WHERE id = $1",
            payment["id"],
            VOID_AGAIN_SECONDS,
        )
        if not payment["is_being_voided"] and not payment["is_new"]:
            await void(tx, payment["id"])
    return True


_UNDER_WAY = f"""
SELECT id, wait_until IS NOT NULL AND wait_until > now() AS has_time,
       EXISTS (SELECT FROM jobs
               WHERE unique_key = {VOID_PAYMENT.key_sql("payments.id")} AND state = 'queued') AS is_being_voided,
       coalesce(void_since < now() - make_interval(secs => $2), false) AS is_given_up,
       created_at > now() - make_interval(secs => $2) AND checked_at = created_at
           AND EXISTS (SELECT FROM jobs WHERE unique_key = {PROCESS_PAYMENT.key_sql("payments.id")}
                       AND state IN ('queued', 'running')) AS is_new
FROM payments WHERE booking_id = $1 AND status = 'pending' FOR NO KEY UPDATE
"""
