"""What leaves an installation about itself, where a setting says where to: traces, and reports of errors."""

from eventhub.telemetry import sentry, tracing


def start(process: str, release: str, *, has_traces: bool, sentry_dsn: str) -> None:
    """Begin to send, in a process that forks no more and whose log is configured; `stop` sends what is left."""
    if has_traces:
        tracing.start(process, release)
    if sentry_dsn:
        sentry.start(process, release, sentry_dsn)


def stop() -> None:
    tracing.stop()
    sentry.stop()
