"""One line per event on stderr, as text or as JSON, with the ids of what the request or job behind it is about."""

import json
import logging
import platform
import sys
import threading
import time
from collections.abc import Mapping
from contextvars import ContextVar, Token
from types import TracebackType

import orjson

from eventhub import __version__

# What lines say of their request or job, where it is known. What else is in the context is for reports of errors.
IDS = ("request_id", "user_id", "event_id", "booking_id", "payment_id", "job_id")
NO_REQUEST = "-"
TEXT, JSON = "text", "json"

Context = dict[str, object]

_context: ContextVar[Context | None] = ContextVar("log_context", default=None)


def begin(**about: object) -> Token[Context | None]:
    """Let the lines of this task, and of those that it starts, be `about` this from now on; `end` takes the token."""
    return _context.set(about)


def add(**about: object) -> None:
    """Say more of what the present request or job is about."""
    context = _context.get()
    if context is not None:
        context.update(about)


def end(token: Token[Context | None]) -> None:
    _context.reset(token)


def context() -> Mapping[str, object]:
    """Return what the present request or job is about, as far as it is known."""
    return _context.get() or {}


def request_id() -> str:
    """Return the id of the request behind what runs now, or "-"."""
    return str(context().get("request_id", NO_REQUEST))


def known_ids() -> Context:
    """Return those of IDS that are known."""
    about = context()
    return {name: about[name] for name in IDS if about.get(name) not in {None, NO_REQUEST}}


def configure(process: str, level: str = "INFO", style: str = TEXT) -> None:
    """Send every log line of this process to stderr, marked with its `process` name (web, worker, clock).

    So are Python's warnings, and what ends the process or one of its threads.
    """
    # Dramatiq puts a pipe to its master in the place of `sys.stderr`, of which the last lines may be lost.
    handler = logging.StreamHandler(sys.__stderr__)
    handler.setFormatter({TEXT: TextLines, JSON: JsonLines}[style](process))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for library in ("asyncio", "dramatiq", "tortoise"):
        logging.getLogger(library).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_end
    threading.excepthook = _log_end_of_thread


def announce(what: str, commit: str) -> None:
    """Log in one line what starts here, and of which version."""
    built = f" (commit {commit})" if commit else ""
    log.info("Event Hub %s%s on Python %s: %s", __version__, built, platform.python_version(), what)


class _Lines(logging.Formatter):
    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self, process: str) -> None:
        super().__init__()
        self.process = process

    def trace_of(self, record: logging.LogRecord) -> str:
        """Return the traceback that comes with a record, if any."""
        parts = [self.formatException(record.exc_info)] if record.exc_info and record.exc_info[0] else []
        if record.stack_info:
            parts.append(self.formatStack(record.stack_info))
        return "\n".join(parts)


class TextLines(_Lines):
    """Lines for people: time, level, process, logger, request id, message, then other ids as `booking=33`."""

    def format(self, record: logging.LogRecord) -> str:
        ids = known_ids()
        line = (
            f"{self.formatTime(record)} {record.levelname:<7} {self.process}[{record.process}] {record.name} "
            f"{ids.pop('request_id', NO_REQUEST)} {_on_one_line(record.getMessage())}"
        )
        line += "".join(f" {name.removesuffix('_id')}={value}" for name, value in ids.items())
        # An error's words may hold a client's, too: what begins with a space is no line of its own.
        return "\n  ".join([line, *map(_on_one_line, self.trace_of(record).splitlines())])


class JsonLines(_Lines):
    """Lines for machines: one JSON object each."""

    def format(self, record: logging.LogRecord) -> str:
        said = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "process": self.process,
            "pid": record.process,
            "logger": record.name,
            **known_ids(),
            "message": record.getMessage(),
        }
        if trace := self.trace_of(record):
            said["exception"] = trace
        try:
            return orjson.dumps(said).decode()
        except TypeError:  # half a character, as of a header that is no UTF-8
            return json.dumps(said)


def _on_one_line(text: str) -> str:
    """Return what a client may have sent so that it forges no line and moves no cursor."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _log_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        log.critical("the process ends by an error", exc_info=(kind, error, trace))


def _log_end_of_thread(ended: threading.ExceptHookArgs) -> None:
    error = ended.exc_value
    if error is not None and not isinstance(error, SystemExit):
        name = ended.thread.name if ended.thread is not None else "?"
        log.error("the thread %s ends by an error", name, exc_info=error)


log = logging.getLogger("eventhub")
