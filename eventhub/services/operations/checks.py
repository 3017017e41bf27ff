"""What must be true of the rows: each check is one statement, and so one snapshot, that finds what is wrong.

Counters change with the rows that they count, in one transaction: no snapshot may show them apart, however busy it is.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from eventhub.database import Row, Transaction
from eventhub.services import certificates, ledger, reviews, seats

Recount = Callable[[Transaction, int], Awaitable[Row | None]]


@dataclass(frozen=True)
class Check:
    """A claim about the rows, and the statement that selects those for which it is not true (limited to $1).

    Where counters can be counted again, `recount` does so for the `subject` (event, user, review, ticket type, promo code)
    whose id the row has as `id`.
    """

    name: str
    claim: str
    wrong: str
    subject: str = ""
    recount: Recount | None = None


COUNTERS = (
    Check(
        "seats",
        "an event counts the seats that its bookings and its reserved ticket types hold, and the people on its waitlist",
        f"""
        SELECT e.id, e.seats_held, coalesce(b.held, 0) + coalesce(r.seats, 0) AS held,
               e.seats_confirmed, coalesce(b.confirmed, 0) AS confirmed, e.waiting_count, coalesce(w.waiting, 0) AS waiting
        FROM events e LEFT JOIN ({seats.HELD}) b ON b.event_id = e.id
        LEFT JOIN ({seats.SET_ASIDE}) r ON r.event_id = e.id LEFT JOIN (
            SELECT event_id, count(*) AS waiting FROM waitlist_entries WHERE status = 'waiting' GROUP BY event_id
        ) w ON w.event_id = e.id
        WHERE (e.seats_held, e.seats_confirmed, e.waiting_count)
            <> (coalesce(b.held, 0) + coalesce(r.seats, 0), coalesce(b.confirmed, 0), coalesce(w.waiting, 0))
        ORDER BY e.id LIMIT $1
        """,
        "event",
        seats.recount,
    ),
    Check(
        "ticket types",
        "a ticket type counts its tickets in pending and confirmed bookings",
        """
        SELECT t.id, t.event_id, t.seats_held, coalesce(b.held, 0) AS held
        FROM ticket_types t LEFT JOIN (
            SELECT i.ticket_type_id, sum(i.quantity) AS held FROM booking_items i JOIN bookings b ON b.id = i.booking_id
            WHERE b.status IN ('pending', 'confirmed') GROUP BY i.ticket_type_id
        ) b ON b.ticket_type_id = t.id
        WHERE t.seats_held <> coalesce(b.held, 0) ORDER BY t.id LIMIT $1
        """,
        "ticket type",
        seats.recount_type,
    ),
    Check(
        "promo codes",
        "a promo code counts its uses in bookings that are not cancelled",
        """
        SELECT c.id, c.event_id, c.uses, coalesce(b.uses, 0) AS booked
        FROM promo_codes c LEFT JOIN (
            SELECT promo_code_id, sum(promo_uses) AS uses FROM bookings WHERE status <> 'cancelled' GROUP BY promo_code_id
        ) b ON b.promo_code_id = c.id
        WHERE c.uses <> coalesce(b.uses, 0) ORDER BY c.id LIMIT $1
        """,
        "promo code",
        seats.recount_code,
    ),
    Check(
        "reviews",
        "an event counts its reviews and their ratings",
        """
        SELECT e.id, e.reviews_count, coalesce(r.reviews, 0) AS reviews, e.rating_sum, coalesce(r.rating, 0) AS rating
        FROM events e LEFT JOIN (
            SELECT event_id, count(*) AS reviews, sum(rating) AS rating FROM reviews GROUP BY event_id
        ) r ON r.event_id = e.id
        WHERE (e.reviews_count, e.rating_sum) <> (coalesce(r.reviews, 0), coalesce(r.rating, 0))
        ORDER BY e.id LIMIT $1
        """,
        "event",
        reviews.recount,
    ),
    Check(
        "votes",
        "a review counts its votes",
        """
        SELECT r.id, r.helpful_count, coalesce(v.helpful, 0) AS helpful, r.unhelpful_count, coalesce(v.unhelpful, 0) AS unhelpful
        FROM reviews r LEFT JOIN (
            SELECT review_id, count(*) FILTER (WHERE is_helpful) AS helpful, count(*) FILTER (WHERE NOT is_helpful) AS unhelpful
            FROM review_votes GROUP BY review_id
        ) v ON v.review_id = r.id
        WHERE (r.helpful_count, r.unhelpful_count) <> (coalesce(v.helpful, 0), coalesce(v.unhelpful, 0))
        ORDER BY r.id LIMIT $1
        """,
        "review",
        reviews.recount_votes,
    ),
    Check(
        "revenue",
        "an event's revenue is the sum of its completed payments",
        """
        SELECT e.id, e.revenue, coalesce(p.paid, 0) AS paid
        FROM events e LEFT JOIN (
            SELECT b.event_id, sum(p.amount) AS paid FROM payments p JOIN bookings b ON b.id = p.booking_id
            WHERE p.status = 'completed' GROUP BY b.event_id
        ) p ON p.event_id = e.id
        WHERE e.revenue <> coalesce(p.paid, 0) ORDER BY e.id LIMIT $1
        """,
        "event",
        ledger.recount_revenue,
    ),
    Check(
        "spent",
        "what a user has spent is the sum of their completed payments",
        """
        SELECT f.user_id AS id, f.total_spent, coalesce(p.paid, 0) AS paid
        FROM profiles f LEFT JOIN (
            SELECT user_id, sum(amount) AS paid FROM payments WHERE status = 'completed' GROUP BY user_id
        ) p USING (user_id)
        WHERE f.total_spent <> coalesce(p.paid, 0) ORDER BY f.user_id LIMIT $1
        """,
        "user",
        ledger.recount_spent,
    ),
    Check(
        "attended",
        "a user was at as many events as they have certificates",
        """
        SELECT f.user_id AS id, f.total_events_attended, coalesce(c.issued, 0) AS certificates
        FROM profiles f LEFT JOIN (
            SELECT user_id, count(*) AS issued FROM certificates GROUP BY user_id
        ) c USING (user_id)
        WHERE f.total_events_attended <> coalesce(c.issued, 0) ORDER BY f.user_id LIMIT $1
        """,
        "user",
        certificates.recount,
    ),
)

# Which document has which number: INV-2026-000012 is the twelfth of its series.
_NUMBERED = """
SELECT id, invoice_number, regexp_replace(invoice_number, '-[0-9]+$', '') AS series,
       substring(invoice_number FROM '[0-9]+$')::bigint AS number FROM invoices
