"""What Event Hub counts and times of itself, for Prometheus.

A family is made when it is first used: by then it is known whether this process counts alone or, like the children of
one master, together with others (`families.shared`). docs/operations.md, "Metrics and alerts", has what each means.
"""

from eventhub.metrics.exposition import CHALLENGE, Readers, exposed, exposition
from eventhub.metrics.families import Counter, Family, Gauge, Histogram

__all__ = ["CHALLENGE", "Counter", "Family", "Gauge", "Histogram", "Readers", "exposed", "exposition"]

# --- requests ---

REQUESTS = Histogram(
    "eventhub_http_request_seconds",
    "Requests that were answered, by the route's template, and how long the answers took.",
    "route", "method", "status",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)  # fmt: skip
IN_FLIGHT = Gauge("eventhub_http_requests_in_flight", "Requests that are being worked on.")
CONNECTIONS = Gauge("eventhub_http_connections", "Connections of clients.")
STREAMS = Gauge("eventhub_change_streams", "Streams of changes that are open.")
UNSENT = Gauge("eventhub_http_unsent_bytes", "Bytes of answers that clients have not read yet.")
CACHE = Counter(
    "eventhub_cache_lookups", "Looks for a copy of an answer for readers who are not signed in.", "outcome"
)
LIMITED = Counter("eventhub_rate_limited", "Requests that a rate limit refused.", "limit")
WEBHOOKS = Counter("eventhub_webhooks", "Events that payment providers sent.", "gateway", "outcome")

# --- the database ---

STATEMENTS = Histogram(
    "eventhub_database_statement_seconds",
    "Statements, and how long PostgreSQL and the way to it took.",
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10),
)
WAITS = Histogram(
    "eventhub_database_wait_seconds",
    "Waits of a millisecond and more: for a connection of a pool, for the turn of a transaction.",
    "line",
    buckets=(0.005, 0.025, 0.1, 0.5, 2.5, 10),
)
POOL_CONNECTIONS = Gauge(
    "eventhub_database_connections", "Connections that a pool has open.", "pool", "state"
)
POOL_SIZE = Gauge("eventhub_database_pool_size", "Connections that a pool may open.", "pool")

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
    "kind",
    buckets=(0.01, 0.05, 0.25, 1, 5, 30, 120, 600, 3600),
)
MAILS = Counter("eventhub_mails", "Mails that were to leave, by what became of them.", "outcome")
GATEWAY_CALLS = Histogram(
    "eventhub_gateway_call_seconds",
    "What was asked of payment gateways, and how long they took to answer.",
    "gateway", "operation", "outcome",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20),
)  # fmt: skip

# --- the clock ---

TASKS = Histogram(
    "eventhub_clock_task_seconds",
    "Runs of the clock's tasks, by how they ended, and how long they took.",
    "task", "outcome",
    buckets=(0.01, 0.1, 1, 10, 60),
)  # fmt: skip
TASK_SUCCEEDED = Gauge(
    "eventhub_clock_task_succeeded_timestamp_seconds", "When a task last did what it is for.", "task"
)

# --- what the clock sees in the database ---

QUEUE_JOBS = Gauge(
    "eventhub_jobs",
    "Jobs that have a row: all that wait, those of them that are due, and others.",
    "queue",
    "state",
)
OLDEST_DUE = Gauge(
    "eventhub_jobs_oldest_due_seconds", "For how long the oldest due job of a queue has been due.", "queue"
)
PROCESSES = Gauge("eventhub_processes", "Processes whose heartbeat is heard.", "kind")
QUEUE_WORKERS = Gauge(
    "eventhub_queue_workers", "Worker processes, whose heartbeat is heard, that do a queue.", "queue"
)
EVENTS = Gauge("eventhub_events", "Events.", "status")
SEATS = Gauge("eventhub_seats", "Seats of events that are published or ongoing.", "state")
WAITING = Gauge("eventhub_waiting", "People on the waitlists of such events.")
PENDING_BOOKINGS = Gauge("eventhub_bookings_pending", "Bookings that hold seats and are not confirmed.")
PAYMENTS = Gauge("eventhub_payments", "Payments.", "status", "currency")
MONEY = Gauge(
    "eventhub_payments_amount", "What the payments amount to, in the currency's unit.", "status", "currency"
)
OWED = Gauge("eventhub_owed", "What jobs, or people, have still to do for rows.", "what")
OLDEST_OWED = Gauge("eventhub_owed_oldest_seconds", "For how long the oldest of it has been owed.", "what")
FACTS = Gauge("eventhub_facts_unnumbered", "Facts that have no number yet, and so are in no feed.")
OLDEST_FACT = Gauge(
    "eventhub_facts_unnumbered_oldest_seconds", "For how long the oldest of them has been waiting."
)
DATABASE_SIZE = Gauge("eventhub_database_size_bytes", "What the database takes on its disk.")
SCHEMA = Gauge(
    "eventhub_schema_version",
    "The number of the newest migration: that the database has, that the code needs.",
    "of",
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
