"""Each race test is worth something: on a copy of Event Hub without the guard that it is about, it fails."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
COPIED = ("docs", "eventhub", "migrations", "tests", "pyproject.toml")
TRIES = 3  # a race may end well by luck
RUN_SECONDS = 100

# One at a time: races need the machine.
pytestmark = [pytest.mark.guards, pytest.mark.xdist_group("guards"), pytest.mark.timeout(TRIES * RUN_SECONDS)]


@dataclass(frozen=True)
class Edit:
    """A place where a guard stands, and what stands there without it."""

    file: str
    text: str
    replacement: str = ""


@dataclass(frozen=True)
class Guard:
    """What is taken out, the test that must notice, and words of the failure that show why it did."""

    name: str
    edits: tuple[Edit, ...]
    test: str
    shows: str


_SEATS = "eventhub/services/seats.py"
_ITEMIZED = "eventhub/services/bookings/itemized.py"
_BOOKING_READS = "eventhub/services/bookings/reads.py"
_CONFIRM = "eventhub/services/bookings/confirm.py"
_CANCEL = "eventhub/services/bookings/cancel.py"
_EXPIRE = "eventhub/services/bookings/expire.py"
_PROMOTION = "eventhub/services/waitlist/promotion.py"
_PAYMENT_JOBS = "eventhub/workers/payments.py"
_INVOICES = "eventhub/services/invoices.py"
_AUTH = "eventhub/services/auth.py"
_RECIPIENTS = "eventhub/services/recipients.py"
_LOCKING = "eventhub/services/locking.py"
_JOBS = "eventhub/services/jobs.py"
_TICKET_TYPES = "eventhub/services/ticket_types.py"
_PROMO_CODES = "eventhub/services/promo_codes.py"
_NUMBERING = "eventhub/services/facts/numbering.py"
_SCHEMA = "migrations/models/0_20261123000000_init.py"
_TICKETS_SCHEMA = "migrations/models/9_20261126141956_tickets_and_facts.py"

_CHECK = Edit(
    _SCHEMA,
    'ALTER TABLE "events" ADD CONSTRAINT "events_never_oversold" '
    "CHECK (seats_held BETWEEN 0 AND max_attendees);\n",
)
_ROOM_LEFT = "AND e.seats_held + e.waiting_count + asked.tickets <= e.max_attendees"
_TYPE_ROOM = Edit(_SEATS, " AND (t.seats_held + line.quantity <= t.capacity) IS NOT FALSE")
_ONE_ACTIVE = Edit(_SCHEMA, 'CREATE UNIQUE INDEX "bookings_one_active"', 'CREATE INDEX "bookings_one_active"')
_EVENT_LOCK = Edit(_LOCKING, 'WHERE e.id = $1 FOR NO KEY UPDATE"', 'WHERE e.id = $1"')
_BOOKING_LOCK = Edit(_LOCKING, 'WHERE id = $1) FOR NO KEY UPDATE"', 'WHERE id = $1)"')
# The booking's own row is locked behind its event's: each holds the race off alone.
_BOOKING_LOCKS = (
    _BOOKING_LOCK,
    Edit(_BOOKING_READS, 'FROM bookings WHERE id = $1 FOR NO KEY UPDATE"', 'FROM bookings WHERE id = $1"'),
    Edit(_EXPIRE, 'AND expires_at <= now() FOR NO KEY UPDATE"', 'AND expires_at <= now()"'),
)
_PAYMENT_LOCKS = (
    Edit(_LOCKING, "ORDER BY e.id FOR NO KEY UPDATE\n", "ORDER BY e.id\n"),
    Edit(_LOCKING, 'f"{_LOCK_EVENTS} SKIP LOCKED"', "_LOCK_EVENTS"),
    Edit(_LOCKING, "\nORDER BY id FOR NO KEY UPDATE\n", "\nORDER BY id\n"),
    Edit(_LOCKING, "ANY($2::bigint[]) ORDER BY id FOR NO KEY UPDATE\n", "ANY($2::bigint[])\n"),
)
_REFUND_LOCKS = (
    _BOOKING_LOCK,
    *_PAYMENT_LOCKS,
    Edit(
        _CANCEL,
        "AND status IN ('pending', 'completed') FOR NO KEY UPDATE",
        "AND status IN ('pending', 'completed')",
    ),
)
_USERS_LOCK = Edit(_AUTH, 'ORDER BY id FOR NO KEY UPDATE"', 'ORDER BY id"')
_TOTALS_LOCK = Edit(_LOCKING, "    await tx.execute(_LOCK_PROFILES, list(user_ids))\n")
# Ends a booking once: of two refunds, it holds the second off by itself, whatever else is locked.
_CANCEL_STATES = Edit(
    _CANCEL,
    "WHERE id = $1 AND status IN ('pending', 'confirmed') RETURNING id\n",
    "WHERE id = $1 RETURNING id\n",
)

GUARDS = [
    Guard(
        "a booking takes seats though none are left",
        (Edit(_SEATS, _ROOM_LEFT), _CHECK),
        "test_last_seats.py::test_400_people_on_50_seats_get_exactly_50_tickets",
        "Counter({201: 400})",
    ),
    Guard(
        "booking leaves it to the constraint",
        (Edit(_SEATS, _ROOM_LEFT),),
        "test_last_seats.py::test_400_people_on_50_seats_get_exactly_50_tickets",
        "500: ",
    ),
    Guard(
        "booking reads what is left before it takes",
        (
            Edit(
                _SEATS,
                _ROOM_LEFT,
                "AND (SELECT seats_held + waiting_count FROM events WHERE id = asked.event) + asked.tickets <= e.max_attendees",
            ),
            _CHECK,
        ),
        "test_last_seats.py::test_orders_of_several_tickets_fill_an_event_to_the_last_seat_and_no_further",
        "== 50",
    ),
    Guard(
        "one active booking per user and event",
        (_ONE_ACTIVE,),
        "test_last_seats.py::test_30_identical_bookings_of_one_user_make_one",
        "Counter({201: 30})",
    ),
    Guard(
        "cancelling locks the event and looks at the state",
        (*_BOOKING_LOCKS, _CANCEL_STATES),
        "test_bookings_end_once.py::test_20_cancels_at_once_give_the_seats_back_once",
        "500: ",
    ),
    Guard(
        "confirming locks the event and looks at the state",
        (
            *_BOOKING_LOCKS,
            Edit(_CONFIRM, "AND status = 'pending' AND (total_price = 0", "AND (total_price = 0"),
        ),
        "test_bookings_end_once.py::test_20_confirmations_at_once_count_once",
        "500: ",
    ),
    Guard(
        "cancelling locks the event: confirmed meanwhile",
        (*_BOOKING_LOCKS,),
        "test_bookings_end_once.py::test_cancels_raced_with_confirmations_leave_no_seat_behind",
        "500: ",
    ),
    Guard(
        "a no-show locks the event",
        (*_BOOKING_LOCKS,),
        "test_bookings_end_once.py::test_20_no_shows_at_once_give_the_seats_back_once",
        "500: ",
    ),
    Guard(
        "a no-show locks the event: cancelled meanwhile",
        (*_BOOKING_LOCKS,),
        "test_bookings_end_once.py::test_a_no_show_raced_with_a_cancel_is_one_or_the_other",
        "Counter",
    ),
    Guard(
        "expiry locks the event: confirmed meanwhile",
        (*_BOOKING_LOCKS,),
        "test_bookings_end_once.py::test_a_hold_that_runs_out_is_expired_or_answered_never_both[confirm]",
        "CheckViolationError",
    ),
    Guard(
        "expiry locks the event and looks at the state",
        (*_BOOKING_LOCKS, _CANCEL_STATES),
        "test_bookings_end_once.py::test_one_hold_expired_by_ten_jobs_gives_its_seats_back_once",
        "CheckViolationError",
    ),
    Guard(
        "a change of capacity locks the event",
        (_EVENT_LOCK,),
        "test_capacity_changes.py::test_fewer_seats_while_people_book_are_refused_or_kept_to",
        "500",
    ),
    Guard(
        "promotion locks the event",
        (_EVENT_LOCK,),
        "test_waitlist.py::test_ten_promotions_at_once_serve_each_in_line_once",
        "CheckViolationError",
    ),
    Guard(
        "leaving locks the event",
        (_EVENT_LOCK,),
        "test_waitlist.py::test_one_who_leaves_ten_times_leaves_once",
        "500: ",
    ),
    Guard(
        "publishing locks the event",
        (_EVENT_LOCK,),
        "test_event_moves.py::test_of_ten_who_publish_at_once_one_does",
        "Counter({200: 10})",
    ),
    Guard(
        "adding to a programme locks the event",
        (_EVENT_LOCK,),
        "test_event_moves.py::test_of_sessions_added_at_once_those_are_made_that_the_programme_has_room_for",
        "201: 20",
    ),
    Guard(
        "deleting locks the event",
        (_EVENT_LOCK,),
        "test_event_moves.py::test_an_event_is_deleted_or_booked_never_both[last]",
        "500",
    ),
    Guard(
        "completing and cancelling lock the event",
        (_EVENT_LOCK,),
        "test_event_moves.py::test_an_event_completed_and_cancelled_at_once_is_one_of_them",
        "Counter",
    ),
    Guard(
        "waitlist numbers are given out on the event's row",
        (
            Edit(
                _SEATS,
                "last_line_number = last_line_number + 1",
                "last_line_number = (SELECT max(line_number) + 1 FROM waitlist_entries WHERE event_id = $1)",
            ),
        ),
        "test_waitlist.py::test_60_people_who_join_at_once_stand_at_positions_1_to_60",
        "500",
    ),
    Guard(
        "one open waitlist entry per user and event",
        (Edit(_SCHEMA, 'CREATE UNIQUE INDEX "waitlist_one_open"', 'CREATE INDEX "waitlist_one_open"'),),
        "test_waitlist.py::test_20_identical_joins_of_one_user_make_one_entry",
        "Counter({201: 20})",
    ),
    Guard(
        "promotion passes over who has booked",
        (
            _ONE_ACTIVE,
            Edit(_PROMOTION, "    ON CONFLICT (event_id, user_id) WHERE status <> 'cancelled' DO NOTHING\n"),
        ),
        "test_waitlist.py::test_who_joins_and_books_at_once_gets_one_seat",
        "== [1] * 10",
    ),
    Guard(
        "promotion goes by the waitlist numbers",
        (Edit(_PROMOTION, "ORDER BY w.line_number LIMIT $2\n", "ORDER BY w.line_number DESC LIMIT $2\n"),),
        "test_waitlist.py::test_seats_that_come_free_go_to_the_waitlist_in_order_while_others_try_to_book",
        "Extra items in the left set",
    ),
    Guard(
        "booking leaves seats to the waitlist",
        (Edit(_SEATS, _ROOM_LEFT, "AND seats_held + $2 <= max_attendees"),),
        "test_waitlist.py::test_seats_that_come_free_go_to_the_waitlist_in_order_while_others_try_to_book",
        "201",
    ),
    Guard(
        "booking leaves new seats to the waitlist",
        (Edit(_SEATS, _ROOM_LEFT, "AND seats_held + $2 <= max_attendees"),),
        "test_capacity_changes.py::test_more_seats_while_people_wait_go_to_the_waitlist_and_not_to_new_bookings",
        "201",
    ),
    Guard(
        "booking asks whether the event is cancelled",
        (
            Edit(
                _SEATS,
                "WHERE e.id = asked.event AND e.status = 'published' AND e.is_selling AND e.registration_deadline > now()\n  AND",
                "WHERE e.id = asked.event\n  AND",
            ),
        ),
        "test_event_moves.py::test_an_event_cancelled_while_people_book_and_join_keeps_nobody_and_tells_each_once",
        "201: ",
    ),
    Guard(
        "joining asks whether the event is cancelled",
        (
            Edit(
                _SEATS,
                "WHERE id = $1 AND status = 'published' AND is_selling AND registration_deadline > now() AND is_standard_on_sale\nRETURNING",
                "WHERE id = $1\nRETURNING",
            ),
        ),
        "test_event_moves.py::test_nobody_joins_a_cancelled_event_while_its_seats_are_not_back_yet",
        "201: 5",
    ),
    Guard(
        "a booking with items locks the event",
        (Edit(_ITEMIZED, "    await locking.lock_event(tx, event_id)\n"),),
        "test_last_tickets.py::test_orders_of_several_lines_fill_types_and_event_to_the_last_and_no_further",
        "500: ",
    ),
    Guard(
        "a booking with items takes tickets of a type though none are left",
        (
            _TYPE_ROOM,
            Edit(
                _TICKETS_SCHEMA,
                '    CONSTRAINT "ticket_types_never_oversold" '
                "CHECK (seats_held BETWEEN 0 AND coalesce(capacity, 1000000)),\n",
            ),
        ),
        "test_last_tickets.py::test_orders_of_several_lines_fill_types_and_event_to_the_last_and_no_further",
        "201: 25",
    ),
    Guard(
        "a booking with items leaves the types to the constraint",
        (_TYPE_ROOM,),
        "test_last_tickets.py::test_orders_of_several_lines_fill_types_and_event_to_the_last_and_no_further",
        "500: ",
    ),
    Guard(
        "a booking with items leaves the event to the constraint",
        (Edit(_SEATS, "      AND ($2 = 0 OR e.seats_held + e.waiting_count + $2 <= e.max_attendees)\n"),),
        "test_last_tickets.py::test_400_people_on_50_seats_of_three_types_get_exactly_50_and_no_type_sells_too_many",
        "500: ",
    ),
    Guard(
        "a booking with items leaves the uses of a code to the constraint",
        (Edit(_SEATS, " AND (c.uses + $7 <= c.max_uses) IS NOT FALSE"),),
        "test_last_tickets.py::test_100_people_at_once_use_a_code_as_often_as_it_may_be_and_a_cancel_frees_a_use",
        "500: ",
    ),
    Guard(
        "a booking with items is made at the type's present price",
        (Edit(_SEATS, "{TERMS_OF_TYPE} = line.terms AND "),),
        "test_last_tickets.py::test_a_price_that_changes_while_people_book_is_what_they_pay[type]",
        "2.50",
    ),
    Guard(
        "a booking with items is made with the code's present value",
        (Edit(_SEATS, "c.id = $5 AND {TERMS_OF_CODE} = $6 AND", "c.id = $5 AND $6::text IS NOT NULL AND"),),
        "test_last_tickets.py::test_a_price_that_changes_while_people_book_is_what_they_pay[code]",
        "2.50",
    ),
    Guard(
        "a booking with items is made at the event's present price",
        (Edit(_SEATS, "e.id = $1 AND {TERMS_OF_EVENT} = $4", "e.id = $1 AND $4::text IS NOT NULL"),),
        "test_last_tickets.py::test_a_price_that_changes_while_people_book_is_what_they_pay[event]",
        "2.50",
    ),
    Guard(
        "a booking with items asks whether its owner waits",
        (
            Edit(
                _SEATS,
                "      AND NOT EXISTS (\n          SELECT FROM waitlist_entries w WHERE w.event_id = $1 "
                "AND w.user_id = $3 AND w.status = 'waiting')\n    RETURNING e.id, e.title",
                "    RETURNING e.id, e.title",
            ),
        ),
        "test_last_tickets.py::test_who_joins_and_books_items_at_once_holds_one_place",
        " == 10",
    ),
    Guard(
        "ending a booking with items locks the event and looks at the state",
        (*_BOOKING_LOCKS, _CANCEL_STATES),
        "test_last_tickets.py::test_whatever_ends_a_booking_with_items_gives_all_of_it_back_once",
        "{0, 200, 500}",
    ),
    Guard(
        "one active payment per booking",
        (Edit(_SCHEMA, 'CREATE UNIQUE INDEX "payments_one_active"', 'CREATE INDEX "payments_one_active"'),),
        "test_money.py::test_of_twenty_payments_for_a_booking_at_once_one_is_made",
        "Counter({201: 20})",
    ),
    Guard(
        "refunding locks event, booking and payment, and ends an active booking alone",
        (*_REFUND_LOCKS, _CANCEL_STATES),
        "test_money.py::test_refunds_and_cancellations_at_once_give_the_money_back_once",
        "500",
    ),
    Guard(
        "a lost dispute locks event, booking and payment, and ends an active booking alone",
        (*_REFUND_LOCKS, _CANCEL_STATES),
        "test_disputes.py::test_a_lost_dispute_against_our_own_refund_returns_the_money_once",
        "500",
    ),
    Guard(
        "recording a transfer locks event, booking and payment",
        _REFUND_LOCKS,
        "test_money.py::test_a_transfer_recorded_by_many_at_once_is_completed_with_one_invoice",
        "500",
    ),
    Guard(
        "the next payment voids the one before first",
        (Edit(_PAYMENT_JOBS, "        await _void_others(context, payment_id)\n", "        pass\n"),),
        "test_money.py::test_switching_the_method_while_the_first_is_charged_charges_one_of_both",
        "refunded",
    ),
    Guard(
        "invoice numbers are given out on the counter's row",
        (
            Edit(
                _INVOICES,
                "last_number = invoice_counters.last_number + excluded.last_number",
                "last_number = (SELECT last_number FROM invoice_counters c WHERE c.series = excluded.series)"
                " + excluded.last_number",
            ),
        ),
        "test_money.py::test_payments_settled_at_once_are_numbered_without_gaps_at_the_first_try",
        "invoices_number",
    ),
    Guard(
        "admins take rights one at a time",
        # Whoever comes second waits for the first here or there: each holds the race off alone.
        (
            _USERS_LOCK,
            Edit(_AUTH, 'await tx.execute("SELECT pg_advisory_xact_lock($1)", RIGHTS_LOCK)', "pass"),
        ),
        "test_rights.py::test_of_two_admins_who_take_each_others_rights_at_once_one_is_left[role]",
        "Counter({200: 2})",
    ),
    Guard(
        "admins take rights by what the rows say",
        (Edit("eventhub/web/call.py", "if self.route.is_sensitive:", "if not self.route:"),),
        "test_rights.py::test_of_two_admins_who_take_each_others_rights_at_once_one_is_left[active]",
        "Counter({200: 2})",
    ),
    Guard(
        "handing over locks the new organizer",
        (Edit("eventhub/web/events.py", "call.transaction(changing=organizer)", "call.transaction()"),),
        "test_rights.py::test_an_event_handed_to_an_organizer_who_is_deactivated_meanwhile_does_not_sell",
        "True) == (",
    ),
    Guard(
        "ending sign-ins locks the user",
        (_USERS_LOCK,),
        "test_rights.py::test_of_sign_ins_that_end_all_others_at_once_one_is_left",
        "Counter",
    ),
    Guard(
        "one clock looks for what is owed at a time",
        (
            Edit(
                "eventhub/services/promises.py",
                '"SELECT pg_try_advisory_xact_lock($1, hashtext($2))"',
                '"SELECT $1::int IS NOT NULL OR $2::text IS NULL"',
            ),
        ),
        "test_promises.py::test_a_clock_that_looked_while_another_had_a_mail_sent_has_none_sent_again",
        "[1, 1]",
    ),
    Guard(
        "mails to one address take their places one by one",
        (
            Edit(
                _RECIPIENTS,
                '    await tx.execute("SELECT pg_advisory_xact_lock($1, hashtext(lower($2)))", _LOCK, address)\n',
            ),
        ),
        "test_mail_budget.py::test_of_the_mails_that_leave_at_once_an_address_gets_as_many_as_it_may",
        "== 5",
    ),
    Guard(
        "refunds of several people lock their totals in one order",
        (_TOTALS_LOCK,),
        "test_deadlocks.py::test_two_events_that_share_their_payers_are_cancelled_side_by_side",
        "DeadlockDetectedError",
    ),
    Guard(
        "certificates of several people lock their totals in one order",
        (_TOTALS_LOCK,),
        "test_deadlocks.py::test_two_events_that_share_their_attendees_give_certificates_side_by_side",
        "deadlock detected",
    ),
    Guard(
        "a clock that was cut off judges nobody",
        (Edit("eventhub/workers/clock.py", "if own.is_steady and (orphaned", "if (orphaned"),),
        "test_dead_workers.py::test_after_an_outage_nobody_is_dead_until_all_had_the_time_to_be_heard",
        "assert 1 == 0",
    ),
    Guard(
        "a mail leaves only where the job is still the worker's",
        (Edit("eventhub/workers/outgoing.py", "    await context.hold()\n"),),
        "test_dead_workers.py::test_a_worker_that_was_frozen_before_its_mail_left_does_not_send_it_beside_another",
        "['Hello', 'Hello']",
    ),
    Guard(
        "who holds on to a job is heard",
        (Edit(_JOBS, "WHERE id = $4 AND seen_at", "WHERE id = $4 AND false AND seen_at"),),
        "test_dead_workers.py::test_a_worker_that_sends_after_it_was_frozen_is_heard_by_that",
        "assert 1 == 0",
    ),
    Guard(
        "a lease that was renewed meanwhile is not ended",
        (Edit(_JOBS, " AND silent.lease_until = jobs.lease_until"),),
        "test_dead_workers.py::test_a_clock_that_saw_a_worker_silent_leaves_it_what_it_held_on_to_meanwhile",
        "assert 1 == 0",
    ),
    Guard(
        "making a ticket type locks the event: a name is looked for",
        (
            _EVENT_LOCK,
            Edit(
                _TICKETS_SCHEMA,
                'CREATE UNIQUE INDEX IF NOT EXISTS "ticket_types_name"',
                'CREATE INDEX IF NOT EXISTS "ticket_types_name"',
            ),
        ),
        "test_ticket_types.py::test_20_types_of_one_name_at_once_are_one",
        "Counter({201: ",
    ),
    Guard(
        "making a ticket type leaves its name to the index",
        (_EVENT_LOCK,),
        "test_ticket_types.py::test_20_types_of_one_name_at_once_are_one",
        "500: ",
    ),
    Guard(
        "making a ticket type locks the event: they are counted",
        (_EVENT_LOCK,),
        "test_ticket_types.py::test_of_20_at_once_those_beyond_the_50th_are_refused",
        "Counter({201: ",
    ),
    Guard(
        "seats are set aside though none are left",
        (Edit(_SEATS, "AND $2 <= max_attendees - seats_held - waiting_count"), _CHECK),
        "test_ticket_types.py::test_the_last_seats_are_booked_or_set_aside",
        '>       assert seats["seats_held"] == sold',
    ),
    Guard(
        "changing a ticket type locks the event: another capacity was stored meanwhile",
        (_EVENT_LOCK, _CHECK),
        "test_ticket_types.py::test_capacities_that_change_at_once_leave_no_seat_behind",
        '>       assert seats["seats_held"] == seats["reserved"]',
    ),
    Guard(
        "changing a ticket type locks the event: tickets were booked meanwhile",
        (_EVENT_LOCK,),
        "test_ticket_types.py::test_a_capacity_that_sinks_while_people_book_is_kept_to_or_refused",
        ", 500} <= {",
    ),
    Guard(
        "a ticket type is read again once its event is locked",
        (
            Edit(
                _TICKET_TYPES,
                """    event = await _lock_open_event(tx, viewer, (await get(tx, viewer, type_id))["event"])
    stored = await tx.fetch_one("SELECT * FROM ticket_types WHERE id = $1", type_id)
