"""How this process connects to PostgreSQL: its time limits, and the configuration of Tortoise and aerich."""

from dataclasses import dataclass
from typing import Any

import asyncpg
from tortoise.backends.base.config_generator import expand_db_url

from eventhub.telemetry import tracing

ANSWER_SECONDS = 2.0
IDLE_IN_TRANSACTION_SECONDS = 30.0  # between two statements nothing is waited for, so it is stuck


@dataclass(frozen=True)
class Timeouts:
    """How long this process waits for the database: for a statement, for a lock in it, for a connection of the pool.

    What runs into a limit raises one of `UnavailableErrors`, and its transaction is rolled back.
    """

    statement_seconds: float
    lock_seconds: float
    turn_seconds: float

    @property
    def command_seconds(self) -> float:
        """How long this side waits for an answer; the server is to give up first, and to say why."""
        return self.statement_seconds + ANSWER_SECONDS

    @property
    def server_settings(self) -> dict[str, str]:
        """What the server is told at connect: nothing has to SET it."""
        return {
            "statement_timeout": _milliseconds(self.statement_seconds),
            "lock_timeout": _milliseconds(self.lock_seconds),
            "idle_in_transaction_session_timeout": _milliseconds(IDLE_IN_TRANSACTION_SECONDS),
        }


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg ships no types
    def __init__(self, *made_of: Any) -> None:
        super().__init__(*made_of)
        if tracing.is_on():
            self.add_query_logger(tracing.note_statement)

    def get_reset_query(self) -> str:
        """Spare a round trip at every release: nothing here SETs anything outside a transaction."""
        return ""


def tortoise_config(
    url: str, pool_size: int = 10, name: str = "eventhub", timeouts: Timeouts | None = None
) -> dict[str, Any]:
    """Return Tortoise's (and aerich's) configuration for the database at `url`."""
    connection = expand_db_url(url)
    # libpq's name, which managed servers give in their URLs; a pool knows it by asyncpg's.
    if (mode := connection["credentials"].pop("sslmode", None)) is not None:
        connection["credentials"]["ssl"] = mode
    connection["credentials"] |= {
        "minsize": min(2, pool_size),
        "maxsize": pool_size,
        "connection_class": _Connection,
        "max_cached_statement_lifetime": 0,
        "timeout": 5,
        "command_timeout": timeouts.command_seconds if timeouts else None,
        "server_settings": {
            "application_name": name,
            "jit": "off",
            "timezone": "UTC",
            **(timeouts.server_settings if timeouts else {}),
        },
    }
    return {
        "connections": {"default": connection},
        "apps": {"models": {"models": ["eventhub.models", "aerich.models"], "default_connection": "default"}},
        "use_tz": True,
        "timezone": "UTC",
    }
