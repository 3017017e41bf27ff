"""Jobs: queued -> running -> (row deleted, one line in job_log) | queued again | failed."""

from dataclasses import dataclass
from enum import StrEnum

from tortoise import Model, fields

from eventhub.models.base import CheckConstraint, SqlIndex, one_of


class Queue(StrEnum):
    """Ops scale each of these alone: `eventhub worker --queues payments`."""

    BOOKINGS = "bookings"
    PAYMENTS = "payments"
    WAITLIST = "waitlist"
    NOTIFICATIONS = "notifications"
    CERTIFICATES = "certificates"


class JobState(StrEnum):
    """A done job has no row; a failed one stays for a person to retry or discard."""

    QUEUED = "queued"
    RUNNING = "running"
    FAILED = "failed"


@dataclass(frozen=True)
class JobKind:
    """What a kind of job is called, where it queues and how patient it is.

    Attempts that fail because the outside or the database is away do not count in `max_attempts`; they go on, at most
    for `outage_days`.
    """

    name: str
    queue: Queue
    max_attempts: int = 8
    lease_seconds: int = 60
    time_limit_seconds: int = 300
    version: int = 1
    outage_days: int | None = None


MAIL_DAYS = 5  # how long mail servers try, too (RFC 5321, 4.5.4.1)

CONFIRM_BOOKING = JobKind("confirm_booking", Queue.BOOKINGS)
EXPIRE_BOOKING = JobKind("expire_booking", Queue.BOOKINGS)
FOLLOW_ORGANIZER = JobKind("follow_organizer", Queue.BOOKINGS)
CANCEL_EVENT_BOOKINGS = JobKind("cancel_event_bookings", Queue.BOOKINGS)
PROMOTE_WAITLIST = JobKind("promote_waitlist", Queue.WAITLIST)
CLOSE_WAITLIST = JobKind("close_waitlist", Queue.WAITLIST)
# Goes by what the event's row says that its people know; versions 1 and 2 carried the change, and how far they were.
# Version 3 knew nothing of the terms that stand there too.
NOTIFY_EVENT_UPDATED = JobKind("notify_event_updated", Queue.NOTIFICATIONS, version=4)
# Version 2 of these and of ISSUE_CERTIFICATES goes by the rows alone; the payload of version 1 says how far it is.
REMIND_ATTENDEES = JobKind("remind_attendees", Queue.NOTIFICATIONS, version=2)
SURVEY_ATTENDEES = JobKind("survey_attendees", Queue.NOTIFICATIONS, version=2)
SEND_NOTIFICATION = JobKind(
    "send_notification",
    Queue.NOTIFICATIONS,
    max_attempts=20,
    lease_seconds=180,
    time_limit_seconds=150,
    outage_days=MAIL_DAYS,
    version=2,  # notes that it has mailed
)
SEND_INVOICE = JobKind(
    "send_invoice",
    Queue.NOTIFICATIONS,
    max_attempts=20,
    lease_seconds=180,
    time_limit_seconds=150,
    outage_days=MAIL_DAYS,
    version=3,  # credit notes too; notes that it has mailed
)
SEND_TOKEN = JobKind(
    "send_token",
    Queue.NOTIFICATIONS,
    max_attempts=20,
    lease_seconds=180,
    time_limit_seconds=150,
    outage_days=MAIL_DAYS,
)
TELL_OLD_ADDRESS = JobKind(
    "tell_old_address",
    Queue.NOTIFICATIONS,
    max_attempts=20,
    lease_seconds=180,
    time_limit_seconds=150,
    outage_days=MAIL_DAYS,
    version=2,  # says whether the address was verified
)
TELL_OF_PASSWORD = JobKind(
    "tell_of_password",
    Queue.NOTIFICATIONS,
    max_attempts=20,
    lease_seconds=180,
    time_limit_seconds=150,
    outage_days=MAIL_DAYS,
)
TELL_OF_ROLE = JobKind(
    "tell_of_role",
    Queue.NOTIFICATIONS,
    max_attempts=20,
    lease_seconds=180,
    time_limit_seconds=150,
    outage_days=MAIL_DAYS,
)
PROCESS_PAYMENT = JobKind("process_payment", Queue.PAYMENTS, max_attempts=20, lease_seconds=120)
VOID_PAYMENT = JobKind("void_payment", Queue.PAYMENTS, max_attempts=20, lease_seconds=120)
REFUND_PAYMENT = JobKind("refund_payment", Queue.PAYMENTS, max_attempts=500, lease_seconds=120)
# What others than we did with a payment's money at its gateway, and of which payment an event there speaks.
FOLLOW_MONEY = JobKind("follow_money", Queue.PAYMENTS, max_attempts=20, lease_seconds=120)
IDENTIFY_PAYMENT = JobKind("identify_payment", Queue.PAYMENTS, max_attempts=20, lease_seconds=120)
ISSUE_CERTIFICATES = JobKind("issue_certificates", Queue.CERTIFICATES, version=2)
# Version 1 knew nothing of reissued ones, which have a file of their own.
RENDER_CERTIFICATE = JobKind("render_certificate", Queue.CERTIFICATES, version=2)
DELETE_FILE = JobKind("delete_file", Queue.CERTIFICATES, max_attempts=20)