""",
                """    seen = await get(tx, viewer, type_id)
    stored = await tx.fetch_one("SELECT * FROM ticket_types WHERE id = $1", type_id)
    event = await _lock_open_event(tx, viewer, seen["event"])
""",
            ),
            _CHECK,
        ),
        "test_ticket_types.py::test_capacities_that_change_at_once_leave_no_seat_behind",
        '>       assert seats["seats_held"] == seats["reserved"]',
    ),
    Guard(
        "making a promo code leaves it to the index whether there is one like it",
        (Edit(_PROMO_CODES, "ON CONFLICT (event_id, lower(code)) DO NOTHING\n"),),
        "test_promo_codes.py::test_20_codes_that_read_alike_at_once_are_one",
        "500: ",
    ),
    Guard(
        "making promo codes locks the event: they are counted",
        (_EVENT_LOCK,),
        "test_promo_codes.py::test_of_batches_at_once_none_goes_beyond_the_ten_thousandth_code",
        "Counter({201: ",
    ),
    Guard(
        "changing a promo code locks the event: somebody uses it meanwhile",
        (_EVENT_LOCK,),
        "test_promo_codes.py::test_a_code_is_lowered_to_fewer_uses_or_used_at_once_but_never_overused",
        "500: ",
    ),
    Guard(
        "deleting a promo code locks the event: somebody uses it meanwhile",
        (_EVENT_LOCK,),
        "test_promo_codes.py::test_a_code_is_deleted_or_used_but_not_both",
        "500: ",
    ),
    Guard(
        "a promo code is read again once its event is locked",
        (
            Edit(
                _PROMO_CODES,
                """    event = await _lock_to_change(tx, viewer, event_id or 0)
    code = await tx.fetch_one("SELECT * FROM promo_codes WHERE id = $1", code_id)