"""
BOOKS = (
    Check(
        "one booking",
        "a user has one booking for an event that is not cancelled",
        """
        SELECT event_id, user_id, array_agg(id ORDER BY id) AS bookings FROM bookings WHERE status <> 'cancelled'
        GROUP BY event_id, user_id HAVING count(*) > 1 ORDER BY 1, 2 LIMIT $1
        """,
    ),
    Check(
        "lines",
        "the lines of a booking, where it has any, add up to its tickets, its price and its discount",
        """
        SELECT b.id, b.is_itemized, b.number_of_tickets, i.tickets, b.total_price, i.total, b.discount, i.discount AS lowered
        FROM bookings b FULL JOIN (
            SELECT booking_id, sum(quantity) AS tickets, sum(total) AS total, sum(discount) AS discount
            FROM booking_items GROUP BY booking_id
        ) i ON i.booking_id = b.id
        WHERE b.is_itemized AND (b.number_of_tickets, b.total_price, b.discount) IS DISTINCT FROM (i.tickets, i.total, i.discount)
           OR b.is_itemized <> (i.booking_id IS NOT NULL) OR b.promo_uses > b.number_of_tickets
        ORDER BY b.id LIMIT $1
        """,
    ),
    Check(
        "lines of the event",
        "a booking's ticket types and its promo code are of its event",
        """
        SELECT b.id, b.event_id, i.ticket_type_id, b.promo_code_id
        FROM bookings b LEFT JOIN booking_items i ON i.booking_id = b.id LEFT JOIN ticket_types t ON t.id = i.ticket_type_id
        LEFT JOIN promo_codes c ON c.id = b.promo_code_id
        WHERE t.event_id <> b.event_id OR c.event_id <> b.event_id ORDER BY b.id LIMIT $1
        """,
    ),
    Check(
        "one payment",
        "a booking has one payment that is pending or completed",
        """
        SELECT booking_id, array_agg(id ORDER BY id) AS payments FROM payments WHERE status IN ('pending', 'completed')
        GROUP BY booking_id HAVING count(*) > 1 ORDER BY 1 LIMIT $1
        """,
    ),
    Check(
        "prices",
        "a payment is its booking's price, by the person who booked",
        """
        SELECT p.id, p.booking_id, p.amount, p.currency, p.user_id, b.total_price, b.currency AS booking_currency,
               b.user_id AS booking_user_id
        FROM payments p JOIN bookings b ON b.id = p.booking_id
        WHERE (p.amount, p.currency, p.user_id) <> (b.total_price, b.currency, b.user_id) ORDER BY p.id LIMIT $1
        """,
    ),
    Check(
        "paid bookings",
        "a completed payment's booking stands, or its owner cancelled it after the registration deadline",
        """
        SELECT p.id, p.booking_id, b.status AS booking_status, b.cancel_reason
        FROM payments p JOIN bookings b ON b.id = p.booking_id JOIN events e ON e.id = b.event_id
        WHERE p.status = 'completed' AND (b.status = 'pending' OR b.status = 'cancelled'
            AND NOT coalesce(b.cancel_reason = 'by_owner' AND b.cancelled_at >= e.registration_deadline, false))
        ORDER BY p.id LIMIT $1
        """,
    ),
    Check(
        "refund states",
        "a payment is refunded exactly where its money is owed, returned, or returned by hand",
        """
        SELECT id, status, refund_state FROM payments WHERE (status = 'refunded') <> (refund_state <> 'none')
        ORDER BY id LIMIT $1
        """,
    ),
    Check(
        "invoices",
        "a completed payment has an invoice of its amount, and no other has one that was not refunded",
        """
        SELECT p.id, p.status, p.amount, p.currency, i.invoice_number, i.amount AS invoiced, i.currency AS invoiced_currency
        FROM payments p LEFT JOIN invoices i ON i.payment_id = p.id AND i.kind = 'invoice'
        WHERE CASE WHEN p.status = 'completed' OR p.status = 'refunded' AND p.processed_at <> p.refunded_at
                   THEN (i.amount, i.currency) IS DISTINCT FROM (p.amount, p.currency)
                   ELSE i.id IS NOT NULL END
        ORDER BY p.id LIMIT $1
        """,
    ),
    Check(
        "credit notes",
        "an invoice has a credit note of its amount exactly where its payment was refunded",
        """
        SELECT p.id, p.status, i.invoice_number, i.amount, c.invoice_number AS credit_note, c.amount AS credited
        FROM payments p JOIN invoices i ON i.payment_id = p.id AND i.kind = 'invoice'
        LEFT JOIN invoices c ON c.payment_id = p.id AND c.kind = 'credit_note'
        WHERE CASE WHEN p.status = 'refunded' THEN (c.amount, c.currency) IS DISTINCT FROM (-i.amount, i.currency)
                   ELSE c.id IS NOT NULL END
        ORDER BY p.id LIMIT $1
        """,
    ),
    Check(
        "invoice lines",
        "the lines of an invoice, and of a credit note, add up to its amount",
        """
        SELECT i.id, i.invoice_number, i.amount, l.total AS lines
        FROM invoices i, LATERAL (
            SELECT sum((line->>'amount')::numeric) AS total FROM jsonb_array_elements(i.lines) AS line
        ) l
        WHERE i.lines IS NOT NULL AND i.amount IS DISTINCT FROM l.total ORDER BY i.id LIMIT $1
        """,
    ),
    Check(
        "numbers",
        "numbers of invoices and of credit notes run from 1 to their counter without a gap",
        f"""
        WITH numbered AS MATERIALIZED ({_NUMBERED}), given AS (
            SELECT series, number FROM invoice_counters, generate_series(1, last_number) AS number
        )
        SELECT series, number, CASE WHEN numbered.id IS NULL THEN 'missing' ELSE 'beyond its counter' END AS what
        FROM given FULL JOIN numbered USING (series, number) WHERE numbered.id IS NULL OR given.number IS NULL
        ORDER BY series, number LIMIT $1
        """,
    ),
    Check(
        "offers",
        "an offer from the waitlist has a pending booking",
        """
        SELECT w.id, w.event_id, w.booking_id, b.status AS booking_status
        FROM waitlist_entries w LEFT JOIN bookings b ON b.id = w.booking_id
        WHERE w.status = 'offered' AND b.status IS DISTINCT FROM 'pending' ORDER BY w.id LIMIT $1
        """,
    ),
    Check(
        "certificates",
        "a certificate belongs to a confirmed booking of a completed event",
        """
        SELECT c.id, c.event_id, c.user_id, e.status AS event_status FROM certificates c JOIN events e ON e.id = c.event_id
        WHERE e.status <> 'completed' OR NOT EXISTS (
            SELECT FROM bookings b WHERE b.event_id = c.event_id AND b.user_id = c.user_id AND b.status = 'confirmed')
        ORDER BY c.id LIMIT $1
        """,
    ),
)

UNNUMBERED_SECONDS = 300.0
FACTS = (
    Check(
        "fact numbers",
        "facts are numbered without a gap, up to the last number that was given out",
        """
        SELECT seq, next AS next_seq FROM (
            SELECT seq, lead(seq, 1, (SELECT seq + 1 FROM fact_cursors WHERE name = 'numbered')) OVER (ORDER BY seq) AS next
            FROM facts WHERE seq IS NOT NULL
        ) AS numbered
        WHERE next IS DISTINCT FROM seq + 1 ORDER BY seq LIMIT $1
        """,
    ),
    Check(
        "facts without number",
        "no fact has been waiting for its number for five minutes",
        f"""
        SELECT id, type, event_id, occurred_at FROM facts
        WHERE seq IS NULL AND occurred_at < now() - make_interval(secs => {UNNUMBERED_SECONDS}) ORDER BY id LIMIT $1
        """,
    ),
)

LATE_SECONDS = 3600.0
DEAD_SECONDS = 600.0
JOBS = (
    Check(
        "late jobs",
        "no job has been due for an hour",
        f"""
        SELECT id, kind, queue, run_at AS due_at, attempts, error FROM jobs
        WHERE state = 'queued' AND run_at < now() - make_interval(secs => {LATE_SECONDS}) ORDER BY run_at LIMIT $1
        """,
    ),
    Check(
        "dead jobs",
        "no job's lease has been over for ten minutes without somebody taking it on",
        f"""
        SELECT id, kind, queue, lease_until, attempts FROM jobs
        WHERE state = 'running' AND lease_until < now() - make_interval(secs => {DEAD_SECONDS})
        ORDER BY lease_until LIMIT $1
        """,
    ),
)