KINDS: dict[str, JobKind] = {kind.name: kind for kind in tuple(vars().values()) if isinstance(kind, JobKind)}


class Job(Model):
    """Work that a commit promised.

    Due when queued and `run_at` has come, or when running and `lease_until` has passed (its worker died).
    `unique_key` is unique among queued rows only: a running job may have looked before the newest change.
    `sent_at` is when the last message for it left; the clock sends again if that was lost.
    """

    id = fields.BigIntField(primary_key=True)
    kind = fields.CharField(max_length=60)
    version = fields.SmallIntField(default=1)
    queue = fields.CharField(max_length=30)
    payload = fields.JSONField[dict[str, object]]()
    unique_key = fields.CharField(max_length=120, null=True)
    state = fields.CharField(max_length=10, default=JobState.QUEUED.value, db_default=JobState.QUEUED.value)
    run_at = fields.DatetimeField()
    attempts = fields.SmallIntField(default=0, db_default=0)
    max_attempts = fields.SmallIntField()
    lease_until = fields.DatetimeField(null=True)
    lease_token = fields.UUIDField(null=True)
    error = fields.TextField(default="", db_default="")
    request_id = fields.CharField(max_length=64, default="-", db_default="-")
    created_at = fields.DatetimeField(auto_now_add=True)
    sent_at = fields.DatetimeField(null=True)

    class Meta:
        table = "jobs"
        indexes = (
            SqlIndex("jobs_one_queued", "(unique_key) WHERE state = 'queued'", unique=True),
            SqlIndex("jobs_due", "(run_at) WHERE state = 'queued'"),
            SqlIndex("jobs_leases", "(lease_until) WHERE state = 'running'"),
            SqlIndex("jobs_failed", "(id) WHERE state = 'failed'"),
        )
        constraints = (
            one_of("state", JobState, "jobs_state_known"),
            CheckConstraint(
                check="(state = 'running') = (lease_token IS NOT NULL AND lease_until IS NOT NULL)",
                name="jobs_running_have_a_lease",
            ),
        )


class JobLog(Model):
    """One line for each job that ended well or was refused by a rule; the clock purges old lines."""

    id = fields.BigIntField(primary_key=True)
    job_id = fields.BigIntField()
    kind = fields.CharField(max_length=60)
    payload = fields.JSONField[dict[str, object]]()
    outcome = fields.CharField(max_length=300)
    attempts = fields.SmallIntField()
    request_id = fields.CharField(max_length=64)
    created_at = fields.DatetimeField()
    finished_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "job_log"
        indexes = (SqlIndex("job_log_age", "(finished_at)"),)