""",
                """    code = await tx.fetch_one("SELECT * FROM promo_codes WHERE id = $1", code_id)
    event = await _lock_to_change(tx, viewer, event_id or 0)
""",
            ),
        ),
        "test_promo_codes.py::test_changes_at_once_leave_terms_that_fit_together",
        "500: ",
    ),
    Guard(
        "counters are counted again under the lock of who changes them",
        (
            Edit(
                "eventhub/services/operations/doctor.py",
                "await _LOCKS[check.subject](tx, subject_id)",
                "pass",
            ),
        ),
        "test_recounts.py::test_a_recount_waits_for_who_changes_what_is_counted[seats]",
        "Verdict.WRONG",
    ),
    Guard(
        "facts are numbered after their commit, not by what their transactions drew",
        (
            Edit(_NUMBERING, "SET seq = last.seq + oldest.place,", "SET seq = facts.id,"),
            Edit(
                _NUMBERING,
                "SET seq = seq + (SELECT count(*) FROM numbered)",
                "SET seq = greatest(seq, (SELECT max(id) FROM numbered))",
            ),
        ),
        "test_facts.py::test_each_fact_is_seen_once_in_order_and_none_is_missed",
        "AssertionError: missed ",
    ),
    Guard(
        "one at a time numbers facts",
        (
            Edit(
                _NUMBERING,
                'if not await tx.fetch_value("SELECT pg_try_advisory_xact_lock($1)", NUMBERING_LOCK):',
                "if not NUMBERING_LOCK:",
            ),
        ),
        "test_facts.py::test_each_fact_is_seen_once_in_order_and_none_is_missed",
        "AssertionError: ",
    ),
]


def test_race_tests_pass_on_an_unchanged_copy(tmp_path: Path) -> None:
    copy = _copy(tmp_path)
    code, output = _run(copy, "test_last_seats.py::test_30_identical_bookings_of_one_user_make_one")
    assert code == 0, output


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name.replace(" ", "-"))
def test_a_race_is_lost_without_its_guard(guard: Guard, tmp_path: Path) -> None:
    copy = _copy(tmp_path)
    for edit in guard.edits:
        _take_out(copy, edit)
    for _ in range(TRIES):
        code, output = _run(copy, guard.test)
        if code == 1 and "1 failed" in output.splitlines()[-1] and guard.shows in output:
            return
    pytest.fail(f"{guard.test} did not show {guard.shows!r} in {TRIES} tries without: {guard.name}\n{output}")


def _copy(folder: Path) -> Path:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    return folder


def _take_out(copy: Path, edit: Edit) -> None:
    path = copy / edit.file
    source = path.read_text()
    assert source.count(edit.text) == 1, f"{edit.file} has not once: {edit.text}"
    path.write_text(source.replace(edit.text, edit.replacement))


def _run(copy: Path, test: str) -> tuple[int, str]:
    """Run one race test in the copy; return (pytest's exit code, what it printed)."""
    with tempfile.TemporaryDirectory(prefix="guard-", ignore_cleanup_errors=True) as short:
        return _run_in(copy, test, short)


def _run_in(copy: Path, test: str, folder: str) -> tuple[int, str]:
    # A folder of its own: pytest takes the rights of others off the one that it shares, under which the servers of
    # the run around this one lie. And a short one, for the names of sockets.
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"tests/races/{test}"],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy), "PYTEST_ADDOPTS": "", "TMPDIR": folder},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        output, _ = process.communicate(timeout=RUN_SECONDS)
    except BaseException:
        process.send_signal(signal.SIGINT)  # its fixtures end the cluster and the servers
        process.communicate(timeout=RUN_SECONDS)
        raise
    return process.returncode, output
