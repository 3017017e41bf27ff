"""Idempotency keys: a request that moves seats or money, sent again with its key, has its effect once.

The answer is stored in the transaction of the effect. Twins are told apart by an advisory lock on the key, which
PostgreSQL lets go at the end of the transaction, also when the process that held it was killed.
"""

import hashlib
from dataclasses import dataclass

from eventhub.database import Queries, Transaction
from eventhub.errors import Conflict, EventHubError


class KeyInUse(Conflict):
    """Raised when the first request with this key is still being answered."""

    code = "idempotency_key_in_use"
    retry_after_seconds = 1


class KeyReused(EventHubError):
    """Raised when a key comes with another request than before."""

    code = "idempotency_key_reused"


@dataclass(frozen=True)
class Answer:
    """What was answered."""

    status: int
    body: bytes


def fingerprint(method: str, path: str, body: bytes) -> bytes:
    """Return what is the same in every repetition of a request."""
    return hashlib.sha256(b"\0".join([method.encode(), path.encode(), body])).digest()


async def begin(tx: Transaction, user_id: int, key: str, request: bytes, *, kept_hours: int) -> Answer | None:
    """Return the stored answer to this key; None for the first request, which holds the key until its commit.

    Raises KeyInUse while a twin is at work, KeyReused where the key stands for another request.
    """
    if not await tx.fetch_value(
        "SELECT pg_try_advisory_xact_lock(hashtextextended($1, $2))", f"idempotency:{key}", user_id
    ):
        raise KeyInUse("A request with this Idempotency-Key is being answered: try again in a moment.")
    row = await tx.fetch_one(
        "SELECT fingerprint, status, body FROM idempotent_answers WHERE user_id = $1 AND key = $2 "
        "AND created_at > now() - make_interval(hours => $3)",
        user_id,
        key,
        kept_hours,
    )
    if row is None:
        return None
    if row["fingerprint"] != request:
        raise KeyReused("This Idempotency-Key was used with another request: use a new key for each.")
    return Answer(row["status"], row["body"])


async def store(tx: Transaction, user_id: int, key: str, request: bytes, answer: Answer) -> None:
    """Keep `answer`, in place of one that is older."""
    await tx.execute(
        "INSERT INTO idempotent_answers (user_id, key, fingerprint, status, body, created_at) "
        "VALUES ($1, $2, $3, $4, $5, now()) ON CONFLICT (user_id, key) DO UPDATE SET "
        "fingerprint = excluded.fingerprint, status = excluded.status, body = excluded.body, created_at = now()",
        user_id,
        key,
        request,
        answer.status,
        answer.body,
    )


async def purge(queries: Queries, limit: int = 5000, *, kept_hours: int) -> int:
    """Drop up to `limit` answers older than `kept_hours`; return how many."""
    return await queries.execute(
        "DELETE FROM idempotent_answers WHERE id IN (SELECT id FROM idempotent_answers "
        "WHERE created_at < now() - make_interval(hours => $1) ORDER BY created_at LIMIT $2)",
        kept_hours,
        limit,
    )
