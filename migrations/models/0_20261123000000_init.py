from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return r"""
        CREATE TABLE "invoice_counters" (
    "series" VARCHAR(20) NOT NULL PRIMARY KEY,
    "last_number" INT NOT NULL
);
COMMENT ON TABLE "invoice_counters" IS 'The last number given out in a series; its row is what makes numbers gap-free under concurrency.';
CREATE TABLE "jobs" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "kind" VARCHAR(60) NOT NULL,
    "version" SMALLINT NOT NULL,
    "queue" VARCHAR(30) NOT NULL,
    "payload" JSONB NOT NULL,
    "unique_key" VARCHAR(120),
    "state" VARCHAR(10) NOT NULL DEFAULT 'queued',
    "run_at" TIMESTAMPTZ NOT NULL,
    "attempts" SMALLINT NOT NULL DEFAULT 0,
    "max_attempts" SMALLINT NOT NULL,
    "lease_until" TIMESTAMPTZ,
    "lease_token" UUID,
    "error" TEXT NOT NULL DEFAULT '',
    "request_id" VARCHAR(64) NOT NULL DEFAULT '-',
    "created_at" TIMESTAMPTZ NOT NULL,
    "sent_at" TIMESTAMPTZ
);
CREATE UNIQUE INDEX "jobs_one_queued" ON "jobs" (unique_key) WHERE state = 'queued';
CREATE INDEX "jobs_due" ON "jobs" (run_at) WHERE state = 'queued';
CREATE INDEX "jobs_leases" ON "jobs" (lease_until) WHERE state = 'running';
CREATE INDEX "jobs_failed" ON "jobs" (id) WHERE state = 'failed';
COMMENT ON TABLE "jobs" IS 'Work that a commit promised.';
CREATE TABLE "job_log" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "job_id" BIGINT NOT NULL,
    "kind" VARCHAR(60) NOT NULL,
    "payload" JSONB NOT NULL,
    "outcome" VARCHAR(300) NOT NULL,
    "attempts" SMALLINT NOT NULL,
    "request_id" VARCHAR(64) NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL,
    "finished_at" TIMESTAMPTZ NOT NULL
);
CREATE INDEX "job_log_age" ON "job_log" (finished_at);
COMMENT ON TABLE "job_log" IS 'One line for each job that ended well or was refused by a rule; the clock purges old lines.';
CREATE TABLE "users" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "username" VARCHAR(150) NOT NULL,
    "email" VARCHAR(254) NOT NULL,
    "password_hash" VARCHAR(255) NOT NULL,
    "first_name" VARCHAR(150) NOT NULL,
    "last_name" VARCHAR(150) NOT NULL,
    "full_name" TEXT GENERATED ALWAYS AS (COALESCE(NULLIF(BTRIM(first_name || ' ' || last_name), ''), username)) STORED NOT NULL,
    "user_type" VARCHAR(20) NOT NULL,
    "bio" TEXT NOT NULL,
    "phone" VARCHAR(40) NOT NULL,
    "avatar" VARCHAR(200),
    "website" VARCHAR(500) NOT NULL,
    "organization" VARCHAR(200) NOT NULL,
    "is_verified" BOOL NOT NULL,
    "is_active" BOOL NOT NULL,
    "date_joined" TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX "users_username_unique" ON "users" (lower(username));
CREATE UNIQUE INDEX "users_email_unique" ON "users" (lower(email));
CREATE INDEX "users_newest" ON "users" (date_joined DESC, id DESC);
COMMENT ON TABLE "users" IS 'An account. Usernames and emails are unique without regard to case; a deactivated user cannot sign in.';
CREATE TABLE "events" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "title" VARCHAR(200) NOT NULL,
    "description" TEXT NOT NULL,
    "category" VARCHAR(20) NOT NULL,
    "location" VARCHAR(300) NOT NULL,
    "is_online" BOOL NOT NULL,
    "online_url" VARCHAR(500) NOT NULL,
    "status" VARCHAR(20) NOT NULL,
    "start_date" TIMESTAMPTZ NOT NULL,
    "end_date" TIMESTAMPTZ NOT NULL,
    "registration_deadline" TIMESTAMPTZ NOT NULL,
    "max_attendees" INT NOT NULL,
    "price" DECIMAL(10,2) NOT NULL,
    "cover_image" VARCHAR(200),
    "tags" VARCHAR(500) NOT NULL,
    "seats_held" INT NOT NULL DEFAULT 0,
    "seats_confirmed" INT NOT NULL DEFAULT 0,
    "waiting_count" INT NOT NULL DEFAULT 0,
    "last_line_number" BIGINT NOT NULL DEFAULT 0,
    "reviews_count" INT NOT NULL DEFAULT 0,
    "rating_sum" BIGINT NOT NULL DEFAULT 0,
    "revenue" DECIMAL(14,2) NOT NULL DEFAULT 0,
    "reminded_for" TIMESTAMPTZ,
    "revision" INT NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ NOT NULL,
    "updated_at" TIMESTAMPTZ NOT NULL,
    "search" TSVECTOR GENERATED ALWAYS AS (to_tsvector('simple'::regconfig, regexp_replace(lower(title || ' ' || description || ' ' || tags), '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb-\u00bf\u00d7\u00f7\u2000-\u206f\u20a0-\u20cf\u2190-\u2bff\u3000-\u3004\u3008-\u3020\u3030\u30fb\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]+', ' ', 'g'))) STORED,
    "organizer_id" BIGINT NOT NULL REFERENCES "users" ("id") ON DELETE RESTRICT
);
CREATE INDEX "events_newest" ON "events" (start_date DESC, id DESC);
CREATE INDEX "events_category" ON "events" (category, status, start_date DESC, id DESC);
CREATE INDEX "events_status" ON "events" (status, start_date DESC, id DESC);
CREATE INDEX "events_organizer" ON "events" (organizer_id, start_date DESC, id DESC);
CREATE INDEX "events_created" ON "events" (created_at DESC, id DESC);
CREATE INDEX "events_price" ON "events" (price DESC, id DESC);
CREATE INDEX "events_search" ON "events" USING gin (search) WITH (fastupdate = off);
CREATE INDEX "events_to_start" ON "events" (start_date) WHERE status = 'published';
CREATE INDEX "events_to_complete" ON "events" (end_date) WHERE status = 'ongoing';
CREATE INDEX "events_line_to_close" ON "events" (registration_deadline) WHERE waiting_count > 0;
COMMENT ON TABLE "events" IS 'An event and its counters.';
CREATE TABLE "bookings" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "status" VARCHAR(20) NOT NULL,
    "number_of_tickets" INT NOT NULL,
    "total_price" DECIMAL(12,2) NOT NULL,
    "special_requirements" TEXT NOT NULL,
    "registered_at" TIMESTAMPTZ NOT NULL,
    "expires_at" TIMESTAMPTZ NOT NULL,
    "confirmed_at" TIMESTAMPTZ,
    "cancelled_at" TIMESTAMPTZ,
    "cancel_reason" VARCHAR(20),
    "event_id" BIGINT NOT NULL REFERENCES "events" ("id") ON DELETE RESTRICT,
    "user_id" BIGINT NOT NULL REFERENCES "users" ("id") ON DELETE RESTRICT
);
CREATE UNIQUE INDEX "bookings_one_active" ON "bookings" (event_id, user_id) WHERE status <> 'cancelled';
CREATE INDEX "bookings_of_user" ON "bookings" (user_id, registered_at DESC, id DESC);
CREATE INDEX "bookings_of_event" ON "bookings" (event_id, registered_at DESC, id DESC);
CREATE INDEX "bookings_to_expire" ON "bookings" (expires_at) WHERE status = 'pending';
CREATE INDEX "bookings_active_of_event" ON "bookings" (event_id, id) WHERE status IN ('pending', 'confirmed');
COMMENT ON TABLE "bookings" IS 'Tickets of one user for one event; a user has at most one that is not cancelled per event.';
CREATE TABLE "certificates" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "certificate_number" VARCHAR(60) NOT NULL,
    "hours_completed" DECIMAL(9,2) NOT NULL,
    "skill_tags" VARCHAR(500) NOT NULL,
    "pdf_name" VARCHAR(200),
    "is_downloaded" BOOL NOT NULL DEFAULT False,
    "issued_date" TIMESTAMPTZ NOT NULL,
    "downloaded_at" TIMESTAMPTZ,
    "event_id" BIGINT NOT NULL REFERENCES "events" ("id") ON DELETE RESTRICT,
    "user_id" BIGINT NOT NULL REFERENCES "users" ("id") ON DELETE RESTRICT
);
CREATE UNIQUE INDEX "certificates_one_each" ON "certificates" (event_id, user_id);
CREATE UNIQUE INDEX "certificates_number" ON "certificates" (certificate_number);
CREATE INDEX "certificates_of_user" ON "certificates" (user_id, issued_date DESC, id DESC);
COMMENT ON TABLE "certificates" IS 'One per confirmed attendee of a completed event; `pdf_name` is the file in the storage, once rendered.';
CREATE TABLE "mailed_tokens" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "purpose" VARCHAR(20) NOT NULL,
    "email" VARCHAR(254) NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL,
    "expires_at" TIMESTAMPTZ NOT NULL,
    "used_at" TIMESTAMPTZ,
    "user_id" BIGINT NOT NULL REFERENCES "users" ("id") ON DELETE CASCADE
);
CREATE INDEX "mailed_tokens_of_user" ON "mailed_tokens" (user_id) WHERE used_at IS NULL;
CREATE INDEX "mailed_tokens_expiry" ON "mailed_tokens" (expires_at);
COMMENT ON TABLE "mailed_tokens" IS 'A single-use token that was mailed. The row holds no secret: the token is this id, signed.';
CREATE TABLE "notifications" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "notification_type" VARCHAR(30) NOT NULL,
    "title" VARCHAR(300) NOT NULL,
    "message" TEXT NOT NULL,
    "key" VARCHAR(100) NOT NULL,
    "is_read" BOOL NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL,
    "read_at" TIMESTAMPTZ,
    "booking_id" BIGINT REFERENCES "bookings" ("id") ON DELETE SET NULL,
    "event_id" BIGINT REFERENCES "events" ("id") ON DELETE SET NULL,
    "user_id" BIGINT NOT NULL REFERENCES "users" ("id") ON DELETE CASCADE
);
CREATE UNIQUE INDEX "notifications_once" ON "notifications" (user_id, key);
CREATE INDEX "notifications_of_user" ON "notifications" (user_id, created_at DESC, id DESC);
CREATE INDEX "notifications_unread" ON "notifications" (user_id) WHERE NOT is_read;
CREATE INDEX "notifications_of_booking" ON "notifications" (booking_id) WHERE booking_id IS NOT NULL;
CREATE INDEX "notifications_of_event" ON "notifications" (event_id) WHERE event_id IS NOT NULL;
COMMENT ON TABLE "notifications" IS 'One message to one user. `key` names its cause, as in booking_confirmation:12: a cause tells a user once.';
CREATE TABLE "payments" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "amount" DECIMAL(12,2) NOT NULL,
    "currency" VARCHAR(3) NOT NULL,
    "status" VARCHAR(20) NOT NULL,
    "method" VARCHAR(20) NOT NULL,
    "gateway" VARCHAR(20) NOT NULL,
    "transaction_id" VARCHAR(20) NOT NULL,
    "provider_id" VARCHAR(255),
    "reference_number" VARCHAR(100) NOT NULL DEFAULT '',
    "checkout_url" TEXT,
    "failure" TEXT NOT NULL DEFAULT '',
    "refund_state" VARCHAR(20) NOT NULL DEFAULT 'none',
    "created_at" TIMESTAMPTZ NOT NULL,
    "processed_at" TIMESTAMPTZ,
    "refunded_at" TIMESTAMPTZ,
    "checked_at" TIMESTAMPTZ,
    "booking_id" BIGINT NOT NULL REFERENCES "bookings" ("id") ON DELETE RESTRICT,
    "user_id" BIGINT NOT NULL REFERENCES "users" ("id") ON DELETE RESTRICT
);
CREATE UNIQUE INDEX "payments_one_active" ON "payments" (booking_id) WHERE status IN ('pending', 'completed');
CREATE UNIQUE INDEX "payments_transaction_id" ON "payments" (transaction_id);
CREATE INDEX "payments_of_user" ON "payments" (user_id, created_at DESC, id DESC);
CREATE INDEX "payments_of_booking" ON "payments" (booking_id);
CREATE INDEX "payments_to_check" ON "payments" (created_at) WHERE status = 'pending';
COMMENT ON TABLE "payments" IS 'Money for a booking; at most one that is pending or completed per booking.';
CREATE TABLE "invoices" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "kind" VARCHAR(20) NOT NULL,
    "invoice_number" VARCHAR(30) NOT NULL,
    "event_title" VARCHAR(200) NOT NULL,
    "user_name" VARCHAR(400) NOT NULL,
    "tickets" INT NOT NULL,
    "billing_address" TEXT NOT NULL DEFAULT '',
    "notes" TEXT NOT NULL DEFAULT '',
    "is_sent" BOOL NOT NULL DEFAULT False,
    "issued_at" TIMESTAMPTZ NOT NULL,
    "sent_at" TIMESTAMPTZ,
    "amount" DECIMAL(12,2) NOT NULL,
    "currency" VARCHAR(3) NOT NULL,
    "tax_rate" DECIMAL(5,2),
    "payment_id" BIGINT NOT NULL REFERENCES "payments" ("id") ON DELETE RESTRICT
);
CREATE UNIQUE INDEX "invoices_number" ON "invoices" (invoice_number);
CREATE UNIQUE INDEX "invoices_one_of_each" ON "invoices" (payment_id, kind);
CREATE INDEX "invoices_newest" ON "invoices" (issued_at DESC, id DESC);
COMMENT ON TABLE "invoices" IS 'What was paid, or given back; names and titles are kept as they were.';
CREATE TABLE "profiles" (
    "twitter" VARCHAR(500) NOT NULL,
    "linkedin" VARCHAR(500) NOT NULL,
    "github" VARCHAR(500) NOT NULL,
    "facebook" VARCHAR(500) NOT NULL,
    "newsletter_subscribed" BOOL NOT NULL,
    "notifications_enabled" BOOL NOT NULL,
    "total_events_attended" INT NOT NULL,
    "total_spent" DECIMAL(14,2) NOT NULL,
    "user_id" BIGINT NOT NULL PRIMARY KEY REFERENCES "users" ("id") ON DELETE CASCADE
);
COMMENT ON TABLE "profiles" IS 'A user''s settings, links and totals; made with the user, one for one.';
CREATE TABLE "reviews" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "rating" INT NOT NULL,
    "title" VARCHAR(200) NOT NULL,
    "review" TEXT NOT NULL,
    "attended" BOOL NOT NULL,
    "helpful_count" INT NOT NULL DEFAULT 0,
    "unhelpful_count" INT NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ NOT NULL,
    "updated_at" TIMESTAMPTZ NOT NULL,
    "event_id" BIGINT NOT NULL REFERENCES "events" ("id") ON DELETE RESTRICT,
    "user_id" BIGINT NOT NULL REFERENCES "users" ("id") ON DELETE RESTRICT
);
CREATE UNIQUE INDEX "reviews_one_per_user" ON "reviews" (event_id, user_id);
CREATE INDEX "reviews_newest" ON "reviews" (created_at DESC, id DESC);
CREATE INDEX "reviews_of_event" ON "reviews" (event_id, created_at DESC, id DESC);
CREATE INDEX "reviews_of_user" ON "reviews" (user_id, created_at DESC, id DESC);
COMMENT ON TABLE "reviews" IS 'What a user says of an event, one per user and event; `attended` is the claim, borne out by a booking.';
CREATE TABLE "review_votes" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "is_helpful" BOOL NOT NULL,
    "review_id" BIGINT NOT NULL REFERENCES "reviews" ("id") ON DELETE CASCADE,
    "user_id" BIGINT NOT NULL REFERENCES "users" ("id") ON DELETE CASCADE
);
CREATE UNIQUE INDEX "review_votes_one_each" ON "review_votes" (review_id, user_id);
COMMENT ON TABLE "review_votes" IS 'Whether a user finds a review helpful, one vote a user; the last one counts.';
CREATE TABLE "sessions" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "title" VARCHAR(200) NOT NULL,
    "description" TEXT NOT NULL,
    "start_time" TIMESTAMPTZ NOT NULL,
    "end_time" TIMESTAMPTZ NOT NULL,
    "room_or_link" VARCHAR(300) NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL,
    "updated_at" TIMESTAMPTZ NOT NULL,
    "event_id" BIGINT NOT NULL REFERENCES "events" ("id") ON DELETE CASCADE,
    "speaker_id" BIGINT REFERENCES "users" ("id") ON DELETE RESTRICT
);
CREATE INDEX "sessions_of_event" ON "sessions" (event_id, start_time, id);
CREATE INDEX "sessions_of_speaker" ON "sessions" (speaker_id, start_time, id);
CREATE INDEX "sessions_soonest" ON "sessions" (start_time, id);
COMMENT ON TABLE "sessions" IS 'A part of an event''s programme. Its times may lie outside the event''s (a social on the evening before).';
CREATE TABLE "sign_ins" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "created_at" TIMESTAMPTZ NOT NULL,
    "expires_at" TIMESTAMPTZ NOT NULL,
    "ended_at" TIMESTAMPTZ,
    "user_id" BIGINT NOT NULL REFERENCES "users" ("id") ON DELETE CASCADE
);
CREATE INDEX "sign_ins_of_user" ON "sign_ins" (user_id) WHERE ended_at IS NULL;
CREATE INDEX "sign_ins_expiry" ON "sign_ins" (expires_at);
COMMENT ON TABLE "sign_ins" IS 'One sign-in: every access and refresh token carries its id.';
CREATE TABLE "waitlist_entries" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "status" VARCHAR(20) NOT NULL,
    "line_number" BIGINT NOT NULL,
    "joined_at" TIMESTAMPTZ NOT NULL,
    "notified_at" TIMESTAMPTZ,
    "ended_at" TIMESTAMPTZ,
    "booking_id" BIGINT REFERENCES "bookings" ("id") ON DELETE RESTRICT,
    "event_id" BIGINT NOT NULL REFERENCES "events" ("id") ON DELETE RESTRICT,
    "user_id" BIGINT NOT NULL REFERENCES "users" ("id") ON DELETE RESTRICT
);
CREATE UNIQUE INDEX "waitlist_one_open" ON "waitlist_entries" (event_id, user_id) WHERE status IN ('waiting', 'offered');
CREATE UNIQUE INDEX "waitlist_line_number" ON "waitlist_entries" (event_id, line_number);
CREATE INDEX "waitlist_line" ON "waitlist_entries" (event_id, line_number) WHERE status = 'waiting';
CREATE INDEX "waitlist_of_user" ON "waitlist_entries" (user_id, joined_at DESC, id DESC);
CREATE INDEX "waitlist_of_booking" ON "waitlist_entries" (booking_id) WHERE booking_id IS NOT NULL;
COMMENT ON TABLE "waitlist_entries" IS 'A place in line. `line_number` is given out on the event''s row at joining, so no clock decides the order.';
CREATE TABLE "webhook_events" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "gateway" VARCHAR(20) NOT NULL,
    "event_id" VARCHAR(255) NOT NULL,
    "received_at" TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX "webhook_events_once" ON "webhook_events" (gateway, event_id);
CREATE INDEX "webhook_events_age" ON "webhook_events" (received_at);
COMMENT ON TABLE "webhook_events" IS 'An event of a provider that was taken; a second delivery of it is known by its id.';
CREATE TABLE IF NOT EXISTS "aerich" (
    "id" SERIAL NOT NULL PRIMARY KEY,
    "version" VARCHAR(255) NOT NULL,
    "app" VARCHAR(100) NOT NULL,
    "content" JSONB NOT NULL
);
ALTER TABLE "bookings" ADD CONSTRAINT "bookings_status_known" CHECK (status IN ('pending', 'confirmed', 'cancelled', 'no_show'));
ALTER TABLE "bookings" ADD CONSTRAINT "bookings_cancel_reason_known" CHECK (cancel_reason IN ('expired', 'by_owner', 'by_organizer', 'event_cancelled', 'refunded'));
ALTER TABLE "bookings" ADD CONSTRAINT "bookings_tickets" CHECK (number_of_tickets BETWEEN 1 AND 100);
ALTER TABLE "bookings" ADD CONSTRAINT "bookings_total_price" CHECK (total_price >= 0);
ALTER TABLE "events" ADD CONSTRAINT "events_status_known" CHECK (status IN ('draft', 'published', 'ongoing', 'completed', 'cancelled'));
ALTER TABLE "events" ADD CONSTRAINT "events_category_known" CHECK (category IN ('workshop', 'webinar', 'conference', 'masterclass', 'meetup', 'training'));
ALTER TABLE "events" ADD CONSTRAINT "events_never_oversold" CHECK (seats_held BETWEEN 0 AND max_attendees);
ALTER TABLE "events" ADD CONSTRAINT "events_confirmed_are_held" CHECK (seats_confirmed BETWEEN 0 AND seats_held);
ALTER TABLE "events" ADD CONSTRAINT "events_waiting_count" CHECK (waiting_count >= 0);
ALTER TABLE "events" ADD CONSTRAINT "events_max_attendees" CHECK (max_attendees BETWEEN 1 AND 1000000);
ALTER TABLE "events" ADD CONSTRAINT "events_price_not_negative" CHECK (price >= 0);
ALTER TABLE "events" ADD CONSTRAINT "events_dates_in_order" CHECK (registration_deadline <= start_date AND start_date < end_date);
ALTER TABLE "invoices" ADD CONSTRAINT "invoices_kind_known" CHECK (kind IN ('invoice', 'credit_note'));
ALTER TABLE "jobs" ADD CONSTRAINT "jobs_state_known" CHECK (state IN ('queued', 'running', 'failed'));
ALTER TABLE "jobs" ADD CONSTRAINT "jobs_running_have_a_lease" CHECK ((state = 'running') = (lease_token IS NOT NULL AND lease_until IS NOT NULL));
ALTER TABLE "mailed_tokens" ADD CONSTRAINT "mailed_tokens_purpose_known" CHECK (purpose IN ('password_reset', 'email_verification'));
ALTER TABLE "notifications" ADD CONSTRAINT "notifications_type_known" CHECK (notification_type IN ('event_reminder', 'booking_confirmation', 'payment_received', 'event_cancelled', 'event_updated', 'waitlist_available', 'system_announcement'));
ALTER TABLE "payments" ADD CONSTRAINT "payments_status_known" CHECK (status IN ('pending', 'completed', 'failed', 'cancelled', 'refunded'));
ALTER TABLE "payments" ADD CONSTRAINT "payments_method_known" CHECK (method IN ('credit_card', 'debit_card', 'paypal', 'bank_transfer', 'mock'));
ALTER TABLE "payments" ADD CONSTRAINT "payments_refund_state_known" CHECK (refund_state IN ('none', 'owed', 'returned', 'by_hand'));
ALTER TABLE "payments" ADD CONSTRAINT "payments_amount" CHECK (amount >= 0);
ALTER TABLE "profiles" ADD CONSTRAINT "profiles_totals" CHECK (total_events_attended >= 0 AND total_spent >= 0);
ALTER TABLE "reviews" ADD CONSTRAINT "reviews_rating" CHECK (rating BETWEEN 1 AND 5);
ALTER TABLE "reviews" ADD CONSTRAINT "reviews_votes" CHECK (helpful_count >= 0 AND unhelpful_count >= 0);
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_times_in_order" CHECK (start_time < end_time);
ALTER TABLE "users" ADD CONSTRAINT "users_user_type" CHECK (user_type IN ('attendee', 'organizer', 'admin'));
ALTER TABLE "waitlist_entries" ADD CONSTRAINT "waitlist_status_known" CHECK (status IN ('waiting', 'offered', 'accepted', 'expired', 'left', 'closed'));"""


