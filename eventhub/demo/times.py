"""When the demo's bookings, payments and reviews happened: all are written at one moment, and then spread over weeks."""

# Later statements build on earlier ones.
SPREAD_OVER_TIME = (
    "UPDATE notifications SET mail_owed = false",
    "UPDATE invoices SET mail_owed = false",
    """
    UPDATE users SET date_joined = now() - make_interval(days => 90, hours => 6) + make_interval(mins => 47 * id::int)
    """,
    """
    UPDATE events SET created_at = least(start_date, now()) - make_interval(days => 18, hours => (id % 9)::int)
    """,
    """
    UPDATE events SET updated_at = CASE status WHEN 'completed' THEN end_date WHEN 'ongoing' THEN start_date
                                               WHEN 'cancelled' THEN now() ELSE created_at END
    """,
    """
    UPDATE sessions s SET created_at = e.created_at, updated_at = e.created_at FROM events e WHERE e.id = s.event_id
    """,
    """
    UPDATE bookings b SET registered_at = least(e.registration_deadline, now()) - place * interval '19 hours'
    FROM (SELECT id, row_number() OVER (PARTITION BY event_id ORDER BY id DESC) AS place FROM bookings) places
    JOIN bookings USING (id) JOIN events e ON e.id = bookings.event_id
    WHERE b.id = places.id AND b.status <> 'pending'
    """,
    """
    UPDATE bookings SET confirmed_at = registered_at + CASE WHEN total_price > 0 THEN interval '2 hours'
                                                            ELSE interval '2 seconds' END
    WHERE confirmed_at IS NOT NULL
    """,
    """
    UPDATE bookings b SET cancelled_at = b.registered_at + interval '5 hours'
    FROM events e WHERE e.id = b.event_id AND b.cancelled_at IS NOT NULL AND e.status <> 'cancelled'
    """,
    """
    UPDATE payments p SET created_at = b.registered_at + interval '4 minutes', processed_at = b.confirmed_at,
                          refunded_at = CASE WHEN p.refunded_at IS NOT NULL THEN b.cancelled_at END,
                          refund_state = CASE WHEN p.refunded_at IS NOT NULL THEN 'returned' ELSE p.refund_state END
    FROM bookings b WHERE b.id = p.booking_id
    """,
    """
    UPDATE invoices i SET issued_at = CASE WHEN i.kind = 'invoice' THEN p.processed_at ELSE p.refunded_at END
    FROM payments p WHERE p.id = i.payment_id
    """,
    """
    UPDATE certificates c SET issued_date = e.end_date + interval '1 minute' FROM events e WHERE e.id = c.event_id
    """,
    """
    UPDATE waitlist_entries SET joined_at = now() - interval '16 hours' + line_number * interval '50 minutes'
    """,
    """
    UPDATE notifications n SET created_at = b.confirmed_at
    FROM bookings b WHERE n.key = 'booking_confirmation:' || b.id
    """,
    """
    UPDATE notifications n SET created_at = p.processed_at
    FROM payments p WHERE n.key = 'payment_received:' || p.id
    """,
    """
    UPDATE notifications n SET created_at = p.refunded_at
    FROM payments p WHERE n.key = 'payment_refunded:' || p.id
    """,
    """
    UPDATE notifications n SET created_at = e.end_date + interval '1 minute'
    FROM events e WHERE e.id = n.event_id AND e.status = 'completed'
      AND n.notification_type = 'system_announcement'
    """,
    # Written anew in the order of their times, because that is the order of their numbers.
    """
    WITH told AS (
        DELETE FROM facts RETURNING *
    ), dated AS (
        SELECT told.*, coalesce(CASE
            WHEN told.type = 'booking.created' THEN b.registered_at
            WHEN told.type = 'booking.confirmed' THEN b.confirmed_at
            WHEN told.type IN ('booking.cancelled', 'booking.expired') THEN b.cancelled_at
            WHEN told.type = 'payment.created' THEN p.created_at
            WHEN told.type IN ('payment.refunded', 'payment.returned') OR told.data->>'kind' = 'credit_note' THEN p.refunded_at
            WHEN told.type LIKE 'payment.%' OR told.type = 'invoice.issued' THEN p.processed_at
            WHEN told.type = 'waitlist.joined' THEN w.joined_at
            WHEN told.type LIKE 'waitlist.%' THEN coalesce(w.ended_at, w.notified_at)
            WHEN told.type LIKE 'review.%' THEN r.created_at
            WHEN told.type = 'event.started' OR told.type = 'booking.no_show' THEN e.start_date
            WHEN told.type = 'event.completed' THEN e.end_date
            WHEN told.type LIKE 'certificate.%' THEN e.end_date + interval '1 minute'
            WHEN told.type <> 'event.cancelled' THEN e.created_at
        END, told.occurred_at) AS happened_at
        FROM told JOIN events e ON e.id = told.event_id
        LEFT JOIN bookings b ON b.id = (told.data->>'booking')::bigint
        LEFT JOIN payments p ON p.id = (told.data->>'payment')::bigint
        LEFT JOIN waitlist_entries w ON w.id = (told.data->>'waitlist_entry')::bigint
        LEFT JOIN reviews r ON r.id = (told.data->>'review')::bigint
    )
    INSERT INTO facts (type, event_id, user_id, actor_id, via, data, request_id, occurred_at)
    SELECT type, event_id, user_id, actor_id, via, data, request_id, happened_at FROM dated ORDER BY happened_at, id
    """,
)
