"""One line per event on stderr: time, level, process, logger, request id, message."""

import contextvars
import logging
import sys
import time

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="-")


class _Lines(logging.Formatter):
    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        record.request_id = request_id.get()
        text = super().format(record)
        # What a client sent may stand in a message: a line break must not forge a second log line.
        head, *trace = text.split("\n") if record.exc_info else [text]
        head = head.replace("\r", "\\r").replace("\n", "\\n")
        return "\n".join([head, *trace])


def configure(process: str, level: str = "INFO") -> None:
    """Send every log line of this process to stderr, marked with its `process` name (web, worker, clock)."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _Lines(
            f"%(asctime)s.%(msecs)03dZ %(levelname)-7s {process}[%(process)d] %(name)s %(request_id)s %(message)s",
            "%Y-%m-%dT%H:%M:%S",
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    logging.getLogger("dramatiq").setLevel(logging.WARNING)
    logging.getLogger("tortoise").setLevel(logging.WARNING)
