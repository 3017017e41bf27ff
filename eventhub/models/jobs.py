"""Jobs: queued -> running -> (row deleted, one line in job_log) | queued again | failed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from tortoise import Model, fields

from eventhub.models.base import CheckConstraint, SqlIndex, one_of


class Queue(StrEnum):
    """Ops scale each of these alone: `eventhub worker --queues payments`."""

    BOOKINGS = "bookings"
    PAYMENTS = "payments"
    WAITLIST = "waitlist"
    NOTIFICATIONS = "notifications"
    CERTIFICATES = "certificates"

    @property
    def priority(self) -> int:
        """What a worker that does several queues takes first; lower is sooner.

        Seats and money come before what is said of them, and drawing comes last: a burst of payments is settled before
        its five hundred invoices are mailed.
        """
        return {Queue.NOTIFICATIONS: 10, Queue.CERTIFICATES: 20}.get(self, 0)


class JobState(StrEnum):
    """A done job has no row; a failed one stays for a person to retry or discard."""

    QUEUED = "queued"
    RUNNING = "running"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class JobKind:
    """What a kind of job is called, what its jobs are about, where they queue and how patient they are.

    Each job has the names in `payload`, and may have those in `optional`; a handler takes them as keyword arguments.
    Where a kind `is_unique`, one queued job stands for all that are about the same. Of one message, `at_once` run at the
    same time: a few, which wait for the network in turn, or all where what they do is done together.

    Attempts that fail because the outside or the database is away do not count in `max_attempts`; they go on, at most
    for `outage_days`.
    """

    name: str
    queue: Queue
    payload: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    is_unique: bool = True
    max_attempts: int = 8
    lease_seconds: int = 60
    time_limit_seconds: int = 300
    version: int = 1
    outage_days: int | None = None
    at_once: int = 4

    def key(self, *values: object) -> str:
        """Return the unique key of the job with these values of its payload."""
        self._require(len(values) == len(self.payload), values)
        return ":".join([self.name, *map(str, values)])

    def key_sql(self, *columns: str) -> str:
        """Return an SQL expression for the unique key of the job whose payload is in these columns."""
        self._require(len(columns) == len(self.payload), columns)
        return f"'{self.name}:' || " + " || ':' || ".join(columns)

    def key_of(self, payload: Mapping[str, object]) -> str | None:
        """Return the unique key of the job with this payload, if it has one. Raises TypeError for a wrong payload."""
        is_whole = set(self.payload) <= payload.keys() <= {*self.payload, *self.optional}
        self._require(is_whole, payload)
        return self.key(*(payload[name] for name in self.payload)) if self.is_unique else None

    def _require(self, is_right: bool, given: Iterable[object]) -> None:
        if not is_right:
            raise TypeError(f"a job {self.name} is about {', '.join(self.payload)}, not {[*given]}")


_of_booking = partial(JobKind, queue=Queue.BOOKINGS, payload=("booking_id",))
CONFIRM_BOOKING = _of_booking(name="confirm_booking")
EXPIRE_BOOKING = _of_booking(name="expire_booking")
FOLLOW_ORGANIZER = JobKind(name="follow_organizer", queue=Queue.BOOKINGS, payload=("user_id",))

_of_event = partial(JobKind, payload=("event_id",))
CANCEL_EVENT_BOOKINGS = _of_event(name="cancel_event_bookings", queue=Queue.BOOKINGS)
PROMOTE_WAITLIST = _of_event(name="promote_waitlist", queue=Queue.WAITLIST)
CLOSE_WAITLIST = _of_event(name="close_waitlist", queue=Queue.WAITLIST)
# Goes by what the event's row says that its people know; versions 1 and 2 carried the change, and how far they were.
# Version 3 knew nothing of the terms that stand there too.
NOTIFY_EVENT_UPDATED = _of_event(name="notify_event_updated", queue=Queue.NOTIFICATIONS, version=4)
TELL_NEWS = _of_event(name="tell_news", queue=Queue.NOTIFICATIONS)

# Version 2 of these goes by the rows alone; the payload of version 1 says how far it is.
_in_chunks = partial(_of_event, optional=("after_booking",), version=2)
REMIND_ATTENDEES = _in_chunks(name="remind_attendees", queue=Queue.NOTIFICATIONS)
SURVEY_ATTENDEES = _in_chunks(name="survey_attendees", queue=Queue.NOTIFICATIONS)
ISSUE_CERTIFICATES = _in_chunks(name="issue_certificates", queue=Queue.CERTIFICATES)

# Their mail is composed and sent within the time limit, which the lease outlasts.
_mail = partial(
    JobKind,
    queue=Queue.NOTIFICATIONS,
    max_attempts=20,
    lease_seconds=180,
    time_limit_seconds=150,
    outage_days=5,  # how long mail servers try, too (RFC 5321, 4.5.4.1)
)
SEND_NOTIFICATION = _mail(
    name="send_notification",
    payload=("notification_id",),
    version=2,  # notes that it has mailed
)
SEND_INVOICE = _mail(
    name="send_invoice",
    payload=("payment_id", "invoice_kind"),
    version=3,  # credit notes too; notes that it has mailed
)
_mail_of_account = partial(_mail, is_unique=False)
SEND_TOKEN = _mail_of_account(name="send_token", payload=("token_id",))
TELL_OLD_ADDRESS = _mail_of_account(
    name="tell_old_address",
    payload=("token_id", "old_email", "was_verified"),
    version=2,  # says whether the address was verified
)
TELL_OF_PASSWORD = _mail_of_account(name="tell_of_password", payload=("user_id", "to_address", "changed_at"))
TELL_OF_ROLE = _mail_of_account(
    name="tell_of_role", payload=("user_id", "to_address", "old", "new", "changed_at")
)

_at_gateway = partial(
    JobKind, queue=Queue.PAYMENTS, payload=("payment_id",), max_attempts=20, lease_seconds=120
)
PROCESS_PAYMENT = _at_gateway(name="process_payment", at_once=20)
VOID_PAYMENT = _at_gateway(name="void_payment")
REFUND_PAYMENT = _at_gateway(name="refund_payment", max_attempts=500)
# What others than we did with a payment's money at its gateway, and of which payment an event there speaks.
FOLLOW_MONEY = _at_gateway(name="follow_money")
IDENTIFY_PAYMENT = _at_gateway(name="identify_payment", payload=("gateway", "reference"))

# Version 1 knew nothing of reissued ones, which have a file of their own.
RENDER_CERTIFICATE = JobKind(
    name="render_certificate", queue=Queue.CERTIFICATES, payload=("certificate_id",), version=2
)
DELETE_FILE = JobKind(
    name="delete_file", queue=Queue.CERTIFICATES, payload=("name",), is_unique=False, max_attempts=20
)

KINDS: dict[str, JobKind] = {kind.name: kind for kind in tuple(vars().values()) if isinstance(kind, JobKind)}


class Job(Model):
    """Work that a commit promised.

    Due when queued and `run_at` has come, or when running and `lease_until` has passed (its worker died).
    `unique_key` is unique among queued rows only: a running job may have looked before the newest change.
    `sent_at` is when the last message for it left; the clock sends again if that was lost. `process_id` is the process
    that runs it, `trace` the trace of what caused it (traceparent, W3C).
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
    process_id = fields.UUIDField(null=True)
    error = fields.TextField(default="", db_default="")
    request_id = fields.CharField(max_length=64, default="-", db_default="-")
    trace = fields.CharField(max_length=55, null=True)
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
        indexes = (
            SqlIndex("job_log_age", "(finished_at)"),
            # For the story of a booking: what became of the jobs about it, its payments, and what its people were told.
            *(
                SqlIndex(f"job_log_{name}", f"((payload->>'{name}_id')) WHERE payload ? '{name}_id'")
                for name in ("booking", "payment", "notification")
            ),
            SqlIndex("job_log_job", "(job_id)"),
            SqlIndex("job_log_request", "(request_id) WHERE request_id <> '-'"),
        )
