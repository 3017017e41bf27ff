"""Reports of errors to Sentry: each that the log has with its traceback, and each job that failed for good.

A report says what kind of error came up where in the code, and which ids it was about. What a person may have written
stays in the log: an error's words, the values of variables, bodies, queries, headers, names, addresses.
"""

import logging
from typing import TYPE_CHECKING

from eventhub import logs

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

CLOSE_SECONDS = 2.0
WORDS_STAY = "(its words are in the log)"
# All of a report that comes from Sentry's own library.
KEPT = frozenset(
    (
        *("event_id", "timestamp", "level", "logger", "platform", "exception"),
        *("release", "environment", "server_name", "sdk"),
    )
)
PLACES = ("route", "job_kind", "task")  # what an error comes up in
_OF_SENDERS = ("sentry_sdk", "opentelemetry", "urllib3")
_JOBS = "eventhub.jobs"

_handler: logging.Handler | None = None


def start(process: str, release: str, dsn: str) -> None:
    """Begin to report what this process logs. Nothing else of it is hooked."""
    import sentry_sdk  # noqa: PLC0415 - an extra, loaded where it is wanted
    from sentry_sdk.integrations.logging import EventHandler  # noqa: PLC0415

    sentry_sdk.init(
        dsn,
        release=f"eventhub@{release}",
        before_send=_bare,
        default_integrations=False,
        auto_enabling_integrations=False,
        auto_session_tracking=False,
        send_client_reports=False,
        spotlight=False,
        max_breadcrumbs=0,
        # It is asked for none of what it would collect by itself, and `_bare` would let none of it pass.
        data_collection={
            "user_info": False,
            "cookies": {"mode": "off"},
            "http_headers": {"request": {"mode": "off"}},
            "http_bodies": [],
            "url_query_params": {"mode": "off"},
            "database_query_data": False,
            "queues": False,
            "stack_frame_variables": False,
        },
        in_app_include=["eventhub"],
    )
    sentry_sdk.get_global_scope().set_tag("process", process)
    global _handler  # noqa: PLW0603 - one client for a process, as Sentry's own
    _handler = EventHandler(logging.ERROR)
    _handler.addFilter(_is_reported)
    logging.getLogger().addHandler(_handler)


def stop() -> None:
    """Send what is left, for at most CLOSE_SECONDS."""
    global _handler  # noqa: PLW0603
    if _handler is None:
        return
    import sentry_sdk  # noqa: PLC0415

    logging.getLogger().removeHandler(_handler)
    _handler = None
    sentry_sdk.get_client().close(timeout=CLOSE_SECONDS)


def _is_reported(record: logging.LogRecord) -> bool:
    # What is away (a database, a gateway) has no traceback in the log. Of jobs an error without one is their last.
    is_error = bool(record.exc_info and record.exc_info[0]) or record.name == _JOBS
    return is_error and not record.name.startswith(_OF_SENDERS)


def _bare(event: "Event", hint: "Hint") -> "Event | None":
    """Return what may leave of a report, with the ids of what it is about."""
    record: logging.LogRecord = hint["log_record"]
    places = {name: value for name, value in logs.context().items() if name in PLACES}
    about = {name: str(value) for name, value in {**logs.known_ids(), **places}.items()}
    errors = event.get("exception", {}).get("values", [])
    for error in errors:
        error["value"] = WORDS_STAY
        error.get("mechanism", {}).pop("meta", None)
    bare = {name: value for name, value in event.items() if name in KEPT}
    bare["tags"] = {**(event.get("tags") or {}), **about}
    bare["transaction"] = next((about[place] for place in PLACES if place in about), record.name)
    if not errors:
        # What the code says, without what it says it of.
        bare["logentry"] = {"message": str(record.msg)}
        bare["fingerprint"] = ["{{ default }}", bare["transaction"]]
    return bare  # type: ignore[return-value]
