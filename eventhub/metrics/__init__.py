"""What Event Hub counts and times of itself, for Prometheus.

A family is made when it is first used: by then `share` has said whether this process counts alone or, like the children
of one master, together with others. docs/operations.md, "Metrics and alerts", says what each means.
"""

from eventhub.metrics.families import Counter, Family, Gauge, Histogram

# --- requests ---

# A page of the API takes milliseconds; past ten seconds its client has gone.
_REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

REQUESTS = Histogram(
    "eventhub_http_request_seconds",
    "Requests that were answered, by the route's template, and how long the answers took.",
    "route", "method", "status",
    buckets=_REQUEST_SECONDS,
)  # fmt: skip
IN_FLIGHT = Gauge("eventhub_http_requests_in_flight", "Requests that are being worked on.")
CACHE = Counter(
    "eventhub_cache_lookups", "Looks for a copy of an answer for readers who are not signed in.", "outcome"
)
LIMITED = Counter("eventhub_rate_limited", "Requests that were refused by a limit.", "limit")
WEBHOOKS = Counter(
    "eventhub_webhooks", "Calls of payment providers, by what was answered.", "gateway", "status"
)

# --- the database ---

STATEMENTS = Histogram(
    "eventhub_database_statement_seconds",
    "Statements, and how long PostgreSQL and the way to it took.",
    "pool",
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10),
)
WAITS = Histogram(
    "eventhub_database_wait_seconds",
    "How long was waited for a connection of the pool.",
    "pool",
    buckets=(0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10),
)
CONNECTIONS = Gauge(
    "eventhub_database_connections",
    "Connections of the pool that are open, by what they do.",
    "pool",
    "state",
)

# --- jobs ---

JOBS = Histogram(
    "eventhub_job_seconds",
    "Tries of jobs, by how they ended, and how long they took.",
    "kind", "outcome",
    buckets=(0.005, 0.025, 0.1, 0.5, 2.5, 10, 60, 300),
)  # fmt: skip
JOB_DELAY = Histogram(
    "eventhub_job_delay_seconds",
    "From when a job was due to the beginning of this try.",
    "queue",
    buckets=(0.01, 0.05, 0.25, 1, 5, 30, 120, 600, 3600),
)
MAILS = Counter("eventhub_mails", "Mails, by what became of them: sent, retried or refused.", "outcome")
GATEWAY_CALLS = Histogram(
    "eventhub_gateway_call_seconds",
    "What was asked of payment gateways, and how long they took to answer.",
    "gateway", "operation", "outcome",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20),
)  # fmt: skip

# --- what the clock sees, in the database ---

QUEUE_JOBS = Gauge(
    "eventhub_jobs",
    "Jobs with a row, by their queue and state; those to come are not due yet.",
    "queue",
    "state",
)
JOBS_DUE = Gauge("eventhub_jobs_due", "Jobs that are due and that no worker has begun.", "queue")
OLDEST_DUE = Gauge(
    "eventhub_jobs_oldest_due_seconds", "For how long the oldest of those has been due.", "queue"
)
PROCESSES = Gauge("eventhub_processes", "Processes whose heartbeat is fresh.", "kind")
QUEUE_WORKERS = Gauge(
    "eventhub_queue_workers", "Worker processes that do a queue, with a fresh heartbeat.", "queue"
)
SEATS = Gauge("eventhub_seats", "Seats of events that are published or ongoing, by state.", "state")
WAITING = Gauge("eventhub_waiting", "People on the waitlists of events.")
PENDING_BOOKINGS = Gauge("eventhub_bookings_pending", "Bookings that hold seats and are not confirmed yet.")
PAYMENTS = Gauge("eventhub_payments_open", "Payments that wait for something, by what for.", "waits_for")
OLDEST_PAYMENT = Gauge(
    "eventhub_payments_open_oldest_seconds", "For how long the oldest of those has been waiting.", "waits_for"
)
REVENUE = Gauge("eventhub_revenue", "What events have taken, less what was refunded.", "currency")
MAILS_OWED = Gauge("eventhub_mails_owed", "Mails that are promised and have not left.", "about")
SCHEMA_VERSION = Gauge("eventhub_schema_version", "The number of the newest migration that the database has.")

# --- the clock ---

TASKS = Histogram(
    "eventhub_clock_task_seconds",
    "Runs of the clock's tasks, by how they ended, and how long they took.",
    "task", "outcome",
    buckets=(0.01, 0.1, 1, 10, 60),
)  # fmt: skip
TASK_SUCCEEDED_AT = Gauge(
    "eventhub_clock_task_succeeded_timestamp_seconds", "When a task last did what it is for.", "task"
)

BUILD = Gauge(
    "eventhub_build_info",
    "Always 1; the labels say what runs.",
    "version",
    "commit",
    "python",
    mode="mostrecent",
)


ALL: tuple[Family, ...] = tuple(value for value in tuple(vars().values()) if isinstance(value, Family))