async def downgrade(db: BaseDBAsyncClient) -> str:
    return """
DROP TABLE "webhook_events";
DROP TABLE "waitlist_entries";
DROP TABLE "sign_ins";
DROP TABLE "sessions";
DROP TABLE "review_votes";
DROP TABLE "reviews";
DROP TABLE "profiles";
DROP TABLE "invoices";
DROP TABLE "payments";
DROP TABLE "notifications";
DROP TABLE "mailed_tokens";
DROP TABLE "certificates";
DROP TABLE "bookings";
DROP TABLE "events";
DROP TABLE "users";
DROP TABLE "job_log";
DROP TABLE "jobs";
DROP TABLE "invoice_counters";
"""


MODELS_STATE = (
    "eJztXW1z27i1/isYf7Ezo3hiR07S5G5nHMe79W5it7HTdHpzh4JESEJNEVqCtNZt898vDv"
    "j+akIiJYrBl8QicQDwOYcgziv+c7BgJrH48XvG7qk9O3iL/nNg4wURf2RvDdABXi7jG3DB"
    "xWNLth37jeRFPOaugyeuuD7FFifikkn4xKFLlzIbWt/RyT1xOWJTxGyCPE4cNGWO/EEeiO"
    "2+Q9i/OsccYRctGHflXXcuflGObOaiCbYnxLKIiZaipaQ7hvFNNhET8J+mxaG+2d/skctc"
    "bBlLh07ICBpP6R+ikSCcOATD4x6jc0Fjm2I6KAAJzZllckTFrLhoxJFnu9RCI/LHkjqEG9"
    "gdyefwbPq7RwyXzYg7J454mv/9P3GZ2ib5g3D4+Z+DKSWiL/j7gJoHcFv0IjrhYmgeUoQM"
    "DZlkiMczBIPoA5FMfFzK2weSWrAOfhzJhzSoOZDoiD+eoa9/ufx8ibiLXY+j//kzOoxgOT"
    "z4PkBrz2ZqwBDlUwkmMEAOmVHuEoeYAiT04fL2YoCoKf94tuEM5OPWQaOtObjM8AWgYhKR"
    "gGR48RM6DGRsI0b4IqGERk4srq7RUTSZgRARZk+psxAiItCBUZf3hpxdaqkRkxS35HUjHP"
    "I9nV3Z7s+yLbzVY2PCLG9hx+2Xj+6c2REB9ac8IzZxsEtgBNfxYPmxPcsKVqpwRfJfrriJ"
    "/1YlaEwyxZ4FixhQ+xOIrx0YxvXNnXF7eWcYB7kFLqRILETBJQEHLI5iqlwCMIMpPP/T6e"
    "nLl69PX7x89eZs+Pr12ZsXb0RbOd/8rdff/cnEaPldScyufrm6voMJMbEC+0szXPguabCL"
    "jVgyYvR91uU5cDHHTjH+MUWGB+LhsjwIEa9iQngh5kL85YggD6TqoC1eLPAfhkXsmTsXP0"
    "9fVMD89/PPF385/3x0+uJZGuvr4M6pvPVdvoshyra3GIt1TLxdrv9NygNeKu+FtE+Lf1PQ"
    "t/8GnJ4MXw/fvHw1jAQ/ulIl76FsxygnPsh5fD+QCV1gqxjjDGUGXdMnPQ662EOkK2D8cH"
    "lx9en849HJ6eBUSjT/3aIuSYr6MCfPfCmgEIg55HdPfJYWxC4S6Tvx1ShZQ0rot7iitLWU"
    "VEB9d/kPuT4vuMA4uWQcfTr/h8R+8Rjc+Xhz/UvYPLHEXHy8eZ9hRWpPUiD2AjeXLkgxH3"
    "LEWckPqI/DP/ZQ9sVDYvPGth6D73sVg64+Xd7enX/6a4pLH87vLuHOaYpD4dWjV5nvQNQJ"
    "+np19xcEP9E/b64vJbxCwZg5csS43d0/YeN2gD2xDbTZysBmYisSXg1RS/E+3hSqMj5N2U"
    "Ou7wmXQ0wq2Rzto9dgdJa2AVYHkqk53QKnQ6V6HU5naDWnu89psQHCXICQY3W5+pUjXGvP"
    "1DHOtq1/hUYLNUtDkqpPCtdWTA4x+IEJTw37BJGGXgl6MLRN7wuNPZFpL82Hn5lD6Mz+jT"
    "xKXlyJicMiU4B94Ba4DPvZMyZ8D6UsvBqvhA5eRbbJ1Isvnl48M/E14s9i3f98dXF3kBPw"
    "BlD9EnTTU1ATb3QJpiC5Yzy5X2HHNEpE2GYundKJ9K8UmBzeB+Q///aZWLJROd7Xia7275"
    "NZBntKMpf4scQ2owLUX/1eeiSbKZBWmLoW5a4hntGhZEOwvga9XYrOHnskVvByslOWeClT"
    "r2v+1uJ0kb2CbTyTjwRjw0gBZhfECV5FclDghU7eHlR5oidxw5re6BubSLdupCYj7LpEQE"
    "/Aa4zF9cUSFiozdBiPlubUgPlJl687J2hKLYKoLf/mrvgaz8Q4TKz0yIGOHGLmPdPbG7Zx"
    "R3ISY+lMJngyV3Elr+GlTI3p+0PKR0w0DtpuPGR9LzXl3BMaOOjYOf+w9oB20gOalxcldb"
    "yQent+jK0p5a/qKOWvypXyVzmlfM48hxvRUqfosiug/hHddn9S8drdU8syXDxT8/enqHoo"
    "2Wcv6oi2aFUq2/JeGuvwe62CdJKmj1a9ema9KrteDmbKDZOtbIths2gFec+YRbBd8hnN0m"
    "YwHwvitoQ7upKEvXiP2sRq8f7m5mPKMv7+Kuta/vLp/eXno5PMYpK35iV2OKoeigxpD72O"
    "PfY1x6/KGr6pHLF2TnXZOaXdJdpd8qNAr90lTy1p2l2yb+6SNm21vjAXWGkjKS+3z0pBqW"
    "mZPbd92yfCtinzZSbMs13i8Lw1tbwp5Olci3sOYuIfzizzLRrJxBtjLp52hI7cOEcoTNWB"
    "XmLDbJgh8QyyHB45WlF3Tm00At0mNNry0QCNH8EU+82G9CFBbVJ4EGzJ3AgZ4ApDiLGdBz"
    "oh/FhOYiTHEpSxNByH84tmMPIfhyfmFEx68M0egfNCTM+QbUbiGdjStwtb1BaojizMXQP+"
    "DqxTI2kwhqvIv4BmVGCHmOfCHYeICTiApuebmleQCbXC/Ju9xNREFuHxNeSQqSee35Q0C3"
    "ihhCAyJ7JRi2d3XD+ZKoIKrcQgKGwuQHknB6RghQ0f9Zs9mWN7RiRbYDvIB2hp4QlBzIEH"
    "u0dHt5d/+3J5fXEJLSZYKJkmdqRNnD9rx+7ty65hkxXhFekx8pGL7b/KNuhgSLAtzpjvTC"
    "oxeQctBkEmzgC1MI0476P0ydsamjkzbNN/V1ngoybSDN8GFyCpz7cTlDDBb9BIZlgwZpSQ"
    "UDyivN0cfwl2Kjw5X26vrn8Ri4WNjvyWz3xF5Ggq1hJvKbH+SbyN0w2mIFQSybk6r1dBGp"
    "w3tiifr5eRGM8gNClX+LRss2QKzJ6xNTPxggnIpRpmYTFeMQU/cN+RvmixOcAm0IXzSX0T"
    "0J/RC+176qjvyaWupWQijgh6aIdvxUCcnFkO5/IEpQxZL9DedmZSct9SP7o5pukF6G1HNl"
    "ssDmCrC3KSpgcZd2mIX9ZaRV5WrCIvC91MzIZPrLqLKabbtXup/WWkQTeTD5vhOZaKZKep"
    "eifbrXiq96QCgOngqbsdmJtfpWO1RdVzlqbsocu0V34zez3HeJJOs7jTLC5UvFX5XdqJZn"
    "6nmZ+y+eeZXmo0ydH1yUfbWPmWdQq37Lhky4vtvzRRvZYXCpGfE3B/GQKJmZK1KUOmYxJr"
    "mZxUA2y3H1q71+pK5L1VWIDTRNtbfXPrw4vuLLcZN7MymilKDSlcSTleFADN0Wk44Uo2dk"
    "HNU1VEvde4bjkOEYIyyIorC3OObq9Bb0yYQdsTrzj3FmpinKbbayy3L8AQxqSoUSSoOqJT"
    "bAB8HT1iqKBHJKO81I0eaVqdAtBlU0cYkqe48PNit+J+rVONrflxSJjqy5Km7KFZsMeZUn"
    "4w3DpcT1Nqru8T1+PwyTTHfwk5VKpLB2RPm3/yMXV79AHMRhjd3f798uLu5nOKkcmLCS6G"
    "VzMhAomQX7U9dZayT+b43aZMpSK1dYJPVYJPVgg3KIqWPIEn8xYoVK5KHPbTE8jTm7FMca"
    "j1gcrUo+ojWLrMngpagclrM5w+y076KlA8THvYCKNbv5e+ghRWItwMJNUKhHsDVZtprVf2"
    "A4NQgoLE1vDWoCq1lfqNaia3fg0zKCGpcgBZjX4WJjzLOwTjc5kaKtM9xJ8OQfdk6SIs8y"
    "ofZQ5lPg+2sV4bT54M0XmyeF/QcIPCfdFQUJsQjjOrLE8YFEiVSYNi87NWdcL44Z7IDQ3q"
    "3xQkCOr0rE6mZ4FE5PEvj+QI2+vMlRox0elXXQXmPGUPAX9ZL42lIoul+BAE5ZTDDFkPoW"
    "4lCkzW71CtAJgi6iHSw1pIDyuQHhbE2ykfqagPUqz2W42pZUHQATZN2PTkkS1PnC0g3Wlc"
    "45as2U3ky9qs0DJVjnVEoBGuhzCFKhdFwUxPJXGGVLtO4SxWJ5vAu/kKoeruzxSh9n7ul/"
    "dT7BHVOZ4g0+FAXQ4HwoviKNDKULqY6EeszK50oPLEcxxiT9RqZSRoeqgrvKyj/5arv/ms"
    "nD8Mpzg3t/Jk8ATZxlK8PwtUKMRnCjIc21LVbJZpuj4pZLuNxVjGx3ZtGInRvwPABplgjL"
    "QMdqrgauB+uvBrmh6UO6jCFoMafiojLJFaz191V1ozlNoII07g3LR3svaqw1ZR3dAFvic8"
    "oOFohpfPpw4hCGqGyrOvwi9Y3pW1jQGf9nKVumX88VU+1jFFM5/q3XpnWnENlPthZCpXmZ"
    "+gOgFsF7lfHbf05T4Zu1nXfmXjosUMLleuYP9i47pedubcB9WH4US9BXXR0mELyouO5Ktq"
    "DGWkP3hErDFiERJy4MGBfbaJRo5nC/V1hOYYyjMviHS6y1bijh0Wkx5ZBHNiiAWXWn7bJe"
    "aiX3QE69dKDCxWJ5MS85kYaRQsS/fkUdZR9n8ioUuJ3oKxxZLHEbOtx7disuFIAhex/j2K"
    "/h/E2snYPRSvJlPxrZe1mH3nNPILK8M4ge4dVHkmdlwYekE4FzxDglassMgiU/edvDux2O"
    "ReLL62yRGeCaFEdOpjBlEHltA52wkfAJZLf77//FIcCj3sMXbJ2qxQmPbQJ12nMqsc3fSq"
    "qrFKMWh6SCk1FQWXE1KVGzoQirXHnmJqVQFNzdyQPsmhDmbQwQwd/G62fJYhnC5QmC13u8"
    "CWVSrhCbLtbU9O2hXzl6evX0WCDT+qRPn20/nHj3kXglw5VYQ1IuihtDYfCSK0XTiNKw/w"
    "r7c316VGmpAkawajExf9F4Vxq3sGdQW0AEa1CzLrbRykDe/QQdYFGe9QVMQ7TdW/OkwntX"
    "TIkwol8qSw6GaRube6rumWF5GDeEebRjlxvRGAa+FbAW++FIDc86o6/GKqHvp3e+Xwc12y"
    "WBZFVVXvaJJ0e10EoIltTFj3cR0gs7R9Ml81gW1C+1VdhDKkOvKgywuRzyyX3ZMC7erLl6"
    "sPVTyOyDI89jxqHgNxr3jrKwI+s5JskA+aiQV3nKIKPuWxhhGBjjWsF2voEPGkvNgbXr4F"
    "TVNtEevnebCfN2dvGdaxtwzL7S3DXLyMrqyjowx1lGEPvvXd8UZ+ZLODYock3Bk84ZM0rK"
    "DRk27JG5vI01mlfw3SU6XrTrrRiDwTdUUsSzoSgyNWwVU4fpSuPoskPXFLz5GHpFqm7LDg"
    "aNyWx2rD0wdAGkHF8WLn05Ta8pxH8Llpd1NH3U3ASVUOxDR90na3XPZU+/la9PNpz8nOPC"
    "fMcyHERkW0EyQ9lO5WTjrcL7vvfpgq98sUsL3VWVsFOrFa74WamGRzYv+vyucMaQ8Z3TPz"
    "T0fMA59kcOOddCcU2AiStwdVhoKFbOj7JWpGMZ8jLvhtkedCN0eSMA659bs7RpAuAXkQc6"
    "Gec2QzxIlY0dy3Un/3aSgU+RL/QKUrTmd2UQx0e0NBBPWIQB8j/zZBQYUIfwQaDmJKUwXE"
    "NfuRymbUzs/tgIbMceeWuNSOCSLFIqgg5vGqimWyZEscDgsGFKjwdXWLrr98/LhG/G16fN"
    "GQ+lX8ioeX9wnXppCda+DlppCl54iVUElzSZD0cOfXfDExubSoABwR9BHeszo7a9GqHOAz"
    "vbf+Ybdcqfcq+ryocj1N2UOu7wmXa2lUwa5FlccJMu1Y7Th/1U/JSBD1yaK326IMoTKRZo"
    "M+GyNdjiEheqlaDBfntxfnHy53VYohdZRBgRkge9RBuR0gd75CvbCBMDPXZYiJnwDTMRrJ"
    "VGG/vDckFE+wB/RCnaY2Co4GCU/rlQO+PTmVCjaWaj6xLC5+QV+i00lBXfGtjty4Pp+C2m"
    "DBa1WpzA8QZBCvobtnxqppOxigeIucKw2+4Rw8Gzantc0X4iVHlBuSpoHHH8dHyhQPHwpJ"
    "PIP4irShiPmsaUfJTUYWMq6wpDz4BWDCiYS/09PQJpZOmliSzPbRzDGj3BZQSNxDu0Dzia"
    "TKxcT7XEa8FX988N3NY1weqp8g6QXK247cV8zN3SQpt2tQZ5NG62WNVqWN5o99CHYX+Y/l"
    "EzWYQ6pd12BuX6obrMWsrbblst5fqy082TrJ2TGZNud12ZwX60hqOkeabi2jXse4upsQ61"
    "A1VEM/SaWxXxd7bcrWpuwusKAxU3ZuYWkA08uHeuWaO7ai1MU0uZKmQBUTSJgLM5/LBnCt"
    "f0T2niKb3iGUYLsb50tYhLzA75KoT17ucglKfNf0tnxiNnmUWZM4NEm/Q1BhWmzlpAfED1"
    "vkaElsE8qvMigwvVgCWqa46IRUeXdKc13LqErxIDYXzwLGS2pG4ZX3YozxI1rN6WQuL8yE"
    "sK7wY+R2cchSbOWB7B0aBTclNXhyAGCYk9QCRZMBGhPptflmQ1+cuC7MDOrN+nGayBI9OO"
    "14cELOyRKw8KQPFS6cvEcBynp5HF1do6PDANLDATqMID1cx8sSzSkNf/m80u02GnI3fqXk"
    "8Cp+nY3AZcZkTib35QPFT5hh908oYrb22nTUa6NPFdKnCu33qUL+YqOCb0yxxeo+wUp4sB"
    "WIm4/uXoiNBFNKnowpeijDzQMcbP9UEE6QaIhrQJzfJ9b2mecoNeA1AF867IGaJcbCisyb"
    "NFn/ai2fnp3Vyg45q8gOOctVAyZTAtsGUnpMT1Wie552X6sMbsGBLhUi5rmG5xRkPJWHhW"
    "Tp+iDZ2w4NgTNOPEcpGidBsq9CvW2UoQ6ZbRrK9duzdFvE22Y2yWMeXe3mF1IHh5RD39/g"
    "ELHBmRC+XsJXllaHiXQ5TMRfD9didIZU87nLfJY7u/XW8RSl5nKXubzDoK/OfZ115FH/oa"
    "+IPNpFQEfXGNFAREd8snlWzBtA9gcN66pzWnzC/eyfxl7gQHofUP7822diRQnFxVAH57/3"
    "CO3vrQYSOWxKJRz5QKLg1qAykMhvVLt8G4jKIQ9jZvgA6qffc3kytMtcQfXOr3u2oq4fqQ"
    "MEAxkJBEFC4v+iSm0N9fp0sE5p7EQ3voc6jOLAFTx21WzuCZKdWiXbcHCc1bK6n1VY3c/y"
    "Vnd4u4hJC86gKgc5SaNRroPyTCxW3lgF45hCI1wH4SmeENgSqmCcpNEo10HZJisudoRihT"
    "W4N4ZZjolqymtpHzoBViEBNl0FhNiAhjInyvrYIifCXc3eMkJuSv0aLFwebArm5TwjSjeO"
    "pfQ7PGW22V3k6cnw9fDNy1fDaPMYXanaM5ZBzZeFuUSVsbUZyt0E2LYFc53o2uET0bU5o5"
    "RKLsxTNpYbm9wx8U/LFpadakyNpc01Zw/4TB4oWR0UmAOCO4Mqa4Aj29Q0BnyFzJ6g4hnH"
    "jxyxqdDY/VJTvm4O6T3yNijy8vo7NAqXuyi5Z2JhuhigMXMECfNc/8i20oyj7Q3beO5PAK"
    "9M/RGTfCLxJUwMHKCwrtka2SfhkGIDRnhFwbAmk2uix6xdpqzZ5J7E+JunFulsm06aiQRa"
    "hU6TUvhjgj65rprbZuniZ8notHrhaVXxaTk12om+v3WjLWOKXmC87cjLcr2sUkGuUMe0da"
    "JKKZ4Tazn1LAFlYR5k6cqco9uhEvyiOyuyZ68LaAGlhhSu6Bjhcqj7GyPsLc01uZ6m1Fzf"
    "J67vqKxZ5zisowv7D31FdOG2i3B1jQl1TbSlVbh0XOH6oDYTV/jA3E2DCn3b99+Zu48f6Z"
    "3EFSYQK/UlhHg+5U8wIg7WcSpIW3to4J8KzP36XtARCvQa38wPvQbt3kmLvoWDmmNS7eFF"
    "roNmO2/JQeDjJb0EBE/m5fbroHnaRaAN1p00WFNuBAKmaI9KE27RIrUbU2CDBqno9VCT+x"
    "SZ3olqJWA/oK9QAspcD8r71TiGYM/YUHfHmnr3ny5xrNWA5sNftlaD99bfhBXtb8NblZtb"
    "Hm7iam1sz9ESO24yWOWQo6XDZg5eLMgxunI5Aisil3VoLSpjUjg1idx9hgRHGHE2odgSW9"
    "HoBhSvHZOpkLpnRck1Wxu38e1wiLBSJIl42RzXgEeCMI514keSw/IlwfdVMSRBg6aH5kxs"
    "/6sCdnJj6X1/J/f9OrCi7cCK5MxyOJdHV2TIepALsu0Ai3gJUnWspSl76FjbE0daiEm1J8"
    "0212Jykk6zuNMsdhhbGMwxIMlT5VuVpevBIrqFY1B1GEo5+v0NSNBhKD8i13UYyg4t0LFu"
    "rgZ/mk4fb6hjUboRi1Jog05YqLZjhu6YaNdFNf1SK8ejtGqJFmy6KjZE+3cGlXZo0cagde"
    "3QNzZBQPGc2m/Bius8IjyBOrgyW9IhU/HtmyOX3RMbTbDjUOIfokbNvG15g77gtLdLSLOA"
    "tEuLzZ4zzx0gHBzAZqIl5nzFHBPJk+VMIk9KA5mEESAC4226f45MKg95Y0LEB8E0vtnBPc"
    "wRGFThf4yCur9Qb2rOHPe5RR9EtxO2fAQruTunHDlshRxPEIpZtWTaDphWO0kxPBGMBJVs"
    "0dVt4nTI9cYWbajzWGFUh/sEKhRo+/Ju9zTl9mWtTJYzqMdqRfRmKlvlUpQ95PqecLmu6X"
    "WtVztJpwthd5nDOkiqK9qpjuXZ41geiXqB/hRyo1x7ggeqG8Jjh8rHMYKOYSxf1SELTOEc"
    "aocgn6GyUi0UlXHITDyc0FGEAsTJu4wuI8PQJ9i2mSsVKUTtggierQ3buJYjwZX6DVwxAm"
    "Ev1TcstiLOUdj82ToBNP6IEpiaw8m2G4z1VGUd+M4a/2LUJqYuLtOdL8GgQqcKJVDFFZqk"
    "6WHkzslZrdP/zipO/zvLOULlq6cCckTQQ4RPz4Z1YqPOhhVHWQ5z54YGZjRjjvlcBekcYS"
    "8Rb+Hw0Cl1uGuorh5pqt6FUbSyekBGnjLQKSKNcx2cp2LgEpx/CaEqkeok5dNg19icdENL"
    "Ko2wLEiAks+ruI+IiLYooEHZq4KDP/fjhOwxZXmYy6N/g+Y9WAG2HfW7nAcHwdbeSoQEPQ"
    "A7LcXDOlI8LJfiYU6KsVDQsdLhJzFFH87A3kK6wIqMOVU7izlB0jsZbuXICObMsE3/jYtz"
    "MsqBztL1Du1WJJpy44E4VPSoWusyQ6nLXSpUFxDYSYtqwUryFOYxnT50oz7gCUNqHvJqf2"
    "iGtIde757FOuT8dOVupdxJqhvWiurfKarp5BPiBAcAbVpU6yLuqa9g+Sf0bAZT36KVUwCB"
    "PZ4IXGSY5WY4fZJd3UFPfUUrdfbWZmhdJ7rqK1xL/LjY/P37q99LX0FKHNmzPka9q+uTgk"
    "gXkKwBkout+w1BSlTN2S+rUy2AkmkWG2AUJXT0UYhWmLoW5QXxqioYfQ16ubRdPzuhL1Ap"
    "RcAlvoPxQe7FoIZn7dX4GMZd9eQVVQwUTMtWQcRgTvjKQwdDaTfE9gJym2TrOoXALDwhiN"
    "pwyj05RiP4z7C9xZg48nS6GRUqgzySLlFsC6pwQVoSdhEYMgRWA8QZshmaWGxyj+A8SzGS"
    "bM8ckziFpcC2N3LjsYQR2lAXly19LaEkbyl3cl6QPMVd7HocXV2jo0PoTzzL4QAdsumUOM"
    "Q8XCcIMJpWAss6M0s033hY1fHSaPyEIiw2mUj90/Z8Q1wjR/0lRx/HhpviCQQNEvIQX5Hp"
    "dDd3QUqdjsvsZFymL7AqDqWYYouupOBt2pZHqelIisxCVl/YM4Q6NWXtwhXRCqnq6EgRaj"
    "dH190ceePgWlzPkOqMvy5n/Omczr5zON5Vqn0/03S67NC6X09dc2uH4OuE5q4kNOtyW8Um"
    "w4E++q19UJ8++q3gi9kArPWjdzr2qawLbHqT0KkyZl/JeC5m568XRab15P1BpWXdb2nE8T"
    "e1svNlc3nUBRT5eqAmcZA7xy5aYY5cfE9syITnRIBsIjEolSXLRHvqgvX7XmzobKhHVlbv"
    "rJ0hmreUp9AzWPDCFBtFZ+INWeHHAQqXwbXMsOkRhXiUD+iQCYGKa7qq2M53beWW1kAqVE"
    "ytCZI+5go3bmYt11Iq8t/LdZRegNxGQnZivVE1uWRItT21K2aYBsLG29wInROHTuZFW6Dg"
    "TuXmB8dtntr0lPP56U2F0pf3R/nsnp4MXw/fvHw1jL620ZWqj+zTH1SxDQxj4+ou9gkSvd"
    "bXW+vhpVJAOGjeQ3RPauUZnlTkGZ4UnFvCbLfQpPTr7c11McIJkuzXk05c9F8URgvuGdoV"
    "4AIYqU9kLuk+m1+f+fZBB++LTHvb/Jh9/38rnByR"
)
